//! The journal: the durable, ordered record of each session, from which a session that lost its process goes on.
//!
//! [`Journal`] is the face. A session's life is an *incarnation*: [`Journal::begin`] opens one, its [`Writer`] appends
//! [`Record`]s, and [`Record::Ended`] closes it; the same key may then begin another. After a restart [`Journal::load`] gives
//! back what was written, checked, with a writer positioned at its end.
//!
//! - **Acknowledged is durable.** [`Writer::append`] waits for a place in a bounded queue and nothing else;
//!   [`Pending::durable`] returns when the record is as safe as the session's [`Durability`] says.
//! - **No holes.** When a record could not be written, those behind it in the same session are refused, too, until the
//!   caller has been told.
//! - **Recovery is bounded.** [`Writer::keep_image`] keeps the session's memory: a load goes on from the newest one, and
//!   what lies before it is trimmed when nobody may ask for it any more.
//! - **Nothing is guessed.** Each record is hashed together with all before it ([`chain`]); the end of that chain stands
//!   in a sealed row of its own. What does not fit is [`Error::Damaged`], and that session alone is quarantined.
//!
//! What lies underneath is a [`store`]: SQLite in the data directory. This room knows neither turns being run nor HTTP.

mod body;
mod chain;
mod codec;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handle;
mod head;
mod history;
mod records;
mod sqlite;
mod store;
mod writer;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use body::Body;
pub use error::{Cause, Damage, Error};
pub use handle::Journal;
pub use history::{Answered, History, Kept, Loaded, Sequenced, Sums, Transcript, Weighed};
pub use records::{
    Ended, Forked, Imaged, Limits, Logged, ModelUse, Observation, Observed, Outcome, Record, Seed,
    Sent, Started, StreamEnd, Turn, TurnAccepted, TurnFinished,
};
pub use store::{Compacted, Filter, Incarnation, Location, Page, Seq, State, Summary};
pub use writer::{Image, Pending, Writer};

/// What survives.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Nothing is written; the session ends with its process.
    None,
    /// What was acknowledged survives `kill -9` of the server, but maybe not a power cut.
    #[default]
    Process,
    /// What was acknowledged was given to the disk with `fsync` before.
    Power,
}

impl Durability {
    /// The name in configuration and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Process => "process",
            Self::Power => "power",
        }
    }
}

/// A text that names no [`Durability`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("durability is one of none, process, power")]
pub struct UnknownDurability;

impl FromStr for Durability {
    type Err = UnknownDurability;

    fn from_str(text: &str) -> Result<Self, UnknownDurability> {
        [Self::None, Self::Process, Self::Power]
            .into_iter()
            .find(|durability| durability.as_str() == text)
            .ok_or(UnknownDurability)
    }
}

/// How the journal is kept. `[journal]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Records that may wait to be written; who comes next waits for a place. 1,024 by default: more than one commit takes.
    pub queue_records: usize,
    /// Bytes of records that may wait to be written, in MiB. 64 by default; one larger record may wait alone.
    pub queue_mib: u32,
    /// The largest record inside the database, in KiB; larger ones become files. 64 by default.
    pub inline_kib: u32,
    /// The size to which the write-ahead log may grow before writing waits for a checkpoint, in MiB. 16 by default.
    pub wal_mib: u32,
    /// How long an ended session, and a turn that an image contains, is kept for retries and for reading, in seconds. 86,400
    /// by default: a day.
    pub retention_seconds: u64,
    /// Connections that read at the same time. 4 by default; restarting with many sessions reads most.
    pub readers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_records: 1_024,
            queue_mib: 64,
            inline_kib: 64,
            wal_mib: 16,
            retention_seconds: 86_400,
            readers: 4,
        }
    }
}

#[cfg(test)]
mod tests;
