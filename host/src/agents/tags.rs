//! Tags: an owner's words on agents and endpoints, which mean nothing here. They are no part of a version.

use std::collections::BTreeMap;

use crate::ids::{AgentKey, EndpointName};

/// Of one resource; the service model's own bound.
pub const MAX_TAGS: usize = 50;

/// Tags by their keys.
pub type Tags = BTreeMap<String, String>;

/// What can have tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// An agent.
    Agent(AgentKey),
    /// An endpoint of an agent.
    Endpoint(AgentKey, EndpointName),
}

impl Resource {
    /// The agent that it is, or belongs to.
    pub fn agent(&self) -> &AgentKey {
        match self {
            Self::Agent(agent) | Self::Endpoint(agent, _) => agent,
        }
    }

    /// The endpoint that it is, if it is one.
    pub fn endpoint(&self) -> Option<&EndpointName> {
        match self {
            Self::Agent(_) => None,
            Self::Endpoint(_, name) => Some(name),
        }
    }
}
