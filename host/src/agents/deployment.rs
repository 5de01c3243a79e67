//! A version that serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Authorizer, Lifecycle, Status};
use crate::grants::Grant;
use crate::ids::{AgentKey, AgentName, Digest, Version};
use crate::journal::Durability;
use crate::sandbox::Program;
use crate::workers::Habit;

/// All that a session needs of its agent's version.
pub struct Deployment {
    /// The agent.
    pub agent: AgentKey,
    /// The agent's name.
    pub agent_name: AgentName,
    /// The version.
    pub version: Version,
    /// How long its sessions live.
    pub lifecycle: Lifecycle,
    /// What the agent reads as configuration.
    pub environment: BTreeMap<String, String>,
    /// Request headers that reach the agent, names in lower case.
    pub request_headers: Vec<String>,
    /// Which bearer tokens open the agent; without one none does.
    pub authorizer: Option<Authorizer>,
    /// What its sessions survive, when the version says; otherwise the server decides.
    pub durability: Option<Durability>,
    /// What the agent may use.
    pub grant: Grant,
    /// The component that runs.
    pub artifact: Digest,
    /// What runs.
    pub program: Program,
    /// Whether what is computed for its sessions usually takes long.
    pub habits: Habits,
}

/// What computations for sessions of one agent are like. Those of one kind tell nothing of another: a session that starts
/// in no time may then compute for ever.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// Of sessions that start.
    pub starts: Arc<Habit>,
    /// Of images that are taken, or become cells again.
    pub copies: Arc<Habit>,
    /// Of turns.
    pub turns: Arc<Habit>,
}

/// Why an endpoint of an agent cannot be invoked.
#[derive(Debug, thiserror::Error)]
pub enum NotServing {
    /// No such agent for this tenant.
    #[error("the agent {0} was not found")]
    NoAgent(String),
    /// The agent has no such endpoint.
    #[error("the agent has no endpoint {0:?}")]
    NoEndpoint(String),
    /// The agent has no such version; it may have been deleted.
    #[error("the agent has no version {0}")]
    NoVersion(Version),
    /// The endpoint has no version that serves yet.
    #[error("the endpoint is not ready: its status is {0:?}; please retry")]
    NotReady(Status),
    /// The endpoint's version could not be built.
    #[error("the endpoint has no version that can serve: {0}")]
    Failed(String),
    /// The program cannot be loaded.
    #[error("the agent's program cannot be loaded")]
    Load(#[source] super::Error),
}
