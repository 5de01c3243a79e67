//! The writing end of one incarnation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::codec::{Entry, Step};
use super::handle::Hold;
use super::store::{Incarnation, Place, Receipt, Seq, Store};
use super::{Damage, Durability, Error, Record};
use crate::ids::SessionKey;

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
        hold: Hold,
    ) -> Self {
        let lane = Arc::new(Lane::new(key.clone(), place, durability));
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
        let entry = Entry::of(record)?;
        let ends = entry.step == Step::Ended;
        let _turn = written.order.lock().await;
        let ticket = Ticket::new(&written.lane);
        let receipt = written.store.append(ticket.clone(), entry).await?;
        if ends {
            // Whatever begins now stands behind this record in the line.
            drop(written.hold());
        }
        Ok(Pending(Some((receipt, ticket))))
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
pub struct Pending(Option<(Receipt, Ticket)>);

impl Pending {
    /// Returns when the record is as durable as its session asks: with `process` committed, with `power` synced, too.
    ///
    /// After an error, neither this record nor any that was appended behind it before this call returned is acknowledged;
    /// records appended afterwards are tried again. So a failed turn may be followed by a good one, but never with a hole.
    pub async fn durable(self) -> Result<(), Error> {
        let Some((receipt, ticket)) = self.0 else {
            return Ok(());
        };
        let result = receipt.await.unwrap_or(Err(Error::Closed));
        if result.is_err() {
            ticket.told();
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
    epoch: AtomicU64,
    /// All epochs up to this one are closed.
    closed: AtomicU64,
}

impl Lane {
    fn new(key: SessionKey, place: Place, durability: Durability) -> Self {
        Self {
            key,
            place,
            durability,
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
