//! What comes to a session, and how it can fail.

use std::time::Duration;

use bytes::Bytes;

use super::state::EndReason;
use crate::agents::Deployment;
use crate::clock::Timestamp;
use crate::contract::types::{Context, Header};
use crate::ids::{EndpointName, InvocationId, RequestId, SessionKey, UserId};
use crate::sandbox::Fault;

/// One request to a session.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Names the turn in logs and answers.
    pub request: RequestId,
    /// Names the call, the same in all its retries; none when the caller does not say. A call that is already on its
    /// way in this session is joined, not made again.
    pub invocation: Option<InvocationId>,
    /// The endpoint that was called.
    pub endpoint: EndpointName,
    /// What the agent gets; any bytes.
    pub payload: Bytes,
    /// On whose behalf, when the caller said.
    pub user: Option<UserId>,
    /// Those that the agent's configuration allows, names in lower case.
    pub headers: Vec<Header>,
    /// Of the payload, when the caller said.
    pub content_type: Option<String>,
    /// What the caller wants back, when it said.
    pub accept: Option<String>,
    /// The W3C trace context, when there is one.
    pub traceparent: Option<String>,
}

impl Invocation {
    /// What the agent is told.
    pub(super) fn context(
        &self,
        key: &SessionKey,
        deployment: &Deployment,
        turn: u64,
        deadline: Timestamp,
    ) -> Context {
        Context {
            session_id: key.session.to_string(),
            request_id: self.request.to_string(),
            turn,
            agent_name: deployment.agent_name.to_string(),
            agent_version: deployment.version.to_string(),
            endpoint: self.endpoint.to_string(),
            tenant_id: key.agent.tenant.to_string(),
            user_id: self.user.as_ref().map(ToString::to_string),
            headers: self.headers.clone(),
            content_type: self.content_type.clone(),
            accept: self.accept.clone(),
            deadline_ms: Some(deadline.as_millis()),
            traceparent: self.traceparent.clone(),
        }
    }
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TurnError {
    /// The session has as many turns waiting as it may.
    #[error("the session has {waiting} turns waiting; try again later")]
    Busy {
        /// The size of the mailbox.
        waiting: usize,
    },
    /// The session ended while this turn waited. A new try starts a fresh one.
    #[error("the session ended while this request waited; please retry")]
    Retry,
    /// The server takes no more turns.
    #[error("the server is shutting down; please retry")]
    ShuttingDown,
    /// The agent does not take this payload.
    #[error("{0}")]
    InvalidPayload(String),
    /// The agent says that it failed.
    #[error("{0}")]
    Failed(String),
    /// The agent broke; its session is over.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The turn took too long; its session is over.
    #[error("the turn took longer than {} s", limit.as_secs())]
    TimedOut {
        /// How long a turn may take.
        limit: Duration,
    },
    /// The session was ended while the turn ran.
    #[error("the session ended while the turn ran: {}", .0.describe())]
    Ended(EndReason),
    /// The answer is larger than any may be.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer broke off: the turn vanished without a word.
    #[error("the answer broke off")]
    BrokenOff,
}
