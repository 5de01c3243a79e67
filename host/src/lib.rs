//! Kellion, the server: AI agents as WebAssembly components, one cell for each session.
//!
//! The house has floors; a room uses rooms below it, never beside or above it. From the top:
//!
//! | floor | rooms | subject |
//! |---|---|---|
//! | 6 | [`cli`], [`app`], [`config`] | the program: commands, the server put together, its configuration |
//! | 5 | [`api`] | HTTP: the AgentCore wire and the admin API |
//! | 4 | [`sessions`] | one actor for each session, and what a turn may reach |
//! | 3 | [`agents`] | names, versions, endpoints, artifacts, builds |
//! | 2 | [`sandbox`], [`models`], [`journal`], [`tenants`], [`tokens`] | the only wasmtime; the only AWS SDK; the record of each session; who may call; the only JWT |
//! | 1 | [`contract`], [`grants`], [`ids`], [`clock`], [`signatures`], [`sigv4`], [`jail`], [`telemetry`], [`workers`], `shares` | words that all floors share; who made a component; how AWS requests are signed; what a process gives up; what is counted; threads for long computations; how much one may have of what all share |
//!
//! A turn goes straight down: `api::agentcore::data_plane::invoke` → `sessions::Sessions::invoke` → the session's actor →
//! `sandbox::Cell::invoke` → the guest, and its calls come back through `sandbox::Capabilities`. Start reading there.

pub mod agents;
pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contract;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod grants;
pub mod ids;
pub mod jail;
pub mod journal;
pub mod models;
pub mod sandbox;
pub mod sessions;
mod shares;
pub mod signatures;
pub mod sigv4;
pub mod telemetry;
pub mod tenants;
pub mod tokens;
pub mod workers;
