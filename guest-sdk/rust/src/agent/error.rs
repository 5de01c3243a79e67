//! How an agent's turn fails.

use std::fmt;

use crate::model::{self, StopReason};

/// Why an agent has no reply. The conversation is as it was before.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A model call failed.
    Model(model::Error),
    /// The model kept calling tools, this many rounds.
    TooManyRounds(usize),
    /// The model was stopped in the middle of a tool call, for this reason.
    CutShort(StopReason),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(_) => f.write_str("the agent cannot answer"),
            Self::TooManyRounds(rounds) => {
                write!(
                    f,
                    "the model has not answered after {rounds} rounds of tool calls"
                )
            }
            Self::CutShort(reason) => {
                write!(
                    f,
                    "the model was stopped in the middle of a tool call ({reason:?})"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Model(error) => Some(error),
            Self::TooManyRounds(_) | Self::CutShort(_) => None,
        }
    }
}

impl From<model::Error> for Error {
    fn from(error: model::Error) -> Self {
        Self::Model(error)
    }
}
