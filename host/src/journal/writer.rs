//! The writing end of one incarnation.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::chain;
use super::codec::{Entry, Step};
use super::handle::Hold;
use super::head::count;
use super::store::{Incarnation, Place, Receipt, Seq, Store, Which};
use super::{Damage, Durability, Error, Imaged, Record};
use crate::clock::Timestamp;
use crate::ids::SessionKey;

/// The memory of a session between two turns, for [`Writer::keep_image`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The last turn that it contains, which must be finished and the last one taken on; 0 before the first.
    pub turn: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// Which compiled program and engine can restore it; the journal does not look into it.
    pub program: String,
    /// The memory; the journal does not look into it. Any length that memory and disk have room for.
    pub bytes: Bytes,
}

/// Appends to one incarnation. The only one of its kind while it lives: dropping it lets [`Journal::load`] make another.
///
/// [`Journal::load`]: super::Journal::load
#[derive(Debug)]
pub struct Writer {
    key: SessionKey,
    durability: Durability,
    /// None: nothing is written.
    written: Option<Written>,
}

/// What an incarnation takes of the disk, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// All its records, and its image.
    pub(super) all: u64,
    /// The records behind its image; all without one.
    pub(super) since_image: u64,
}

struct Written {
    store: Arc<dyn Store>,
    lane: Arc<Lane>,
    /// Makes the order in which appends began their order in the line.
    order: tokio::sync::Mutex<()>,
    /// Given back early at the session's end, so that the next one may begin.
    hold: Mutex<Option<Hold>>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written")
            .field("place", &self.lane.place)
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(
        store: Arc<dyn Store>,
        key: SessionKey,
        place: Place,
        durability: Durability,
        taken: Taken,
        hold: Hold,
    ) -> Self {
        let lane = Arc::new(Lane::new(key.clone(), place, durability, taken));
        let written = Written {
            store,
            lane,
            order: tokio::sync::Mutex::default(),
            hold: Mutex::new(Some(hold)),
        };
        Self {
            key,
            durability,
            written: Some(written),
        }
    }

    pub(super) fn unwritten(key: SessionKey) -> Self {
        Self {
            key,
            durability: Durability::None,
            written: None,
        }
    }

    /// The session.
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// What its records survive.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Which life of the session; none when nothing is written.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.written
            .as_ref()
            .map(|written| written.lane.place.incarnation)
    }

    /// Puts a record in line. Waits for a place there, and for nothing else.
    ///
    /// Records are written in the order in which these calls were first polled. Cancel-safe: dropped before it returns,
    /// nothing was written; dropped afterwards, the record is written all the same.
    ///
    /// Once [`Record::Ended`] stands in line the session may begin anew, without waiting for it to be written.
    ///
    /// Fails when the journal is closed. What else can go wrong is told by [`Pending::durable`].
    pub async fn append(&self, record: &Record) -> Result<Pending, Error> {
        let Some(written) = &self.written else {
            return Ok(Pending(None));
        };
        if let Record::Image(_) = record {
            return Err(Error::Conflict("an image is kept by keep_image"));
        }
        let entry = Entry::of(record)?;
        let ends = matches!(entry.step, Step::Ended { .. });
        let bytes = entry.text.len() as u64;
        written.lane.bytes.fetch_add(bytes, Ordering::Relaxed);
        written.lane.since_image.fetch_add(bytes, Ordering::Relaxed);
        let _turn = written.order.lock().await;
        let ticket = Ticket::new(&written.lane);
        let receipt = written.store.append(ticket.clone(), entry).await?;
        if ends {
            // Whatever begins now stands behind this record in the line.
            drop(written.hold());
        }
        Ok(Pending(Some(InLine {
            receipt,
            ticket,
            is_image: false,
        })))
    }

    /// Keeps an image of the session's memory, from which [`Journal::load`] goes on instead of from the start.
    ///
    /// Its bytes go into a file beside the line, before anything of it stands there: so they take no room in the queue, and
    /// hold up nobody's records. Two images of a journal are written at a time; who comes next waits. The caller's bytes stay
    /// in memory until this returns. With [`Durability::Power`] the file is synced, and also where records before the last
    /// image were trimmed, because then it is the only way back. The older image's file goes when this one is durable.
    ///
    /// A turn need not wait for this call: when the session goes on meanwhile, [`Pending::durable`] says
    /// [`Error::Conflict`], as for any image that is not of the last turn taken on, or while a turn is open. An image that
    /// could not be kept is no hole: what was appended behind it is written. Cancel-safe, as [`append`](Self::append) is.
    ///
    /// [`Error::Write`] when its file cannot be written, such as on a full disk; nothing of it is left then.
    ///
    /// [`Journal::load`]: super::Journal::load
    pub async fn keep_image(&self, image: Image) -> Result<Pending, Error> {
        let Some(written) = &self.written else {
            return Ok(Pending(None));
        };
        let lane = &written.lane;
        let sync = lane.durability == Durability::Power || lane.trimmed.load(Ordering::Acquire);
        lane.bytes
            .fetch_add(image.bytes.len() as u64, Ordering::Relaxed);
        let file = written.store.receive(image.bytes, sync).await?;
        let entry = Entry::of(&Record::Image(Imaged {
            turn: image.turn,
            at: image.at,
            program: image.program,
            state: chain::name(&file.digest),
            bytes: file.bytes,
        }))?;
        let _turn = written.order.lock().await;
        let ticket = Ticket::new(lane);
        let receipt = written.store.keep(ticket.clone(), entry, file).await?;
        lane.since_image.store(0, Ordering::Relaxed);
        Ok(Pending(Some(InLine {
            receipt,
            ticket,
            is_image: true,
        })))
    }

    /// Quarantines the session, whose records are intact but cannot be true: a replay of them went another way. Returns the
    /// error to answer with, as [`Journal::load`] will from now on.
    ///
    /// [`Journal::load`]: super::Journal::load
    pub async fn quarantine(&self, damage: Damage) -> Error {
        let Some(written) = &self.written else {
            return Error::Conflict("a session that is not written cannot be quarantined");
        };
        let place = written.lane.place;
        let store = written.store.as_ref();
        quarantine(store, &self.key, place, damage).await
    }

    /// Returns when a record would have been durable, had there been one; an error when it could not have been written.
    pub async fn attempt(&self) -> Result<(), Error> {
        let Some(written) = &self.written else {
            return Ok(());
        };
        let ticket = Ticket::new(&written.lane);
        written.store.attempt(ticket).await
    }

    /// Bytes of the records that stand behind the newest image, or of all without one: what a load would read beside it.
    pub fn since_image(&self) -> u64 {
        let written = self.written.as_ref();
        written.map_or(0, |written| {
            written.lane.since_image.load(Ordering::Relaxed)
        })
    }

    /// Whether the records and the image of the incarnation take fewer bytes than this. Asks the store only when they may not:
    /// what was trimmed since the last look is counted until then.
    pub async fn is_within(&self, bytes: u64) -> Result<bool, Error> {
        let Some(written) = &self.written else {
            return Ok(true);
        };
        let lane = &written.lane;
        if lane.bytes.load(Ordering::Relaxed) < bytes {
            return Ok(true);
        }
        let read = written.store.rows(lane.place, Which::One(Seq::FIRST));
        let head = read.await?.and_then(|read| read.found.head);
        // What cannot be read is told by those who need it.
        let taken = head.map_or(0, |head| count(head.bytes));
        lane.bytes.store(taken, Ordering::Relaxed);
        Ok(taken < bytes)
    }

    /// Drops the records from `from` on, as recovery does with the unacknowledged tail of an open turn; one transaction.
    ///
    /// A conflict, and nothing is dropped, when a finished turn, the session's start or its end is among them.
    pub async fn discard_tail(&self, from: Seq) -> Result<(), Error> {
        let Some(written) = &self.written else {
            return Ok(());
        };
        let _turn = written.order.lock().await;
        let ticket = Ticket::new(&written.lane);
        let discarded = written.store.discard(ticket.clone(), from).await;
        if discarded.is_err() {
            ticket.told();
        }
        discarded
    }
}

/// Marks an incarnation as damaged; the error to answer with.
pub(super) async fn quarantine(
    store: &dyn Store,
    key: &SessionKey,
    place: Place,
    damage: Damage,
) -> Error {
    if let Err(error) = store.quarantine(place, key.clone(), damage.clone()).await {
        // The damage itself is found again at the next load, so nothing is lost but the mark.
        tracing::warn!(session.id = %key.session, error = &error as &dyn std::error::Error,
            "a damaged session could not be marked");
    }
    tracing::error!(session.id = %key.session, record = %damage.seq, why = damage.why,
        "the journal of a session is damaged; the session is quarantined");
    Error::Damaged {
        session: Box::new(key.clone()),
        incarnation: place.incarnation,
        damage,
    }
}

impl Written {
    fn hold(&self) -> Option<Hold> {
        self.hold
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// A record that stands in line, or is written by now.
#[derive(Debug)]
#[must_use = "only `durable` tells whether the record was written"]
pub struct Pending(Option<InLine>);

#[derive(Debug)]
struct InLine {
    receipt: Receipt,
    ticket: Ticket,
    is_image: bool,
}

impl Pending {
    /// Returns when the record is as durable as its session asks: with `process` committed, with `power` synced, too.
    ///
    /// After an error, neither this record nor any that was appended behind it before this call returned is acknowledged;
    /// records appended afterwards are tried again. So a failed turn may be followed by a good one, but never with a hole.
    pub async fn durable(self) -> Result<(), Error> {
        let Some(line) = self.0 else {
            return Ok(());
        };
        let result = line.receipt.await.unwrap_or(Err(Error::Closed));
        match &result {
            Ok(()) => {}
            // Refused for itself it lost nothing, and must not open the way past a record that was lost.
            Err(error) if line.is_image && !matches!(error, Error::Behind) => {}
            Err(_) => line.ticket.told(),
        }
        result
    }
}

/// What the writer and the store share of one incarnation.
///
/// After a failure the records in line behind the lost one must fail, too, or there would be a hole. Appends carry the
/// lane's epoch; a failure closes its epoch, and the next one opens when the caller has been told.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) key: SessionKey,
    pub(super) place: Place,
    pub(super) durability: Durability,
    /// Whether records before its image were seen to be trimmed.
    pub(super) trimmed: AtomicBool,
    /// What its records and its image take, or more.
    bytes: AtomicU64,
    /// What the records behind its image take.
    since_image: AtomicU64,
    epoch: AtomicU64,
    /// All epochs up to this one are closed.
    closed: AtomicU64,
}

impl Lane {
    fn new(key: SessionKey, place: Place, durability: Durability, taken: Taken) -> Self {
        Self {
            key,
            place,
            durability,
            trimmed: AtomicBool::new(false),
            bytes: AtomicU64::new(taken.all),
            since_image: AtomicU64::new(taken.since_image),
            epoch: AtomicU64::new(1),
            closed: AtomicU64::new(0),
        }
    }
}

/// An append's or discard's place in its lane.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) lane: Arc<Lane>,
    epoch: u64,
}

impl Ticket {
    fn new(lane: &Arc<Lane>) -> Self {
        Self {
            lane: Arc::clone(lane),
            epoch: lane.epoch.load(Ordering::Acquire),
        }
    }

    /// Whether something before it was lost.
    pub(super) fn is_behind(&self) -> bool {
        self.epoch <= self.lane.closed.load(Ordering::Acquire)
    }

    /// It was not written.
    pub(super) fn lost(&self) {
        self.lane.closed.fetch_max(self.epoch, Ordering::AcqRel);
    }

    /// The caller knows that it was not written.
    fn told(&self) {
        self.lane.epoch.fetch_max(self.epoch + 1, Ordering::AcqRel);
    }
}
