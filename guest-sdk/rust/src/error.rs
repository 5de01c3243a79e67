//! How a turn fails.

use std::error::Error;
use std::fmt;

use crate::bindings;

/// What an agent's functions return, unless they name an error of their own.
pub type Result<T, E = AgentError> = std::result::Result<T, E>;

/// Why a turn failed. The caller reads the text.
///
/// Every [`std::error::Error`] turns into [`AgentError::Failed`] by itself, so `?` is enough. For
/// this to be possible `AgentError` is no `std::error::Error` itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AgentError {
    /// The payload is not one that this agent takes: the caller's mistake.
    InvalidPayload(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPayload(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl<E: Error> From<E> for AgentError {
    /// The whole chain in one text, outermost first: an error's text does not repeat its source.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::Failed(message)
    }
}

impl From<AgentError> for bindings::AgentError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::InvalidPayload(message) => Self::InvalidPayload(message),
            AgentError::Failed(message) => Self::Failed(message),
        }
    }
}

#[cfg(test)]
mod tests;
