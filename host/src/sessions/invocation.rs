//! What comes to a session, and how it can fail.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::owner::Owner;
use super::state::EndReason;
use crate::agents::Deployment;
use crate::clock::Timestamp;
use crate::contract::types::{Context, Header};
use crate::ids::{EndpointName, InvocationId, RequestId, SessionKey};
use crate::journal;
use crate::sandbox::{Fault, Limit};
use crate::tenants::Policy;

/// One request to a session.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Names the turn in logs and answers.
    pub request: RequestId,
    /// Names the call, the same in all its retries; none when the caller does not say. A call that is already on its
    /// way in this session is joined, not made again.
    pub invocation: Option<InvocationId>,
    /// What bounds the tenant.
    pub policy: Arc<Policy>,
    /// The endpoint that was called.
    pub endpoint: EndpointName,
    /// What the agent gets; any bytes.
    pub payload: Bytes,
    /// Who calls, and on whose behalf.
    pub owner: Owner,
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
            user_id: self.owner.user.as_ref().map(ToString::to_string),
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
    /// The server has as many turns at once as it may.
    #[error("the server has {limit} turns that run or wait, as many as it takes; try again later")]
    Crowded {
        /// The limit.
        limit: u32,
    },
    /// The tenant has as many turns that want a core as it may.
    #[error("the account has {limit} turns that compute at this moment; try again later")]
    Behind {
        /// The limit.
        limit: u32,
    },
    /// The tenant has as many turns at once as it may.
    #[error(
        "the account has {limit} turns that run or wait, its quota concurrent_turns; try again later"
    )]
    ManyTurns {
        /// The quota.
        limit: u32,
    },
    /// The tenant has as many sessions as it may.
    #[error(
        "the account has {limit} sessions, its quota sessions; stop one, or wait until one's idle time is over"
    )]
    ManySessions {
        /// The quota.
        limit: u32,
    },
    /// The journal holds as much of the session as it may.
    #[error(
        "the session has more than {limit_mib} MiB in the journal, as much as it may; stop it, and go on in a new one"
    )]
    LongSession {
        /// The limit, in MiB.
        limit_mib: u64,
    },
    /// The journal holds as much of the tenant's sessions as it may.
    #[error(
        "the account's sessions have {limit_mib} MiB or more in the journal, its quota journal_mib; wait until those that \
         have ended are forgotten, or ask who runs the server for more"
    )]
    FullJournal {
        /// The quota, in MiB.
        limit_mib: u64,
    },
    /// There is no memory for the answer.
    #[error(
        "the account's answers and questions on their way take as much memory as leaves room for others; read them faster, \
         or try again later"
    )]
    MuchTalk,
    /// The session is not this caller's.
    #[error(
        "the session belongs to another caller, or was opened for another user; use a session id of your own"
    )]
    NotOwner,
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
    /// The agent broke. A session that is journaled goes on as if the turn had not been; another is over.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server itself failed while it carried the turn out, with the same consequence.
    #[error("the server failed while it carried out the turn; its log says where")]
    Internal,
    /// The turn took too long, with the same consequence.
    #[error("the turn took longer than {} s", limit.as_secs())]
    TimedOut {
        /// How long a turn may take.
        limit: Duration,
    },
    /// The session was ended while the turn ran.
    #[error("the session ended while the turn ran: {}", .0.describe())]
    Ended(EndReason),
    /// The turn of this call broke or was given up before, which is its answer: no call is made twice.
    #[error("{message}")]
    Broke {
        /// What its first caller was told.
        message: String,
        /// Whether it had taken longer than a turn may.
        timed_out: bool,
    },
    /// The journal could not be written, so that nothing of the turn is acknowledged. A new try finishes it.
    #[error("the turn could not be recorded, and is not acknowledged; please retry")]
    NotRecorded,
    /// The turn that a crash left open comes first, and could not be finished now.
    #[error("the turn before this one could not be finished; please retry")]
    Unfinished,
    /// The session is in the journal and cannot be taken up.
    #[error("the session could not be taken up again: {0}")]
    Unrecovered(String),
    /// The answer broke off: the turn vanished without a word.
    #[error("the answer broke off")]
    BrokenOff,
}

impl TurnError {
    /// Which limit of the agent's was broken, if it was one.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Fault(fault) => fault.limit(),
            Self::TimedOut { .. } => Some(Limit::WallTime),
            _ => None,
        }
    }

    /// The journal cannot be written. Why is for the server's log.
    pub(super) fn unrecorded(error: &journal::Error) -> Self {
        if matches!(error, journal::Error::Damaged { .. }) {
            return Self::unreadable(error);
        }
        tracing::error!(error = %chain(error), "a turn could not be recorded");
        Self::NotRecorded
    }

    /// The journal of a session cannot be read.
    pub(super) fn unreadable(error: &journal::Error) -> Self {
        match error {
            journal::Error::Damaged { .. } => Self::Unrecovered(format!(
                "{error}; it is kept as it is until the session is stopped, which gives it up"
            )),
            journal::Error::Format { .. } | journal::Error::Unreadable { .. } => {
                Self::Unrecovered(error.to_string())
            }
            // Somebody else holds it, such as one who stops it.
            journal::Error::Conflict(_) => Self::Retry,
            journal::Error::Closed => Self::ShuttingDown,
            error => {
                tracing::error!(error = %chain(error), "a session could not be read");
                Self::Unrecovered("its journal could not be read; please retry".to_owned())
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    chain
}
