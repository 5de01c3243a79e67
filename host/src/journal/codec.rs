//! Records as stored text, and back.

use super::chain::{self, Hash};
use super::store::Seq;
use super::{Error, ModelUse, Record};
use crate::clock::Timestamp;
use crate::ids::{InvocationId, SessionKey, Version};

/// The format of the records that this program writes: JSON of the types in [`records`](super::records).
pub(super) const FORMAT: i64 = 1;

/// A record ready to be stored.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) step: Step,
    pub(super) at: Timestamp,
    pub(super) format: i64,
    pub(super) text: String,
    pub(super) digest: Hash,
}

/// What a store must know of a record to keep its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Started {
        version: Version,
    },
    Accepted {
        turn: u64,
        invocation: Option<InvocationId>,
    },
    Observed,
    Finished {
        turn: u64,
        models: ModelUse,
        memory_bytes: u64,
    },
    Turn {
        turn: u64,
        invocation: Option<InvocationId>,
        models: ModelUse,
        memory_bytes: u64,
    },
    Image {
        turn: u64,
        bytes: u64,
    },
    Ended {
        reason: String,
    },
}

impl Entry {
    /// Fails only if serialization does, which none of our types can bring about.
    pub(super) fn of(record: &Record) -> Result<Self, Error> {
        let text = serde_json::to_string(record).map_err(|source| Error::Encode(source.into()))?;
        let step = match record {
            Record::Started(record) => Step::Started {
                version: record.version,
            },
            Record::TurnAccepted(record) => Step::Accepted {
                turn: record.turn,
                invocation: record.invocation.clone(),
            },
            Record::Observed(_) => Step::Observed,
            Record::TurnFinished(record) => Step::Finished {
                turn: record.turn,
                models: record.models,
                memory_bytes: record.memory_bytes,
            },
            Record::Turn(record) => Step::Turn {
                turn: record.finished.turn,
                invocation: record.accepted.invocation.clone(),
                models: record.finished.models,
                memory_bytes: record.finished.memory_bytes,
            },
            Record::Image(record) => Step::Image {
                turn: record.turn,
                bytes: record.bytes,
            },
            Record::Ended(record) => Step::Ended {
                reason: record.reason.clone(),
            },
        };
        Ok(Self {
            step,
            at: record.at(),
            format: FORMAT,
            digest: chain::digest(text.as_bytes()),
            text,
        })
    }
}

/// Reads a record whose hash was found right: what cannot be read was written by another program.
pub(super) fn decode(
    key: &SessionKey,
    seq: Seq,
    format: i64,
    text: &[u8],
) -> Result<Record, Error> {
    if format != FORMAT {
        return Err(Error::Format {
            session: Box::new(key.clone()),
            seq,
            found: format,
            known: FORMAT,
        });
    }
    serde_json::from_slice(text).map_err(|source| Error::Unreadable {
        session: Box::new(key.clone()),
        seq,
        source: source.into(),
    })
}
