//! Kellion, the server: AI agents as WebAssembly components, one cell for each session.

pub mod contract;
pub mod models;
