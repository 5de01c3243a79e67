//! One transaction: the operations of a batch, applied in their order.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use super::bodies::Bodies;
use super::faults::{Disk, Failure, Fault};
use super::operations::{Done, Operation};
use super::rows::{self, millis, signed};
use super::turns;
use crate::clock::Timestamp;
use crate::ids::{InvocationId, SessionKey};
use crate::journal::chain::{self, GENESIS, Hash};
use crate::journal::codec::{Entry, Step};
use crate::journal::head::{Head, Mark, Totals};
use crate::journal::store::{Found, Incarnation, Incoming, Indexed, Location, Place, Seq, State};
use crate::journal::writer::Ticket;
use crate::journal::{Damage, Durability, Error};

/// What SQLite writes at least.
const PAGE: u64 = 4_096;

/// An open transaction, and the rows of the incarnations that it touches.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    bodies: &'a Bodies,
    disk: &'a dyn Disk,
    /// Records longer than this become files.
    inline: usize,
    heads: HashMap<i64, Head>,
    /// Incarnations one of whose appends failed: those behind it must, too.
    lost: HashSet<i64>,
    /// Files of images that this batch replaces; they may go when it is committed.
    replaced: Vec<Hash>,
    bytes: u64,
}

/// What a batch comes to.
pub(super) struct Written {
    /// What it adds to the log, roughly.
    pub(super) bytes: u64,
    pub(super) replaced: Vec<Hash>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        bodies: &'a Bodies,
        disk: &'a dyn Disk,
        inline: usize,
    ) -> Self {
        Self {
            connection,
            bodies,
            disk,
            inline,
            heads: HashMap::new(),
            lost: HashSet::new(),
            replaced: Vec::new(),
            bytes: 0,
        }
    }

    /// Does one thing whole, or fails without a trace, or fails the batch.
    pub(super) fn apply(&mut self, operation: &Operation) -> Result<Result<Done, Error>, Fault> {
        let result = match operation {
            Operation::Begin {
                key,
                first,
                durability,
            } => self.begin(key, first, *durability),
            Operation::Append { ticket, entry } => self.append(ticket, entry),
            Operation::Keep {
                ticket,
                entry,
                file,
            } => self.keep(ticket, entry, file),
            Operation::Discard { ticket, from } => self.discard(ticket, *from),
            Operation::Attempt { ticket } => self.attempt(ticket),
            Operation::Quarantine { place, key, damage } => self.quarantine(*place, key, damage),
            Operation::EndDamaged { key, now } => self.end_damaged(key, *now),
            // The others have no part in a batch.
            _ => Ok(Done::Nothing),
        };
        match result {
            Ok(done) => Ok(Ok(done)),
            Err(Failure::Operation(error)) => {
                if let Operation::Append { ticket, .. } = operation {
                    self.lost.insert(ticket.lane.place.row);
                }
                Ok(Err(error))
            }
            Err(Failure::Batch(fault)) => Err(fault),
        }
    }

    /// Writes the rows of the incarnations.
    pub(super) fn finish(self) -> Result<Written, Fault> {
        for (id, head) in &self.heads {
            rows::update(self.connection, *id, head)?;
        }
        // Pages go to the log whole: some for the batch, some for each session.
        let pages = 4 + 2 * self.heads.len() as u64;
        Ok(Written {
            bytes: self.bytes + pages * PAGE,
            replaced: self.replaced,
        })
    }

    fn begin(
        &mut self,
        key: &SessionKey,
        first: &Entry,
        durability: Durability,
    ) -> Result<Done, Failure> {
        // What an earlier operation of this batch changed is not in the rows yet.
        self.flush(key)?;
        let mut incarnation = 1;
        for found in rows::heads(self.connection, key)? {
            match state(&found) {
                State::Ended => {}
                State::Open => {
                    let conflict = Error::Conflict("the session is open already");
                    return Err(conflict.into());
                }
                State::Damaged => {
                    let conflict = "the session is quarantined, because its journal is damaged";
                    return Err(Error::Conflict(conflict).into());
                }
            }
            incarnation = incarnation.max(found.place.incarnation.0.saturating_add(1));
        }
        let at = millis(first.at);
        let version = match &first.step {
            Step::Started { version } => Some(*version),
            _ => None,
        };
        let mut head = Head {
            state: State::Open,
            durability,
            version,
            started: at,
            active: at,
            ..blank(key, incarnation)
        };
        let file = self.file(first, durability)?;
        let row = rows::insert(self.connection, &head)?;
        self.record(row, &mut head, first, file)?;
        head.start = head.link;
        self.heads.insert(row, head);
        let incarnation = Incarnation(incarnation);
        Ok(Done::Begun(Place { row, incarnation }))
    }

    fn append(&mut self, ticket: &Ticket, entry: &Entry) -> Result<Done, Failure> {
        let row = ticket.lane.place.row;
        if ticket.is_behind() || self.lost.contains(&row) {
            return Err(Error::Behind.into());
        }
        let mut head = self.open(ticket)?;
        if matches!(entry.step, Step::Started { .. }) {
            return Err(Error::Conflict("a session starts only once").into());
        }
        let file = self.file(entry, head.durability)?;
        self.index(row, &mut head, entry)?;
        self.record(row, &mut head, entry, file)?;
        self.heads.insert(row, head);
        Ok(Done::Nothing)
    }

    /// Makes an image's file its own, and the newest.
    fn keep(&mut self, ticket: &Ticket, entry: &Entry, file: &Incoming) -> Result<Done, Failure> {
        let row = ticket.lane.place.row;
        if ticket.is_behind() || self.lost.contains(&row) {
            return Err(Error::Behind.into());
        }
        let mut head = self.open(ticket)?;
        let Step::Image { turn, bytes } = entry.step else {
            return Err(Error::Conflict("an image has a record of its own").into());
        };
        if head.totals.turns != head.totals.finished {
            return Err(Error::Conflict("an image is taken between turns").into());
        }
        if signed(turn) != self.last_turn(row, &head)? {
            return Err(Error::Conflict("the image is not of the session's last turn").into());
        }
        let trimmed = head.trimmed.is_some();
        ticket.lane.trimmed.store(trimmed, Ordering::Release);
        // Without older records it is the only way back.
        let sync = trimmed || head.durability == Durability::Power;
        placed(self.bodies.place(self.disk, file, sync))?;
        let text = self.file(entry, head.durability)?;
        let before = head.link;
        self.record(row, &mut head, entry, text)?;
        let old = head.drop_image();
        self.replaced.extend(old.filter(|old| *old != file.digest));
        head.image = Some(Mark {
            seq: head.last,
            turn: signed(turn),
            before,
            file: file.digest,
            bytes: signed(bytes),
        });
        head.bytes += signed(bytes);
        self.heads.insert(row, head);
        Ok(Done::Nothing)
    }

    /// The highest number of the turns taken on; 0 before the first. Those before an image may have been trimmed.
    fn last_turn(&self, row: i64, head: &Head) -> Result<i64, rusqlite::Error> {
        let last = turns::last(self.connection, row)?;
        let imaged = head.image.map_or(0, |image| image.turn);
        Ok(last.unwrap_or(imaged))
    }

    /// The row of an incarnation that takes records.
    fn open(&mut self, ticket: &Ticket) -> Result<Head, Failure> {
        let row = ticket.lane.place.row;
        let head = match self.heads.get(&row) {
            Some(head) => head.clone(),
            None => match rows::head(self.connection, row)? {
                Some(Found {
                    head: Some(head),
                    sealed: true,
                    ..
                }) if head.key == ticket.lane.key => head,
                Some(found) => return Err(broken(&ticket.lane.key, found.place).into()),
                None => return Err(Error::Conflict("the session was removed").into()),
            },
        };
        match head.state {
            State::Open => Ok(head),
            State::Ended => Err(Error::Conflict("the session has ended").into()),
            State::Damaged => Err(broken(&head.key, ticket.lane.place).into()),
        }
    }

    /// Makes a file of a large record. It is nobody's until the row that names it is committed.
    fn file(&self, entry: &Entry, durability: Durability) -> Result<Option<Hash>, Failure> {
        if entry.text.len() <= self.inline {
            return Ok(None);
        }
        let sync = durability == Durability::Power;
        let written = self
            .bodies
            .write(self.disk, &entry.digest, &entry.text, sync);
        placed(written).map(|()| Some(entry.digest))
    }

    /// Keeps the index of turns; refuses what was done before.
    fn index(&mut self, row: i64, head: &mut Head, entry: &Entry) -> Result<(), Failure> {
        let seq = head.last + 1;
        match &entry.step {
            Step::Accepted { turn, invocation } => {
                self.accept(row, head, *turn, invocation.as_ref(), seq, None)?;
            }
            Step::Turn {
                turn,
                invocation,
                models,
                memory_bytes,
            } => {
                let at = millis(entry.at);
                self.accept(row, head, *turn, invocation.as_ref(), seq, Some(at))?;
                if let Some(invocation) = invocation {
                    let incarnation = Incarnation(head.incarnation);
                    let seq = Seq(seq);
                    let answer = Indexed {
                        invocation: invocation.to_string(),
                        place: Place { row, incarnation },
                        location: Location {
                            incarnation,
                            turn: *turn,
                            accepted: seq,
                            finished: seq,
                        },
                        finished_at: at,
                    };
                    chain::toggle(&mut head.answers, &chain::answer(&answer));
                }
                head.totals.finished += 1;
                head.totals.add(models);
                head.totals.memory = signed(*memory_bytes);
            }
            Step::Finished {
                turn,
                models,
                memory_bytes,
            } => {
                let place = Place {
                    row,
                    incarnation: Incarnation(head.incarnation),
                };
                let at = millis(entry.at);
                let Some(answer) = turns::finish(self.connection, place, *turn, seq, at)? else {
                    return Err(Error::Conflict("the turn is not open").into());
                };
                if let Some(answer) = answer {
                    chain::toggle(&mut head.answers, &chain::answer(&answer));
                }
                head.totals.finished += 1;
                head.totals.add(models);
                head.totals.memory = signed(*memory_bytes);
            }
            Step::Ended { reason } => {
                head.state = State::Ended;
                head.ended = Some(millis(entry.at));
                head.reason = Some(reason.clone());
                // Nobody goes on from it any more.
                self.replaced.extend(head.drop_image());
            }
            Step::Started { .. } | Step::Observed | Step::Image { .. } => {}
        }
        Ok(())
    }

    /// Notes a turn that was taken on, and is over by now if `finished_at` says when.
    fn accept(
        &self,
        row: i64,
        head: &mut Head,
        turn: u64,
        invocation: Option<&InvocationId>,
        seq: i64,
        finished_at: Option<i64>,
    ) -> Result<(), Failure> {
        let again = || Error::Conflict("the turn was accepted before").into();
        // Those before the image may be trimmed, and missed here.
        if head.image.is_some_and(|image| signed(turn) <= image.turn) {
            return Err(again());
        }
        if !turns::add(self.connection, row, turn, invocation, seq, finished_at)? {
            return Err(again());
        }
        head.totals.turns += 1;
        Ok(())
    }

    fn record(
        &mut self,
        row: i64,
        head: &mut Head,
        entry: &Entry,
        file: Option<Hash>,
    ) -> Result<(), Failure> {
        head.last += 1;
        head.link = chain::link(
            &head.link,
            &head.key,
            head.incarnation,
            head.last,
            entry.format,
            &entry.digest,
        );
        // An image is taken of who does nothing.
        if !matches!(entry.step, Step::Image { .. }) {
            // The turns of a fork are older than it.
            head.active = head.active.max(millis(entry.at));
        }
        let size = signed(entry.text.len() as u64);
        head.bytes += size;
        let text = file.is_none().then_some(&entry.text);
        let sql = "INSERT INTO records (session, seq, format, size, text, file, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute(params![
            row,
            head.last,
            entry.format,
            size,
            text,
            file,
            head.link
        ])?;
        // The row beside its text, and its entries in the indices.
        self.bytes += 256 + text.map_or(0, |text| text.len() as u64);
        Ok(())
    }

    /// Writes the row of an incarnation once more, as it is.
    fn attempt(&mut self, ticket: &Ticket) -> Result<Done, Failure> {
        let head = self.open(ticket)?;
        self.heads.insert(ticket.lane.place.row, head);
        Ok(Done::Nothing)
    }

    fn discard(&mut self, ticket: &Ticket, from: Seq) -> Result<Done, Failure> {
        let row = ticket.lane.place.row;
        let mut head = self.open(ticket)?;
        if from <= Seq::FIRST {
            return Err(Error::Conflict("the start of a session is not discarded").into());
        }
        if from.0 > head.last {
            return Ok(Done::Nothing);
        }
        if head.image.is_some_and(|image| from.0 <= image.seq) {
            return Err(Error::Conflict("an image is not discarded").into());
        }
        let finished: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM turns WHERE session = ?1 AND finished >= ?2)",
            )?
            .query_row(params![row, from.0], |row| row.get(0))?;
        if finished {
            return Err(Error::Conflict("a finished turn is not discarded").into());
        }
        let sql = "SELECT link, (SELECT sum(size) FROM records WHERE session = ?1 AND seq >= ?2) FROM records \
                   WHERE session = ?1 AND seq = ?2 - 1";
        let before = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![row, from.0], |row| {
                Ok((rows::hash(row, 0), rows::number(row, 1)))
            })
            .optional()?;
        let Some((Some(link), Some(bytes))) = before else {
            return Err(broken(&head.key, ticket.lane.place).into());
        };
        let execute = |sql: &str| -> Result<usize, rusqlite::Error> {
            self.connection
                .prepare_cached(sql)?
                .execute(params![row, from.0])
        };
        execute("DELETE FROM records WHERE session = ?1 AND seq >= ?2")?;
        let turns = execute("DELETE FROM turns WHERE session = ?1 AND accepted >= ?2")?;
        head.totals.turns -= signed(turns as u64);
        head.last = from.0 - 1;
        head.link = link;
        head.bytes -= bytes;
        self.heads.insert(row, head);
        Ok(Done::Nothing)
    }

    fn quarantine(
        &mut self,
        place: Place,
        key: &SessionKey,
        damage: &Damage,
    ) -> Result<Done, Failure> {
        self.flush(key)?;
        let Some(found) = rows::head(self.connection, place.row)? else {
            return Ok(Done::Nothing);
        };
        let state = match state(&found) {
            State::Ended => State::Ended,
            State::Open | State::Damaged => State::Damaged,
        };
        if let Some(mut head) = found.head.filter(|head| head.key == *key) {
            head.state = state;
            head.damage = Some((damage.seq.0, damage.why.clone()));
            self.heads.insert(place.row, head);
        }
        Ok(Done::Nothing)
    }

    fn end_damaged(&mut self, key: &SessionKey, now: Timestamp) -> Result<Done, Failure> {
        self.flush(key)?;
        let mut ended = 0;
        for found in rows::heads(self.connection, key)? {
            if state(&found) != State::Damaged {
                continue;
            }
            let row = found.place.row;
            let mut head = found
                .head
                .unwrap_or_else(|| blank(key, found.place.incarnation.0));
            self.replaced.extend(head.drop_image());
            head.state = State::Ended;
            head.ended = Some(millis(now));
            let unknown = || (1, "its row was not what was written there".to_owned());
            head.damage = Some(head.damage.take().unwrap_or_else(unknown));
            self.heads.insert(row, head);
            ended += 1;
        }
        Ok(Done::Ended(ended))
    }

    /// Writes the rows of a key's incarnations, for who is about to read them.
    fn flush(&mut self, key: &SessionKey) -> Result<(), rusqlite::Error> {
        for (id, head) in &self.heads {
            if head.key == *key {
                rows::update(self.connection, *id, head)?;
            }
        }
        Ok(())
    }
}

/// Where an incarnation stands, whatever its row says.
fn state(found: &Found) -> State {
    match &found.head {
        Some(head) if found.sealed => head.state,
        _ => State::Damaged,
    }
}

/// What a file that could not be written means for its operation.
fn placed(result: Result<(), Fault>) -> Result<(), Failure> {
    result.map_err(|fault| match fault {
        Fault::Disk(cause) | Fault::Rows(cause) => Failure::Operation(Error::Write(cause)),
        Fault::Sync(_) => Failure::Batch(fault),
    })
}

/// A row before anything is known, or of which nothing is left.
fn blank(key: &SessionKey, incarnation: i64) -> Head {
    Head {
        key: key.clone(),
        incarnation,
        state: State::Damaged,
        durability: Durability::default(),
        version: None,
        started: 0,
        active: 0,
        ended: None,
        reason: None,
        totals: Totals::default(),
        bytes: 0,
        last: 0,
        link: GENESIS,
        start: GENESIS,
        answers: GENESIS,
        trimmed: None,
        image: None,
        damage: None,
    }
}

fn broken(key: &SessionKey, place: Place) -> Error {
    Error::Damaged {
        session: Box::new(key.clone()),
        incarnation: place.incarnation,
        damage: Damage {
            seq: Seq::FIRST,
            why: "the session's own row is not what was written there".to_owned(),
        },
    }
}
