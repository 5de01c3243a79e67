//! Why the journal did not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::store::{Incarnation, Seq};
use crate::ids::SessionKey;

/// What the database or the disk said. Shared, because one failed commit fails all its records.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Where a session's journal is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The first record that is not as it was written; everything before it is.
    pub seq: Seq,
    /// What is wrong with it.
    pub why: String,
}

/// Why the journal did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be used.
    #[error("cannot open the journal in {}", path.display())]
    Open {
        /// The journal's folder.
        path: PathBuf,
        /// What the database or the system said.
        #[source]
        source: Cause,
    },
    /// Another process has the journal open.
    #[error(
        "the journal in {} is in use by another process; stop it, or choose another data directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// The database was written by another version of this program.
    #[error(
        "the journal has database layout {found}, and this server knows layout {known}; use the server version that wrote it"
    )]
    Layout {
        /// The number in the database.
        found: i64,
        /// The number that this program writes.
        known: i64,
    },
    /// The request does not fit what is recorded, such as beginning a session that is open. Nothing was written.
    #[error("{0}")]
    Conflict(&'static str),
    /// The session's journal is not as it was written. It is quarantined until
    /// [`Journal::end_damaged`](super::Journal::end_damaged); other sessions are not concerned.
    #[error("the journal of session {} is damaged at record {}: {}", session.session, damage.seq, damage.why)]
    Damaged {
        /// Whose.
        session: Box<SessionKey>,
        /// Which of its lives.
        incarnation: Incarnation,
        /// Where and how.
        damage: Damage,
    },
    /// The records from the start were asked for, and some of them were trimmed; only the session's image leads on from here.
    /// The session is not quarantined.
    #[error(
        "the records of session {} before record {first} were trimmed; it goes on from its image only",
        session.session
    )]
    Trimmed {
        /// Whose.
        session: Box<SessionKey>,
        /// The first record that is kept after the start.
        first: Seq,
    },
    /// The record has a format that this program does not know.
    #[error(
        "record {seq} of session {} has format {found}, and this server knows format {known}; use the server version that wrote it",
        session.session
    )]
    Format {
        /// Whose.
        session: Box<SessionKey>,
        /// Which record.
        seq: Seq,
        /// Its format.
        found: i64,
        /// The format that this program writes.
        known: i64,
    },
    /// The record is intact, but not one that this program knows.
    #[error("record {seq} of session {} is of a kind that this server does not know; use the server version that wrote it", session.session)]
    Unreadable {
        /// Whose.
        session: Box<SessionKey>,
        /// Which record.
        seq: Seq,
        /// What does not fit.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// The record cannot be written as JSON.
    #[error("a record cannot be written as JSON")]
    Encode(#[source] Arc<serde_json::Error>),
    /// The disk is full or failed. Nothing of it was acknowledged; a later append may succeed.
    #[error("the journal could not be written")]
    Write(#[source] Cause),
    /// A record before this one in the same session was not written, so this one was not either.
    #[error("the journal could not be written: a record before this one is missing")]
    Behind,
    /// An `fsync` failed: what the disk holds is unknown, and asking again would not tell. Reading still works.
    #[error(
        "the journal refuses to write since an fsync failed; check the disk, then restart the server"
    )]
    Refusing(#[source] Cause),
    /// The database cannot be read.
    #[error("the journal could not be read")]
    Read(#[source] Cause),
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}
