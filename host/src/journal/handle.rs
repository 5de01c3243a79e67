//! The face of the journal.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::codec::Entry;
use super::history::{self, Stopped, Verified};
use super::sqlite::Sqlite;
use super::store::{Found, Head, Indexed, Place, Range, Seq, State, Store};
use super::writer;
use super::{
    Answered, Compacted, Config, Damage, Durability, Error, Filter, History, Incarnation, Loaded,
    Page, Record, Started, Transcript, Writer,
};
use crate::clock::{Clock, Timestamp};
use crate::ids::{InvocationId, SessionKey, TenantId};

/// The journal of this process's sessions. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    held: Holds,
}

/// The sessions that have a writer.
#[derive(Debug, Clone, Default)]
struct Holds(Arc<Mutex<HashSet<SessionKey>>>);

/// The right to write one session; given back when dropped.
#[derive(Debug)]
pub(super) struct Hold {
    key: SessionKey,
    holds: Holds,
}

impl Holds {
    fn keys(&self) -> MutexGuard<'_, HashSet<SessionKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, key: &SessionKey) -> Result<Hold, Error> {
        if !self.keys().insert(key.clone()) {
            return Err(Error::Conflict("the session has a writer already"));
        }
        Ok(Hold {
            key: key.clone(),
            holds: self.clone(),
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.keys().remove(&self.key);
    }
}

impl Journal {
    /// Opens the journal in this directory, which is made if need be, and starts its writer thread. Blocks; for the start.
    ///
    /// Fails when another process has it, when it was written by another version, and when the database is torn.
    pub fn open(directory: &Path, config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let store = Sqlite::open(directory, config)?;
        Ok(Self::over(Arc::new(store), config, clock))
    }

    pub(super) fn over(store: Arc<dyn Store>, config: &Config, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            retention: Duration::from_secs(config.retention_seconds),
            held: Holds::default(),
        }
    }

    /// Begins an incarnation of the session; returns when its first record is durable.
    ///
    /// A conflict while one is open, quarantined, or has a writer. With [`Durability::None`] nothing is written or checked.
    pub async fn begin(
        &self,
        key: &SessionKey,
        started: Started,
        durability: Durability,
    ) -> Result<Writer, Error> {
        if durability == Durability::None {
            return Ok(Writer::unwritten(key.clone()));
        }
        let hold = self.held.claim(key)?;
        let first = Entry::of(&Record::Started(started))?;
        let place = self.store.begin(key.clone(), first, durability).await?;
        let store = Arc::clone(&self.store);
        Ok(Writer::new(store, key.clone(), place, durability, hold))
    }

    /// Reads what is known of a session, and checks it; a session that is not known has neither history nor answers.
    ///
    /// Waits for what stands in line to be written. A conflict while the session has a writer.
    /// [`Error::Damaged`] quarantines the session; [`Error::Format`] and [`Error::Unreadable`] do not.
    pub async fn load(&self, key: &SessionKey) -> Result<Loaded, Error> {
        let hold = self.held.claim(key)?;
        self.store.settle().await?;
        let mut live = None;
        for found in self.store.incarnations(key.clone()).await? {
            let head = self.sealed(key, &found).await?;
            match head.state {
                State::Open if live.is_none() => live = Some((found.place, head)),
                State::Open => {
                    let damage = Damage {
                        seq: Seq::FIRST,
                        why: "the session has another open incarnation".to_owned(),
                    };
                    return Err(self.damaged(key, found.place, damage).await);
                }
                State::Damaged => return Err(self.quarantined(key, found.place, &head)),
                State::Ended => {}
            }
        }
        let answers = self.store.answers(key.clone(), None).await?;
        let live = match live {
            None => None,
            Some((place, head)) => {
                let durability = head.durability;
                let records = self.read(key, place, head).await?;
                if let Some(damage) = history::misindexed(place, &records, &answers) {
                    return Err(self.damaged(key, place, damage).await);
                }
                let store = Arc::clone(&self.store);
                let writer = Writer::new(store, key.clone(), place, durability, hold);
                Some(History { records, writer })
            }
        };
        // Oldest first, so the newest stays. What is no invocation id can never be asked for.
        let answered = answers
            .into_iter()
            .filter_map(|answer| Some((answer.invocation.parse().ok()?, answer.location)))
            .collect();
        Ok(Loaded { live, answered })
    }

    /// The records of an open incarnation, all of them or an error.
    async fn read(
        &self,
        key: &SessionKey,
        place: Place,
        head: Head,
    ) -> Result<Vec<super::Sequenced<Record>>, Error> {
        let gone = Error::Conflict("the session was removed meanwhile");
        let verified = self.verified(place, head, Range::ALL).await?.ok_or(gone)?;
        match verified.stopped {
            None => Ok(verified.records),
            Some(stopped) => Err(self.stopped(key, place, stopped).await),
        }
    }

    async fn verified(
        &self,
        place: Place,
        head: Head,
        range: Range,
    ) -> Result<Option<Verified>, Error> {
        let Some(rows) = self.store.rows(place, range).await? else {
            return Ok(None);
        };
        // Thousands of hashes and parsed texts would hold up an async worker.
        let verified = tokio::task::spawn_blocking(move || history::verify(&head, &rows));
        verified.await.map(Some).map_err(|_| Error::Closed)
    }

    /// The answer of an invocation that finished, in any incarnation still kept; the newest, should there be several.
    ///
    /// [`Error::Damaged`] when that turn's records are not as they were written.
    pub async fn answer(
        &self,
        key: &SessionKey,
        invocation: &InvocationId,
    ) -> Result<Option<Answered>, Error> {
        let wanted = Some(invocation.to_string());
        let mut answers = self.store.answers(key.clone(), wanted).await?;
        let Some(Indexed {
            place, location, ..
        }) = answers.pop()
        else {
            return Ok(None);
        };
        let incarnations = self.store.incarnations(key.clone()).await?;
        let Some(found) = incarnations.iter().find(|found| found.place == place) else {
            return Ok(None);
        };
        let head = self.sealed(key, found).await?;
        if head.state == State::Damaged {
            return Err(self.quarantined(key, place, &head));
        }
        let (Some(accepted), Some(finished)) = (
            self.record(key, place, &head, location.accepted).await?,
            self.record(key, place, &head, location.finished).await?,
        ) else {
            return Ok(None);
        };
        match (accepted, finished) {
            (Record::TurnAccepted(accepted), Record::TurnFinished(finished))
                if accepted.turn == finished.turn
                    && accepted.invocation.as_ref() == Some(invocation) =>
            {
                Ok(Some(Answered {
                    accepted: *accepted,
                    finished: *finished,
                }))
            }
            _ => {
                let damage = Damage {
                    seq: location.accepted,
                    why: "the index of answers points to another turn".to_owned(),
                };
                Err(self.damaged(key, place, damage).await)
            }
        }
    }

    /// One record, checked; none when its incarnation was removed meanwhile.
    async fn record(
        &self,
        key: &SessionKey,
        place: Place,
        head: &Head,
        seq: Seq,
    ) -> Result<Option<Record>, Error> {
        let range = Range {
            first: seq.0.saturating_sub(1),
            last: seq.0,
        };
        let Some(rows) = self.store.rows(place, range).await? else {
            return Ok(None);
        };
        match history::verify_one(head, &rows, seq) {
            Ok(record) => Ok(Some(record)),
            Err(stopped) => Err(self.stopped(key, place, stopped).await),
        }
    }

    /// An incarnation for reading, damaged ones as far as they can be read; the newest, when none is named.
    pub async fn records(
        &self,
        key: &SessionKey,
        incarnation: Option<Incarnation>,
    ) -> Result<Option<Transcript>, Error> {
        let mut found = self.store.incarnations(key.clone()).await?;
        found.retain(|found| incarnation.is_none_or(|wanted| found.place.incarnation == wanted));
        let Some(found) = found.pop() else {
            return Ok(None);
        };
        let broken = history::sealed(key, &found).err();
        let incarnation = found.place.incarnation;
        let Some(head) = found.head.filter(|head| head.key == *key) else {
            return Ok(Some(Transcript {
                incarnation,
                state: State::Damaged,
                durability: Durability::default(),
                records: Vec::new(),
                damage: broken,
            }));
        };
        let (state, durability) = match broken {
            None => (head.state, head.durability),
            Some(_) => (State::Damaged, head.durability),
        };
        let known = broken.or_else(|| head.damage());
        let range = Range::of(&head);
        let Some(verified) = self.verified(found.place, head, range).await? else {
            return Ok(None);
        };
        let damage = match verified.stopped {
            None => known,
            Some(Stopped::Damage(damage)) => Some(damage),
            Some(Stopped::Unknown(error)) => return Err(error),
        };
        Ok(Some(Transcript {
            incarnation,
            state,
            durability,
            records: verified.records,
            damage,
        }))
    }

    /// A tenant's incarnations, or those of all tenants for the server's own housekeeping, newest first.
    ///
    /// Read from their rows alone: what is wrong in the records does not show here.
    pub async fn sessions(&self, tenant: Option<&TenantId>, filter: Filter) -> Result<Page, Error> {
        self.store.list(tenant.cloned(), filter).await
    }

    /// Gives up what is quarantined of this session, so that it may begin afresh; how many incarnations that were.
    ///
    /// They are kept for reading as long as other ended ones.
    pub async fn end_damaged(&self, key: &SessionKey) -> Result<u64, Error> {
        self.store.end_damaged(key.clone(), self.clock.now()).await
    }

    /// Removes incarnations that ended longer ago than the retention time, and files that nothing names.
    ///
    /// May be repeated, and broken off by a crash at any point. Works in small steps, between which others write.
    pub async fn compact(&self, now: Timestamp) -> Result<Compacted, Error> {
        let retention = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(now.as_millis().saturating_sub(retention));
        self.store.compact(before).await
    }

    /// Writes what stands in line and stops the writer thread. Whatever is asked afterwards is [`Error::Closed`].
    pub async fn close(&self) {
        self.store.close().await;
    }

    async fn sealed(&self, key: &SessionKey, found: &Found) -> Result<Head, Error> {
        match history::sealed(key, found) {
            Ok(head) => Ok(head.clone()),
            Err(damage) => Err(self.damaged(key, found.place, damage).await),
        }
    }

    async fn stopped(&self, key: &SessionKey, place: Place, stopped: Stopped) -> Error {
        match stopped {
            Stopped::Damage(damage) => self.damaged(key, place, damage).await,
            Stopped::Unknown(error) => error,
        }
    }

    /// Quarantines an incarnation; the error to answer with.
    async fn damaged(&self, key: &SessionKey, place: Place, damage: Damage) -> Error {
        writer::quarantine(self.store.as_ref(), key, place, damage).await
    }

    fn quarantined(&self, key: &SessionKey, place: Place, head: &Head) -> Error {
        Error::Damaged {
            session: Box::new(key.clone()),
            incarnation: place.incarnation,
            damage: head.damage().unwrap_or(Damage {
                seq: Seq::FIRST,
                why: "it was quarantined".to_owned(),
            }),
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
