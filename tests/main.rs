//! End-to-end tests: the real server, real clients.
mod house;
#[allow(dead_code, reason = "being written")]
mod stand_in;
