//! What the journal asks of a store: rows, in order, whole or not at all. What the rows mean is decided above it.

use std::fmt;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::chain::Hash;
use super::codec::Entry;
use super::head::{Head, Mark};
use super::writer::Ticket;
use super::{Cause, Damage, Durability, Error, ModelUse};
use crate::clock::Timestamp;
use crate::ids::{AgentId, AgentKey, SessionKey, TenantId, Version};

/// The place of a record in its incarnation: 1, 2, 3…, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub(super) i64);

impl Seq {
    /// The place of [`Record::Started`](super::Record::Started).
    pub const FIRST: Seq = Seq(1);

    /// The bare number.
    pub const fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a session: 1 for the first of its key, then 2, 3… Numbers of forgotten ones may come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub(super) i64);

impl Incarnation {
    /// The incarnation of this number; none has number 0.
    pub fn from_number(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// The bare number.
    pub const fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an incarnation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its last record is not `ended`.
    Open,
    /// It is over.
    Ended,
    /// It was found damaged, and is neither continued nor replaced.
    Damaged,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Damaged => "damaged",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Ended, Self::Damaged]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// An incarnation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The session.
    pub key: SessionKey,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// Where it stands.
    pub state: State,
    /// What its records survive.
    pub durability: Durability,
    /// The agent's version; none when its row made no sense, and was given up.
    pub version: Option<Version>,
    /// When it began.
    pub started: Timestamp,
    /// The time of its last record that is no image: images are taken of who does nothing.
    pub active: Timestamp,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// Why it ended, if it did and was not given up as damaged.
    pub reason: Option<String>,
    /// Turns taken on.
    pub turns: u64,
    /// What its finished turns used of models.
    pub models: ModelUse,
    /// Its linear memory after the last finished turn, in bytes; 0 before the first.
    pub memory_bytes: u64,
    /// Records written, with those that were trimmed since.
    pub records: u64,
    /// Bytes of its records and its image, without what was trimmed.
    pub bytes: u64,
    /// Where it was found broken, if it was.
    pub damage: Option<Damage>,
}

/// Which incarnations to list, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Those of one agent.
    pub agent: Option<AgentId>,
    /// Those in one state.
    pub state: Option<State>,
    /// Those whose last record is older, such as sessions whose idle time went by while no server ran.
    pub active_before: Option<Timestamp>,
    /// What comes after the page that gave this.
    pub after: Option<u64>,
    /// The size of the page, 1 to 1,000; 100 by default.
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            agent: None,
            state: None,
            active_before: None,
            after: None,
            limit: 100,
        }
    }
}

/// Some incarnations, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The incarnations.
    pub summaries: Vec<Summary>,
    /// For [`Filter::after`]; none on the last page.
    pub next: Option<u64>,
}

/// Where the answer of an invocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// In which life of the session.
    pub incarnation: Incarnation,
    /// Which turn.
    pub turn: u64,
    /// Its `turn-accepted`.
    pub accepted: Seq,
    /// Its `turn-finished`.
    pub finished: Seq,
}

/// An entry of the index of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) invocation: String,
    pub(super) place: Place,
    pub(super) location: Location,
    /// In milliseconds, as the index has it.
    pub(super) finished_at: i64,
}

/// What a compaction removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Compacted {
    /// Ended incarnations.
    pub incarnations: u64,
    /// Their records.
    pub records: u64,
    /// Records of open incarnations, from before their images.
    pub trimmed: u64,
    /// Files of large records and of images, also those that a crash left behind.
    pub files: u64,
}

impl std::ops::AddAssign for Compacted {
    fn add_assign(&mut self, other: Self) {
        self.incarnations += other.incarnations;
        self.records += other.records;
        self.trimmed += other.trimmed;
        self.files += other.files;
    }
}

/// Which incarnation, for a store: its row and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) row: i64,
    pub(super) incarnation: Incarnation,
}

/// A row of an incarnation that was read, and whether it is as it was written.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) place: Place,
    /// None: its row makes no sense.
    pub(super) head: Option<Head>,
    /// Whether the seal fits the head.
    pub(super) sealed: bool,
}

/// A record that was read.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) format: i64,
    pub(super) link: Hash,
    /// Its text, or why it is not there.
    pub(super) text: Result<Vec<u8>, String>,
}

/// Which records of an incarnation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    All,
    /// The first one, and those from the newest image on; all, when there is no image.
    SinceImage,
    /// One, and the one before it.
    One(Seq),
}

/// An incarnation as it stood at one moment.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) found: Found,
    pub(super) rows: Vec<Row>,
}

/// A session as it stood at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// All its incarnations, oldest first.
    pub(super) found: Vec<Found>,
    /// Records of the newest open one, unless there are too many of them.
    pub(super) rows: Vec<Row>,
    /// What these and the image would take, in bytes, when that is more than was asked for.
    pub(super) heavy: Option<u64>,
    /// The finished turns of all, oldest first.
    pub(super) answers: Vec<Indexed>,
}

/// The bytes of an image in a file that is nobody's yet; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) digest: Hash,
    pub(super) bytes: u64,
    pub(super) path: tempfile::TempPath,
    /// Whether the disk has it.
    pub(super) synced: AtomicBool,
    /// Whether it has its final name.
    pub(super) placed: AtomicBool,
}

/// Why an image cannot be given.
#[derive(Debug)]
pub(super) enum Lost {
    /// Its file is not there, or not as it was written.
    Spoilt(String),
    /// The system could not say.
    Unread(Cause),
}

/// What was written, when it was.
pub(super) type Receipt = oneshot::Receiver<Result<(), Error>>;

/// Keeps rows. Methods return when what they did is as durable as the incarnation asks; [`append`](Self::append) when it
/// stands in line. None may block an async worker.
pub(super) trait Store: Send + Sync + 'static {
    /// The agents that had sessions when the store was opened.
    fn agents(&self) -> &[AgentKey];

    /// Opens an incarnation with its first record. A conflict while another of the key is open or damaged.
    fn begin(
        &self,
        key: SessionKey,
        first: Entry,
        durability: Durability,
    ) -> BoxFuture<'_, Result<Place, Error>>;

    /// Puts a record in line; the order of the line is the order in the store. Waits while the line is full.
    fn append(&self, ticket: Ticket, entry: Entry) -> BoxFuture<'_, Result<Receipt, Error>>;

    /// Removes the records from `from` on. A conflict when a finished turn or an end is among them.
    fn discard(&self, ticket: Ticket, from: Seq) -> BoxFuture<'_, Result<(), Error>>;

    /// Writes something that changes nothing, as a record is written.
    fn attempt(&self, ticket: Ticket) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns when all that stood in line is written or refused.
    fn settle(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Marks an incarnation as damaged; an ended one stays ended.
    fn quarantine(
        &self,
        place: Place,
        key: SessionKey,
        damage: Damage,
    ) -> BoxFuture<'_, Result<(), Error>>;

    /// Ends the damaged incarnations of this key; how many.
    fn end_damaged(&self, key: SessionKey, now: Timestamp) -> BoxFuture<'_, Result<u64, Error>>;

    /// Writes the bytes of an image into a file that is nobody's yet, beside the line; syncs it, if asked to. Waits while
    /// others are doing so.
    fn receive(&self, bytes: Bytes, sync: bool) -> BoxFuture<'_, Result<Incoming, Error>>;

    /// Puts an image's record in line, which makes the file its own. A conflict when the image is not of the last turn.
    fn keep(
        &self,
        ticket: Ticket,
        entry: Entry,
        file: Incoming,
    ) -> BoxFuture<'_, Result<Receipt, Error>>;

    /// The bytes of an image, checked.
    fn image(&self, mark: Mark) -> BoxFuture<'_, Result<Bytes, Lost>>;

    /// All incarnations of this key, oldest first.
    fn incarnations(&self, key: SessionKey) -> BoxFuture<'_, Result<Vec<Found>, Error>>;

    /// A session with the records of its open incarnation, unless they take more bytes than `most`, with the image.
    fn session(
        &self,
        key: SessionKey,
        which: Which,
        most: u64,
    ) -> BoxFuture<'_, Result<Snapshot, Error>>;

    /// Records of an incarnation, in order; none when it was removed meanwhile.
    fn rows(&self, place: Place, which: Which) -> BoxFuture<'_, Result<Option<Read>, Error>>;

    /// The finished turn of this key with this invocation id; the newest, should there be several.
    fn answer(
        &self,
        key: SessionKey,
        invocation: String,
    ) -> BoxFuture<'_, Result<Option<Indexed>, Error>>;

    /// Incarnations of a tenant, or of all.
    fn list(&self, tenant: Option<TenantId>, filter: Filter) -> BoxFuture<'_, Result<Page, Error>>;

    /// Bytes of all of a tenant's incarnations, with what their rows take.
    fn bytes(&self, tenant: TenantId) -> BoxFuture<'_, Result<u64, Error>>;

    /// Removes what ended before `before`, what stands before the images of open incarnations and belongs to turns that
    /// finished before it, and files that nothing names.
    fn compact(&self, before: Timestamp) -> BoxFuture<'_, Result<Compacted, Error>>;

    /// Removes all incarnations of this key, and what is left of their bytes.
    fn delete(&self, key: SessionKey) -> BoxFuture<'_, Result<Compacted, Error>>;

    /// Whether anything can still be asked of it.
    fn is_open(&self) -> bool;

    /// Writes what stands in line, then closes; later calls are refused.
    fn close(&self) -> BoxFuture<'_, ()>;
}
