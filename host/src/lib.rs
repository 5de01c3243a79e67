//! Kellion, the server: AI agents as WebAssembly components, one cell for each session.

pub mod agents;
pub mod api;
pub mod clock;
pub mod contract;
pub mod ids;
pub mod models;
pub mod sandbox;
pub mod sessions;
