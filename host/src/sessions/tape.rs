//! What the guest of one turn observes, on its way into the journal, and out of it again when the turn is replayed.
//!
//! A turn's calls are numbered in the order in which they are made, which is the same in every replay. What a call gave
//! is written, and durable, before the guest sees it; so a crash costs at most the call in flight. The events of a
//! stream are written in one record at its end, or before something else is observed: until then the guest has told
//! nobody what it made of them, and a stream that a crash cut is begun anew.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::TurnError;
use super::difference::{Asked, Difference};
use super::halt::Halt;
use crate::clock::{Clock, Timestamp};
use crate::contract::model::Event;
use crate::ids::Digest;
use crate::journal::{
    self, Observation, Observed, Pending, Record, StreamEnd, TurnAccepted, Writer,
};

/// One turn's record of what its guest observed.
pub(super) struct Tape {
    turn: u64,
    /// None while a turn is replayed that is over: what it asks must have been recorded.
    writer: Option<Arc<Writer>>,
    /// Whether a replay may go another way, as long as there is an answer for it.
    compares: bool,
    clock: Arc<dyn Clock>,
    halt: Arc<Halt>,
    state: Mutex<State>,
}

struct State {
    /// How the turn began, until that is written.
    accepted: Option<Box<TurnAccepted>>,
    /// The record of it, until somebody has waited for that.
    accepting: Option<Pending>,
    /// Whether it was taken on by another process, or by an earlier try, and nobody knows whether anything can be written now.
    untried: bool,
    /// What is yet to be given again, by the call that it answers.
    recorded: BTreeMap<u32, VecDeque<Observed>>,
    calls: u32,
    /// When the guest last observed something.
    at: Timestamp,
    /// Observed without waiting; written before whatever is observed next.
    unwritten: Vec<Observed>,
    /// Streams that are being read, by their calls.
    streams: BTreeMap<u32, Reading>,
    over: bool,
    /// Where a replay went another way.
    differences: Vec<Difference>,
}

/// The part of a stream that was delivered and not written yet.
struct Reading {
    request: Digest,
    at: Timestamp,
    events: Vec<(u64, Event)>,
    /// Whether its opening is written.
    opened: bool,
}

impl Reading {
    fn take(&mut self, turn: u64, call: u32, end: StreamEnd) -> Observed {
        self.opened = true;
        Observed {
            turn,
            call,
            request: Some(self.request.clone()),
            at: self.at,
            result: Observation::ConverseStream {
                events: std::mem::take(&mut self.events),
                end,
            },
        }
    }
}

/// A call that the guest makes.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) number: u32,
    kind: &'static str,
    pub(super) request: Digest,
}

impl Call {
    fn asked(&self) -> Asked {
        Asked {
            kind: self.kind,
            request: Some(self.request.clone()),
        }
    }
}

impl Tape {
    /// The tape of a turn that is recorded from now on, its beginning with it when there is something to be written.
    pub(super) fn recording(
        accepted: Box<TurnAccepted>,
        writer: Arc<Writer>,
        clock: Arc<dyn Clock>,
        halt: Arc<Halt>,
    ) -> Self {
        let (turn, at) = (accepted.turn, accepted.at);
        let tape = Self::new(turn, at, Vec::new(), Some(writer), clock, halt);
        tape.state().accepted = Some(accepted);
        tape
    }

    /// The tape of a turn that a crash cut, with what had been recorded.
    pub(super) fn resuming(
        turn: u64,
        at: Timestamp,
        recorded: Vec<Observed>,
        writer: Arc<Writer>,
        clock: Arc<dyn Clock>,
        halt: Arc<Halt>,
    ) -> Self {
        let tape = Self::new(turn, at, recorded, Some(writer), clock, halt);
        tape.state().untried = true;
        tape
    }

    /// The tape of a turn that is over, for one that may differ: calls are answered by their numbers as long as their kinds
    /// fit, and [`differences`](Self::differences) tells what did not.
    pub(super) fn comparing(
        turn: u64,
        at: Timestamp,
        recorded: Vec<Observed>,
        clock: Arc<dyn Clock>,
        halt: Arc<Halt>,
    ) -> Self {
        Self {
            compares: true,
            ..Self::playing(turn, at, recorded, clock, halt)
        }
    }

    /// The tape of a turn that is over.
    pub(super) fn playing(
        turn: u64,
        at: Timestamp,
        recorded: Vec<Observed>,
        clock: Arc<dyn Clock>,
        halt: Arc<Halt>,
    ) -> Self {
        Self::new(turn, at, recorded, None, clock, halt)
    }

    fn new(
        turn: u64,
        at: Timestamp,
        recorded: Vec<Observed>,
        writer: Option<Arc<Writer>>,
        clock: Arc<dyn Clock>,
        halt: Arc<Halt>,
    ) -> Self {
        let mut by_call: BTreeMap<u32, VecDeque<Observed>> = BTreeMap::new();
        for observed in recorded {
            by_call
                .entry(observed.call)
                .or_default()
                .push_back(observed);
        }
        let state = State {
            accepted: None,
            accepting: None,
            untried: false,
            recorded: by_call,
            calls: 0,
            at,
            unwritten: Vec::new(),
            streams: BTreeMap::new(),
            over: false,
            differences: Vec::new(),
        };
        Self {
            turn,
            writer,
            compares: false,
            clock,
            halt,
            state: Mutex::new(state),
        }
    }

    /// Returns when it is durable that the turn was taken on, and what is observed now can be written; never, when it cannot
    /// be. Before that nothing is bought: on a full disk each try would pay for an answer that cannot be kept.
    pub(super) async fn settled(&self) {
        let settled = async {
            self.accept().await?;
            let accepted = self.state().accepting.take();
            if let Some(accepted) = accepted {
                accepted.durable().await?;
            }
            let untried = std::mem::take(&mut self.state().untried);
            match &self.writer {
                Some(writer) if untried => writer.attempt().await,
                _ => Ok(()),
            }
        };
        if let Err(error) = settled.await {
            self.halt.unrecorded(TurnError::unrecorded(&error)).await
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time by the guest's clock: it moves with what is observed, so that a replay sees the same.
    pub(super) fn at(&self) -> Timestamp {
        self.state().at
    }

    /// Whether calls that were not recorded are made, and then are.
    pub(super) fn is_recording(&self) -> bool {
        self.writer.is_some()
    }

    /// Whether there is nothing left to repeat, and the turn goes on in the present.
    pub(super) fn is_live(&self) -> bool {
        self.writer.is_some() && self.state().recorded.is_empty()
    }

    /// The next call, which asks this.
    pub(super) fn call(&self, kind: &'static str, request: &impl Serialize) -> Call {
        // What can be asked can be written as JSON; should that ever fail, the digest of nothing still tells kinds apart.
        let text = serde_json::to_vec(&(kind, request)).unwrap_or_default();
        let mut state = self.state();
        state.calls += 1;
        Call {
            number: state.calls,
            kind,
            request: Digest::of(&text),
        }
    }

    /// What this call gave when it was made before; none when it was not.
    pub(super) fn recorded(&self, call: &Call) -> Result<Option<Observed>, Diverged> {
        let mut state = self.state();
        let records = state.recorded.get(&call.number);
        let Some(observed) = records.and_then(VecDeque::front) else {
            if self.is_recording() {
                return Ok(None);
            }
            let replayed = call.asked();
            self.note(&mut state, || Difference::AsksMore {
                call: call.number,
                replayed,
            });
            return Err(Diverged::asks_more(self.turn, call));
        };
        if observed.request.as_ref() == Some(&call.request) {
            return Ok(state.pop(call));
        }
        let (recorded, replayed) = (Asked::in_record(observed), call.asked());
        let has_answer = self.compares && recorded.kind == replayed.kind;
        self.note(&mut state, || Difference::AsksOtherwise {
            call: call.number,
            recorded,
            replayed,
        });
        match has_answer {
            true => Ok(state.pop(call)),
            false => Err(Diverged::asks_otherwise(self.turn, call)),
        }
    }

    /// The guest wants more of a stream than it took.
    pub(super) fn reads_further(&self, call: &Call) -> Diverged {
        let call = call.number;
        self.note(&mut self.state(), || Difference::ReadsFurther { call });
        Diverged(format!("call {call} is read further than it was"))
    }

    /// Until the turn is halted: what it does from then on is nobody's.
    fn note(&self, state: &mut State, difference: impl FnOnce() -> Difference) {
        if self.compares && self.halt.why().is_none() {
            state.differences.push(difference());
        }
    }

    /// Where the calls of a turn differ from the recorded ones, in order.
    pub(super) fn differences(&self) -> Vec<Difference> {
        self.state().differences.clone()
    }

    /// More of a stream whose first record was given.
    pub(super) fn recorded_more(&self, call: &Call) -> Option<Observed> {
        self.state().pop(call)
    }

    /// The guest drops a stream that is given again, which may have been recorded without anything more of it.
    pub(super) fn forget(&self, call: &Call) {
        self.state().recorded.remove(&call.number);
    }

    /// A recorded event of a stream is given again.
    pub(super) fn replayed_at(&self, at: Timestamp) {
        let mut state = self.state();
        state.at = state.at.max(at);
    }

    fn observed(&self, call: &Call, result: Observation) -> Observed {
        let mut state = self.state();
        state.at = state.at.max(self.clock.now());
        Observed {
            turn: self.turn,
            call: call.number,
            request: Some(call.request.clone()),
            at: state.at,
            result,
        }
    }

    /// Writes what a call gave. Returns when it is durable; never, when it cannot be, as the guest must not see it then.
    pub(super) async fn record(&self, call: &Call, result: Observation) {
        let observed = self.observed(call, result);
        self.write(observed).await;
    }

    /// Keeps what a call gave that cannot wait. It is written before anything else is.
    pub(super) fn keep(&self, call: &Call, result: Observation) {
        let observed = self.observed(call, result);
        self.state().unwritten.push(observed);
    }

    /// A stream was opened.
    pub(super) fn opened(&self, call: &Call) {
        let mut state = self.state();
        state.at = state.at.max(self.clock.now());
        let reading = Reading {
            request: call.request.clone(),
            at: state.at,
            events: Vec::new(),
            opened: false,
        };
        state.streams.insert(call.number, reading);
    }

    /// A stream gives an event, which is not its last.
    pub(super) fn delivered(&self, call: &Call, event: &Event) {
        let mut state = self.state();
        let state = &mut *state;
        state.at = state.at.max(self.clock.now());
        if let Some(reading) = state.streams.get_mut(&call.number) {
            if reading.opened && reading.events.is_empty() {
                reading.at = state.at;
            }
            let after = state.at.since(reading.at).as_millis();
            let after = u64::try_from(after).unwrap_or(u64::MAX);
            reading.events.push((after, event.clone()));
        }
    }

    /// A stream ends, with all of it delivered. Returns when that is durable; never, when it cannot be.
    pub(super) async fn closed(&self, call: &Call, last: Option<&Event>, end: StreamEnd) {
        if let Some(last) = last {
            self.delivered(call, last);
        }
        let observed = {
            let mut state = self.state();
            let state = &mut *state;
            let mut reading = state.streams.remove(&call.number).unwrap_or(Reading {
                request: call.request.clone(),
                at: state.at,
                events: Vec::new(),
                opened: true,
            });
            // An end shows at the time of the last event of its record, and otherwise at that of the record.
            if reading.opened && reading.events.is_empty() {
                state.at = state.at.max(self.clock.now());
                reading.at = state.at;
            }
            reading.take(self.turn, call.number, end)
        };
        self.write(observed).await;
    }

    /// The guest drops a stream before its end.
    pub(super) fn dropped(&self, call: &Call) {
        let mut state = self.state();
        let Some(mut reading) = state.streams.remove(&call.number) else {
            return;
        };
        let observed = reading.take(self.turn, call.number, StreamEnd::Dropped);
        state.unwritten.push(observed);
    }

    /// Whether the turn is over: its streams give nothing more then.
    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Writes that the turn was taken on, if it is not written yet.
    pub(super) async fn accept(&self) -> Result<(), journal::Error> {
        let accepting = self.append(Vec::new()).await?;
        if accepting.is_some() {
            self.state().accepting = accepting;
        }
        Ok(())
    }

    /// Ends the turn: what is left to be written before its end is, but for its beginning if nothing else is written of
    /// it. That is given back then.
    pub(super) async fn finish(&self) -> Result<Option<Box<TurnAccepted>>, journal::Error> {
        let left = {
            let mut state = self.state();
            state.over = true;
            let left = state.take(self.turn);
            state.streams.clear();
            if left.is_empty() && state.accepted.is_some() {
                return Ok(state.accepted.take());
            }
            left
        };
        self.append(left).await.map(|_| None)
    }

    /// What was recorded and not asked for again, once the turn ended; a difference like others to one that compares.
    pub(super) fn left_over(&self) -> Option<Diverged> {
        let mut state = self.state();
        let State {
            recorded,
            differences,
            ..
        } = &mut *state;
        if self.compares {
            let left = recorded.values().filter_map(VecDeque::front);
            differences.extend(left.map(|observed| Difference::AsksLess {
                call: observed.call,
                recorded: Asked::in_record(observed),
            }));
            return None;
        }
        let (call, _) = recorded.first_key_value()?;
        Some(Diverged::asks_less(self.turn, *call))
    }

    async fn write(&self, observed: Observed) {
        let records = {
            let mut state = self.state();
            let mut records = state.take(self.turn);
            records.push(observed);
            records
        };
        let written = async {
            match self.append(records).await? {
                Some(last) => last.durable().await,
                None => Ok(()),
            }
        };
        if let Err(error) = written.await {
            self.halt.unrecorded(TurnError::unrecorded(&error)).await
        }
    }

    async fn append(&self, records: Vec<Observed>) -> Result<Option<Pending>, journal::Error> {
        let mut last = None;
        let accepted = self.state().accepted.take();
        if let Some(writer) = &self.writer {
            if let Some(accepted) = accepted {
                last = Some(writer.append(&Record::TurnAccepted(accepted)).await?);
            }
            for observed in records {
                last = Some(writer.append(&Record::Observed(Box::new(observed))).await?);
            }
        }
        Ok(last)
    }
}

impl State {
    fn pop(&mut self, call: &Call) -> Option<Observed> {
        let records = self.recorded.get_mut(&call.number)?;
        let observed = records.pop_front();
        if records.is_empty() {
            self.recorded.remove(&call.number);
        }
        let observed = observed?;
        self.at = self.at.max(observed.at);
        Some(observed)
    }

    /// What must be written before anything else is: what was kept, and what streams gave.
    fn take(&mut self, turn: u64) -> Vec<Observed> {
        let mut records = std::mem::take(&mut self.unwritten);
        for (call, reading) in &mut self.streams {
            if !reading.opened || !reading.events.is_empty() {
                records.push(reading.take(turn, *call, StreamEnd::More));
            }
        }
        records
    }
}

/// A replay went another way than the recorded turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Diverged(pub(super) String);

impl Diverged {
    pub(super) fn another_kind(call: &Call) -> Self {
        Self(format!("call {} was of another kind", call.number))
    }

    fn asks_more(turn: u64, call: &Call) -> Self {
        let number = call.number;
        Self(format!(
            "turn {turn}, replayed, makes a call {number} that it did not make"
        ))
    }

    fn asks_otherwise(turn: u64, call: &Call) -> Self {
        let number = call.number;
        Self(format!(
            "turn {turn}, replayed, asks something else in call {number}"
        ))
    }

    fn asks_less(turn: u64, call: u32) -> Self {
        Self(format!(
            "turn {turn}, replayed, does not make call {call} that it made"
        ))
    }
}
