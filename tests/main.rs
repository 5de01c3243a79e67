//! End-to-end tests: the real server, real clients, one file for each subject.
//!
//! Run them with `tests/run`, which installs what they need. They wait for states, never for time; only the stand-in for
//! Bedrock and the servers under test are spoken to, all on the loopback address.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says where"
)]

mod agentcore;
mod artifacts;
mod author;
mod aws_clients;
mod aws_sdks;
mod cards;
mod chaos;
mod client_tokens;
mod command_line;
mod conformance;
mod control_plane;
mod data_plane;
mod deploy;
mod fairness;
mod faults;
mod grants;
mod harness;
mod hibernation;
mod hostile_auth;
mod hostile_guests;
mod hostile_http;
mod hostile_models;
mod hostile_programs;
mod hostile_uploads;
mod house;
#[expect(
    dead_code,
    reason = "the tests of the room that verifies tokens, which share it, use more of it"
)]
mod issuer;
mod jail;
mod keyed_clients;
mod leaks;
mod leftovers;
mod lifecycle;
mod metrics;
mod models;
mod pages;
mod quotas;
mod secrets;
mod shares;
#[expect(
    dead_code,
    reason = "the provider's own tests, which share it, use more of it"
)]
mod stand_in;
mod streaming;
mod stress;
mod survives;
mod tags;
mod tenancy;
mod tls;
mod tokens;
mod travel;
mod tutorial;
mod validation;
