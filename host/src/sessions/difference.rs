//! Where a replayed turn is not as it was recorded.

use serde::Serialize;

use super::turn::Outcome;
use crate::ids::Digest;
use crate::journal::{self, Observation, Observed, Sent};

/// Bytes of an answer that are shown.
const EXCERPT: usize = 160;

/// Bytes of them that stand before the first that differs.
const BEFORE: usize = 40;

/// What was asked in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The call, such as "converse".
    pub kind: &'static str,
    /// Of the request.
    pub request: Option<Digest>,
}

impl Asked {
    pub(super) fn in_record(observed: &Observed) -> Self {
        Self {
            kind: match &observed.result {
                Observation::Converse { .. } => "converse",
                Observation::ConverseStream { .. } => "converse-stream",
                Observation::CountTokens { .. } => "count-tokens",
                Observation::InvokeModel { .. } => "invoke-model",
                Observation::Remaining { .. } => "remaining",
            },
            request: observed.request.clone(),
        }
    }
}

/// One thing that is otherwise in a replay than in the record. Calls are numbered from 1 in each turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Difference {
    /// A call asks something else. Of the same kind, it is given the recorded answer all the same; of another, there is
    /// none to give, and the turn ends there.
    AsksOtherwise {
        /// Which call.
        call: u32,
        /// What it asked.
        recorded: Asked,
        /// What it asks now.
        replayed: Asked,
    },
    /// A call was not made before. The turn ends there, since nothing is recorded that could answer it.
    AsksMore {
        /// Which call.
        call: u32,
        /// What it asks.
        replayed: Asked,
    },
    /// A call is not made any more.
    AsksLess {
        /// Which call.
        call: u32,
        /// What it asked.
        recorded: Asked,
    },
    /// A stream that was dropped is read on. The turn ends there.
    ReadsFurther {
        /// The call that opened it.
        call: u32,
    },
    /// The turn traps or breaks a limit, which it did not, or not this one.
    Breaks {
        /// How.
        message: String,
    },
    /// The answer is another.
    AnswersOtherwise {
        /// As it was.
        recorded: End,
        /// As it is now.
        replayed: End,
    },
}

/// How a turn ended, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// In a word.
    pub outcome: Outcome,
    /// Of the answer, as far as there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Some 160 bytes of the answer, or of the message in its place, around the first that differs; `…` stands for more.
    pub excerpt: String,
}

/// Both ends of a turn, which differ.
pub(super) fn answers_otherwise(
    recorded: &journal::Outcome,
    replayed: &journal::Outcome,
) -> Difference {
    let (before, now) = (text(recorded), text(replayed));
    let same = before.iter().zip(now).take_while(|(a, b)| a == b).count();
    Difference::AnswersOtherwise {
        recorded: end(recorded, same),
        replayed: end(replayed, same),
    }
}

fn end(outcome: &journal::Outcome, from: usize) -> End {
    let (word, content_type) = match outcome {
        journal::Outcome::Answered { content_type, .. } => {
            (Outcome::Answered, Some(content_type.clone()))
        }
        journal::Outcome::AgentError { sent, .. } => (
            Outcome::AgentError,
            sent.as_ref().map(|sent| sent.content_type.clone()),
        ),
        journal::Outcome::Faulted { .. } => (Outcome::Faulted, None),
        journal::Outcome::Abandoned { .. } => (Outcome::Abandoned, None),
    };
    End {
        outcome: word,
        content_type,
        excerpt: excerpt(text(outcome), from),
    }
}

/// What the caller was told.
fn text(outcome: &journal::Outcome) -> &[u8] {
    match outcome {
        journal::Outcome::Answered { output, .. }
        | journal::Outcome::AgentError {
            sent: Some(Sent { output, .. }),
            ..
        } => &output.0,
        journal::Outcome::AgentError { message, .. }
        | journal::Outcome::Faulted { message }
        | journal::Outcome::Abandoned { message, .. } => message.as_bytes(),
    }
}

/// The part of a text around this byte.
fn excerpt(text: &[u8], around: usize) -> String {
    let inside = |at: usize| text.get(at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    let mut first = around.saturating_sub(BEFORE);
    let mut last = text.len().min(first + EXCERPT);
    // Not through the middle of a character, where it is text at all.
    for _ in 0..3 {
        first -= usize::from(first > 0 && inside(first));
        last -= usize::from(last > first && inside(last));
    }
    let shown = String::from_utf8_lossy(&text[first..last]);
    let mark = |more: bool| if more { "…" } else { "" };
    format!("{}{shown}{}", mark(first > 0), mark(last < text.len()))
}

#[cfg(test)]
mod tests;
