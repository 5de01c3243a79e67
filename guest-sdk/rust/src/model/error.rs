//! How a model call fails.

use std::fmt;
use std::time::Duration;

use super::{ErrorKind, Usage};
use crate::bindings::kellion::agent::model as host;

/// A model call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What to do about it depends on this.
    pub kind: ErrorKind,
    /// The host's or the provider's words.
    pub message: String,
    /// When another attempt may succeed, if that is known.
    pub retry_after: Option<Duration>,
    /// What was billed all the same.
    pub usage: Option<Usage>,
}

impl Error {
    /// An error that bills nothing and promises nothing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            usage: None,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::Throttled | ErrorKind::Timeout | ErrorKind::Unavailable => true,
            ErrorKind::Denied
            | ErrorKind::BudgetExhausted
            | ErrorKind::Invalid
            | ErrorKind::ContextTooLong => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Denied => "the model call is not allowed",
            ErrorKind::BudgetExhausted => "the model budget is used up",
            ErrorKind::Invalid => "the model request is not valid",
            ErrorKind::ContextTooLong => "the conversation is too long for the model",
            ErrorKind::Throttled => "the model is throttled",
            ErrorKind::Timeout => "the model took too long",
            ErrorKind::Unavailable => "the model is unavailable",
        };
        write!(f, "{what}: {}", self.message)
    }
}

impl std::error::Error for Error {}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            retry_after: error.retry_after_ms.map(Duration::from_millis),
            usage: error.usage,
        }
    }
}
