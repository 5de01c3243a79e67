//! The face of the journal.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::codec::Entry;
use super::head::{Head, Mark, count};
use super::history::{self, Stopped, Verified};
use super::sqlite::Sqlite;
use super::store::{Found, Indexed, Lost, Place, Row, Seq, Snapshot, State, Store, Which};
use super::writer::{self, Taken};
use super::{
    Answered, Compacted, Config, Damage, Durability, Error, Filter, History, Incarnation, Kept,
    Loaded, Page, Record, Sequenced, Started, Sums, Transcript, Weighed, Writer,
};
use crate::clock::{Clock, Timestamp};
use crate::ids::{AgentKey, InvocationId, SessionKey, TenantId};

/// The journal of this process's sessions. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    held: Holds,
    /// Agents that have, or had, sessions here.
    agents: Arc<Mutex<HashSet<AgentKey>>>,
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
        let agents = store.agents().iter().cloned().collect();
        Self {
            store,
            clock,
            retention: Duration::from_secs(config.retention_seconds),
            held: Holds::default(),
            agents: Arc::new(Mutex::new(agents)),
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
        if !self.knows(&key.agent) {
            self.agents().insert(key.agent.clone());
        }
        let first = Entry::of(&Record::Started(started))?;
        let place = self.store.begin(key.clone(), first, durability).await?;
        let store = Arc::clone(&self.store);
        Ok(Writer::new(
            store,
            key.clone(),
            place,
            durability,
            Taken::default(),
            hold,
        ))
    }

    /// Whether the agent may have sessions here. False spares a look: nothing of it is known, and its sessions can begin at
    /// once.
    pub fn knows(&self, agent: &AgentKey) -> bool {
        self.agents().contains(agent)
    }

    fn agents(&self) -> MutexGuard<'_, HashSet<AgentKey>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is known of a session, and checks it; a session that is not known has neither history nor answers.
    ///
    /// With an intact image, its records from before that are not read, so this takes no longer as the session ages. When the
    /// image cannot be read, all records are given in its place, and the log says why.
    ///
    /// Waits for what stands in line to be written. A conflict while the session has a writer.
    /// [`Error::Damaged`] quarantines the session, also when its image is spoilt and the records before it were trimmed;
    /// [`Error::Format`], [`Error::Unreadable`] and [`Error::Read`] do not.
    pub async fn load(&self, key: &SessionKey) -> Result<Loaded, Error> {
        self.loaded(key, Which::SinceImage).await
    }

    /// The same, but when what is to be read, records and image, takes more bytes than `most`: then only how many.
    pub async fn load_light(&self, key: &SessionKey, most: u64) -> Result<Weighed, Error> {
        let (hold, snapshot) = self.snapshot(key, Which::SinceImage, most).await?;
        if let Some(bytes) = snapshot.heavy {
            return Ok(Weighed::Heavy(bytes));
        }
        let loaded = self.read(key, Which::SinceImage, hold, snapshot).await?;
        Ok(Weighed::Light(Box::new(loaded)))
    }

    /// Bytes of the records and the image of the session's largest incarnation; 0 when it is not known.
    pub async fn weight(&self, key: &SessionKey) -> Result<u64, Error> {
        let found = self.store.incarnations(key.clone()).await?;
        let heads = found.into_iter().filter_map(|found| found.head);
        Ok(heads.map(|head| count(head.bytes)).max().unwrap_or(0))
    }

    /// As [`load`](Self::load), but with all records from the start and without the image, for a server whose engine cannot
    /// restore it. What [`load`](Self::load) gave must be dropped before.
    ///
    /// [`Error::Trimmed`] when some of the records are not kept any more.
    pub async fn load_whole(&self, key: &SessionKey) -> Result<Loaded, Error> {
        self.loaded(key, Which::All).await
    }

    async fn loaded(&self, key: &SessionKey, which: Which) -> Result<Loaded, Error> {
        let (hold, snapshot) = self.snapshot(key, which, u64::MAX).await?;
        self.read(key, which, hold, snapshot).await
    }

    async fn snapshot(
        &self,
        key: &SessionKey,
        which: Which,
        most: u64,
    ) -> Result<(Hold, Snapshot), Error> {
        let hold = self.held.claim(key)?;
        self.store.settle().await?;
        let snapshot = self.store.session(key.clone(), which, most).await?;
        Ok((hold, snapshot))
    }

    /// What a snapshot says, checked.
    async fn read(
        &self,
        key: &SessionKey,
        which: Which,
        hold: Hold,
        snapshot: Snapshot,
    ) -> Result<Loaded, Error> {
        let mut live = None;
        for found in &snapshot.found {
            let head = self.sealed(key, found).await?;
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
        let live = match live {
            None => None,
            Some((place, head)) => {
                let since_image = matches!(which, Which::SinceImage) && head.image.is_some();
                if !since_image && let Some(first) = head.first_kept() {
                    let session = Box::new(key.clone());
                    return Err(Error::Trimmed { session, first });
                }
                let rows = snapshot.rows;
                let text = |row: &Row| row.text.as_ref().map_or(0, |text| text.len() as u64);
                let taken = Taken {
                    all: count(head.bytes),
                    since_image: rows.iter().map(text).sum(),
                };
                let checked = self.checked(place, &head, rows, since_image, &snapshot.answers);
                let mut records = checked.await?;
                let image = match head.image.filter(|_| since_image) {
                    None => None,
                    Some(mark) => match self.image(place, &head, &mark, &mut records).await? {
                        Some(image) => Some(image),
                        None => {
                            drop(hold);
                            return Box::pin(self.loaded(key, Which::All)).await;
                        }
                    },
                };
                Some(
                    self.history(place, &head, image, records, (taken, hold))
                        .await?,
                )
            }
        };
        // Oldest first, so the newest stays. What is no invocation id can never be asked for.
        let answered = snapshot
            .answers
            .into_iter()
            .filter_map(|answer| Some((answer.invocation.parse().ok()?, answer.location)))
            .collect();
        Ok(Loaded { live, answered })
    }

    async fn history(
        &self,
        place: Place,
        head: &Head,
        image: Option<Kept>,
        records: Vec<Sequenced<Record>>,
        (taken, hold): (Taken, Hold),
    ) -> Result<History, Error> {
        let key = &head.key;
        let Some(started) = history::started(&records) else {
            let damage = Damage {
                seq: Seq::FIRST,
                why: "it is not the start of a session".to_owned(),
            };
            return Err(self.damaged(key, place, damage).await);
        };
        let store = Arc::clone(&self.store);
        Ok(History {
            started,
            image,
            records,
            turns: count(head.totals.turns),
            models: head.totals.models(),
            memory_bytes: count(head.totals.memory),
            writer: Writer::new(store, key.clone(), place, head.durability, taken, hold),
        })
    }

    /// The records of an open incarnation, all that were asked for or an error.
    async fn checked(
        &self,
        place: Place,
        head: &Head,
        rows: Vec<Row>,
        since_image: bool,
        answers: &[Indexed],
    ) -> Result<Vec<Sequenced<Record>>, Error> {
        let key = &head.key;
        let verified = verified(head.clone(), rows, since_image).await?;
        if let Some(stopped) = verified.stopped {
            return Err(self.stopped(key, place, stopped).await);
        }
        match history::misindexed(place, head, &verified.records, answers) {
            None => Ok(verified.records),
            Some(damage) => Err(self.damaged(key, place, damage).await),
        }
    }

    /// The image, whose record is taken from the others; none when all records must do in its place.
    async fn image(
        &self,
        place: Place,
        head: &Head,
        mark: &Mark,
        records: &mut Vec<Sequenced<Record>>,
    ) -> Result<Option<Kept>, Error> {
        let key = &head.key;
        let imaged = match history::take_image(mark, records) {
            Ok(imaged) => imaged,
            Err(damage) => return Err(self.damaged(key, place, damage).await),
        };
        let why = match (self.store.image(*mark).await, head.trimmed) {
            (Ok(bytes), _) => {
                return Ok(Some(Kept {
                    seq: Seq(mark.seq),
                    turn: imaged.turn,
                    at: imaged.at,
                    program: imaged.program,
                    bytes,
                }));
            }
            (Err(Lost::Spoilt(why)), None) => why,
            (Err(Lost::Unread(cause)), None) => cause.to_string(),
            (Err(Lost::Spoilt(why)), Some(_)) => {
                let damage = Damage {
                    seq: Seq(mark.seq),
                    why: format!(
                        "its image is lost, and the records before it were trimmed: {why}"
                    ),
                };
                return Err(self.damaged(key, place, damage).await);
            }
            // It may be there the next time.
            (Err(Lost::Unread(cause)), Some(_)) => return Err(Error::Read(cause)),
        };
        tracing::warn!(session.id = %key.session, record = mark.seq, why,
            "the image of a session cannot be read; its records are read in its place");
        Ok(None)
    }

    /// The answer of an invocation that finished, in any incarnation still kept; the newest, should there be several.
    ///
    /// [`Error::Damaged`] when that turn's records are not as they were written.
    pub async fn answer(
        &self,
        key: &SessionKey,
        invocation: &InvocationId,
    ) -> Result<Option<Answered>, Error> {
        let wanted = invocation.to_string();
        let Some(answer) = self.store.answer(key.clone(), wanted).await? else {
            return Ok(None);
        };
        let (place, location) = (answer.place, answer.location);
        let Some(accepted) = self.record(key, place, location.accepted).await? else {
            return Ok(None);
        };
        let finished = match location.finished == location.accepted {
            true => None,
            false => match self.record(key, place, location.finished).await? {
                None => return Ok(None),
                finished => finished,
            },
        };
        let answered = match (accepted, finished) {
            (Record::Turn(turn), None) => Some(Answered {
                accepted: turn.accepted,
                finished: turn.finished,
            }),
            (Record::TurnAccepted(accepted), Some(Record::TurnFinished(finished))) => {
                Some(Answered {
                    accepted: *accepted,
                    finished: *finished,
                })
            }
            _ => None,
        };
        let fits = |answered: &Answered| {
            answered.accepted.turn == answered.finished.turn
                && answered.accepted.invocation.as_ref() == Some(invocation)
        };
        match answered.filter(fits) {
            Some(answered) => Ok(Some(answered)),
            None => {
                let damage = Damage {
                    seq: location.accepted,
                    why: "the index of answers points to another turn".to_owned(),
                };
                Err(self.damaged(key, place, damage).await)
            }
        }
    }

    /// One record, checked; none when it or its incarnation was removed meanwhile.
    async fn record(
        &self,
        key: &SessionKey,
        place: Place,
        seq: Seq,
    ) -> Result<Option<Record>, Error> {
        let Some(read) = self.store.rows(place, Which::One(seq)).await? else {
            return Ok(None);
        };
        let head = self.sealed(key, &read.found).await?;
        if head.state == State::Damaged {
            return Err(self.quarantined(key, place, &head));
        }
        if seq > Seq::FIRST && seq.0 <= head.trimmed_to() {
            return Ok(None);
        }
        match history::verify_one(&head, &read.rows, seq) {
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
        // Read again with its records, as one moment.
        let Some(read) = self.store.rows(found.place, Which::All).await? else {
            return Ok(None);
        };
        let found = read.found;
        let broken = history::sealed(key, &found).err();
        let incarnation = found.place.incarnation;
        let Some(head) = found.head.filter(|head| head.key == *key) else {
            return Ok(Some(Transcript {
                incarnation,
                state: State::Damaged,
                durability: Durability::default(),
                trimmed: None,
                totals: None,
                records: Vec::new(),
                damage: broken,
            }));
        };
        let state = match broken {
            None => head.state,
            Some(_) => State::Damaged,
        };
        let (durability, trimmed) = (head.durability, head.first_kept());
        let totals = Sums {
            active: Timestamp::from_millis(count(head.active)),
            turns: count(head.totals.turns),
            models: head.totals.models(),
            memory_bytes: count(head.totals.memory),
        };
        let known = broken.or_else(|| head.damage());
        let verified = verified(head, read.rows, false).await?;
        let damage = match verified.stopped {
            None => known,
            Some(Stopped::Damage(damage)) => Some(damage),
            Some(Stopped::Unknown(error)) => return Err(error),
        };
        Ok(Some(Transcript {
            incarnation,
            state,
            durability,
            trimmed,
            totals: Some(totals),
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

    /// Bytes of records and images of all of a tenant's incarnations, and 4 KiB for each of these. Reads a row of each.
    pub async fn bytes(&self, tenant: &TenantId) -> Result<u64, Error> {
        self.store.bytes(tenant.clone()).await
    }

    /// Gives up what is quarantined of this session, so that it may begin afresh; how many incarnations that were.
    ///
    /// They are kept for reading as long as other ended ones.
    pub async fn end_damaged(&self, key: &SessionKey) -> Result<u64, Error> {
        self.store.end_damaged(key.clone(), self.clock.now()).await
    }

    /// Removes what is past the retention time: incarnations that ended before; records of open ones that stand before their
    /// images and belong to turns that finished before; and files that nothing names.
    ///
    /// What goes with a turn is its entry in the index of answers, too: a retry of it would run. The start of a session, and
    /// whatever its image does not contain, stays. An image that cannot be read is none.
    ///
    /// May be repeated, and broken off by a crash at any point. Works in small steps, between which others write. Its last
    /// step empties the log: what was removed is then gone as after [`delete`](Self::delete).
    pub async fn compact(&self, now: Timestamp) -> Result<Compacted, Error> {
        let retention = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(now.as_millis().saturating_sub(retention));
        self.store.compact(before).await
    }

    /// Removes all incarnations of a session at once, with their files, whatever their state and age; what that was. A session
    /// that is not known is no error.
    ///
    /// When this returns, the bytes of the session are gone from the folder, too: what SQLite removes it overwrites with
    /// zeros, and its log is emptied. With one exception: where SQLite moved rows from one page to another, as it does in one
    /// of some fifty removals, a piece of a row may stay in the unused part of a page. It goes when that page is filled or
    /// freed, at the latest with the other sessions in that page; or at once by `VACUUM`, while no server runs. What the file
    /// system or the disk keeps of overwritten blocks is not known here.
    ///
    /// A conflict while the session has a writer: end it before, or drop what [`load`](Self::load) gave. [`Error::Write`]
    /// when the log could not be emptied, because somebody has been reading for long: the session is gone, but not all of its
    /// bytes; ask again. After a crash in the middle, the rest goes with the next [`compact`](Self::compact).
    pub async fn delete(&self, key: &SessionKey) -> Result<Compacted, Error> {
        let _hold = self.held.claim(key)?;
        self.store.delete(key.clone()).await
    }

    /// Whether its writer thread lives. One that panicked does not come back before the next start.
    pub fn is_open(&self) -> bool {
        self.store.is_open()
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

/// Checks what was read, on a thread of its own: thousands of hashes and parsed texts would hold up an async worker.
async fn verified(head: Head, rows: Vec<Row>, since_image: bool) -> Result<Verified, Error> {
    let verify = move || history::verify(&head, &rows, since_image);
    tokio::task::spawn_blocking(verify)
        .await
        .map_err(|_| Error::Closed)
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
