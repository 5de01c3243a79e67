//! Reading: what is known of a session, checked before anybody builds on it.

use std::sync::Arc;

use super::super::head::{Head, Mark, count};
use super::super::history::{self, Stopped, Verified};
use super::super::store::{Found, Indexed, Lost, Place, Row, Seq, Snapshot, State, Which};
use super::super::writer::{self, Taken};
use super::super::{
    Answered, Damage, Durability, Error, History, Incarnation, Kept, Loaded, Record, Sequenced,
    Sums, Transcript, Weighed, Writer,
};
use super::{Hold, Journal};
use crate::clock::Timestamp;
use crate::ids::{InvocationId, SessionKey};

impl Journal {
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
