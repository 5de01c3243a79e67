//! What bounds an account.

use serde::{Deserialize, Serialize};

use crate::grants;
use crate::signatures::TrustedKey;

/// A tenant's policy, as its operator writes it. What is left out has its default; unknown keys are errors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Public keys of authors, Ed25519 as PEM: only what one of them signed becomes a version. Everything may, when there are
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<TrustedKey>,
    /// How much of everything.
    pub quotas: Quotas,
    /// How far its agents' grants may go.
    pub grants: grants::Policy,
}

impl Policy {
    /// The policy of a server without keys: one user's own machine is its own bound.
    pub fn local() -> Self {
        Self {
            quotas: Quotas {
                sessions: None,
                concurrent_turns: None,
                requests_per_second: None,
                storage_mib: None,
                journal_mib: None,
                ..Quotas::default()
            },
            ..Self::default()
        }
    }
}

/// How much of everything a tenant may have; none is without bound.
///
/// The defaults are AgentCore's own where it has one. Whoever reaches a quota is refused, and nobody else is slowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Agents. 1,000 by default.
    pub agents: Option<u32>,
    /// Versions of one agent. 1,000 by default.
    pub versions: Option<u32>,
    /// Sessions that have begun and not ended, in memory or at rest. 1,000 by default.
    pub sessions: Option<u32>,
    /// Turns that run or wait at one moment, all sessions together. 256 by default.
    pub concurrent_turns: Option<u32>,
    /// Requests in one second, of all kinds together; as many may come at once. 200 by default; at least 1.
    pub requests_per_second: Option<u32>,
    /// Artifacts, in MiB; what several references name counts once, and each reference 4 KiB. 10,240 by default.
    pub storage_mib: Option<u64>,
    /// What the journal holds of all its sessions, with those that have ended, until it forgets them; 4 KiB for each, and
    /// its records and its image. In MiB, counted anew now and then. 10,240 by default.
    pub journal_mib: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            agents: Some(1_000),
            versions: Some(1_000),
            sessions: Some(1_000),
            concurrent_turns: Some(256),
            requests_per_second: Some(200),
            storage_mib: Some(10_240),
            journal_mib: Some(10_240),
        }
    }
}
