//! What the session has: its configuration, and what it may still spend.

#[doc(inline)]
pub use crate::bindings::kellion::agent::session::Budget;
use crate::host;

/// A value of the agent's configuration (AgentCore's environment variables).
///
/// In a native test: the environment variable of that name.
pub fn config(name: &str) -> Option<String> {
    host::config(name)
}

/// What may still be spent on models: the tightest limit of turn, session, agent and tenant.
///
/// In a native test: no limits.
pub fn remaining() -> Budget {
    host::remaining()
}
