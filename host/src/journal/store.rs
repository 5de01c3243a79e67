//! What the journal asks of a store: rows, in order, whole or not at all. What the rows mean is decided above it.

use std::fmt;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::chain::{Hash, Hasher};
use super::codec::Entry;
use super::writer::Ticket;
use super::{Damage, Durability, Error};
use crate::clock::Timestamp;
use crate::ids::{AgentId, SessionKey, TenantId};

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
    /// When it began.
    pub started: Timestamp,
    /// The time of its last record.
    pub active: Timestamp,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// Turns taken on.
    pub turns: u64,
    /// Records.
    pub records: u64,
    /// Bytes of its records.
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
}

/// What a compaction removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Compacted {
    /// Ended incarnations.
    pub incarnations: u64,
    /// Their records.
    pub records: u64,
    /// Files of large records, also those that a crash left behind.
    pub files: u64,
}

impl std::ops::AddAssign for Compacted {
    fn add_assign(&mut self, other: Self) {
        self.incarnations += other.incarnations;
        self.records += other.records;
        self.files += other.files;
    }
}

/// Which incarnation, for a store: its row and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) row: i64,
    pub(super) incarnation: Incarnation,
}

/// The row of an incarnation, as stored; sealed, so a change from outside is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: SessionKey,
    pub(super) incarnation: i64,
    pub(super) state: State,
    pub(super) durability: Durability,
    pub(super) started: i64,
    pub(super) active: i64,
    pub(super) ended: Option<i64>,
    pub(super) turns: i64,
    pub(super) bytes: i64,
    pub(super) last: i64,
    pub(super) link: Hash,
    pub(super) damage: Option<(i64, String)>,
}

impl Head {
    pub(super) fn seal(&self) -> Hash {
        let mut hash = Hasher::new("kellion journal session");
        hash.key(&self.key);
        hash.number(self.incarnation);
        hash.bytes(self.state.as_str().as_bytes());
        hash.bytes(self.durability.as_str().as_bytes());
        hash.number(self.started);
        hash.number(self.active);
        hash.optional(self.ended);
        hash.number(self.turns);
        hash.number(self.bytes);
        hash.number(self.last);
        hash.bytes(&self.link);
        hash.optional(self.damage.as_ref().map(|(seq, _)| *seq));
        hash.bytes(self.damage.as_ref().map_or("", |(_, why)| why).as_bytes());
        hash.finish()
    }

    pub(super) fn damage(&self) -> Option<Damage> {
        self.damage.as_ref().map(|(seq, why)| Damage {
            seq: Seq(*seq),
            why: why.clone(),
        })
    }
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
pub(super) struct Range {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Range {
    pub(super) const ALL: Range = Range {
        first: i64::MIN,
        last: i64::MAX,
    };

    /// Without what was appended after the head was read.
    pub(super) fn of(head: &Head) -> Range {
        Range {
            first: i64::MIN,
            last: head.last,
        }
    }
}

/// What was written, when it was.
pub(super) type Receipt = oneshot::Receiver<Result<(), Error>>;

/// Keeps rows. Methods return when what they did is as durable as the incarnation asks; [`append`](Self::append) when it
/// stands in line. None may block an async worker.
pub(super) trait Store: Send + Sync + 'static {
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

    /// All incarnations of this key, oldest first.
    fn incarnations(&self, key: SessionKey) -> BoxFuture<'_, Result<Vec<Found>, Error>>;

    /// Records of an incarnation, in order; none when it was removed meanwhile.
    fn rows(&self, place: Place, range: Range) -> BoxFuture<'_, Result<Option<Vec<Row>>, Error>>;

    /// The finished turns of this key that have an invocation id, oldest first: all of them, or those of one id.
    fn answers(
        &self,
        key: SessionKey,
        invocation: Option<String>,
    ) -> BoxFuture<'_, Result<Vec<Indexed>, Error>>;

    /// Incarnations of a tenant, or of all.
    fn list(&self, tenant: Option<TenantId>, filter: Filter) -> BoxFuture<'_, Result<Page, Error>>;

    /// Removes what ended before `ended_before`, and files that nothing names.
    fn compact(&self, ended_before: Timestamp) -> BoxFuture<'_, Result<Compacted, Error>>;

    /// Writes what stands in line, then closes; later calls are refused.
    fn close(&self) -> BoxFuture<'_, ()>;
}
