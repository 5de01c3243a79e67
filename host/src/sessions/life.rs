//! A session while it is awake: its instance, and the journal that it can be made again from.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use super::invocation::TurnError;
use super::labour::{Labour, Work};
use super::outlet::Source;
use super::owner::Owner;
use super::passage::Passage;
use super::past::{OpenTurn, Past, PastTurn};
use super::pressure;
use super::record;
use super::replay::{self, Replayed};
use super::state::{EndReason, State};
use super::tape::Diverged;
use crate::agents::{Deployment, NotServing};
use crate::contract::types::AgentError;
use crate::ids::{InvocationId, SessionKey};
use crate::journal::{
    self, Body, Damage, Durability, Ended, History, Kept, Limits, Loaded, ModelUse, Record, Sent,
    Seq, Started, TurnFinished, Writer,
};
use crate::sandbox::{Birth, Cell, Fault, MemoryGauge, Seed};
use crate::tenants::Policy;

/// What a session has while it is in memory.
pub(super) struct Life {
    /// Pinned: a session keeps the version that it started with.
    pub(super) deployment: Arc<Deployment>,
    pub(super) pen: Pen,
    /// Who may take turns.
    pub(super) owner: Owner,
    /// The turn that a crash left open.
    pub(super) open: Option<OpenTurn>,
    birth: Birth,
    /// What the guest could feel of its limits when the session began.
    limits: Limits,
    /// Between its turns; in one, the cell is part of what is computed.
    pub(super) cell: Option<Cell>,
    /// Of the newest cell, wherever that is.
    memory: Option<MemoryGauge>,
    /// What is computed for the session.
    pub(super) labour: Labour,
    /// What a new cell is made of, when it is not made from its birth on.
    pub(super) image: Option<Kept>,
    /// What a new cell must be told again before it is where the session is.
    pub(super) past: Vec<PastTurn>,
    /// For these two, if they are large.
    passage: Option<Passage>,
    /// The last turn that the newest image contains.
    pub(super) imaged: u64,
    /// There is no image of it as it is; it stays in memory as long as there is room.
    pub(super) stays: bool,
    answered: Calls,
}

/// How a session is written down.
#[derive(Clone)]
pub(super) enum Pen {
    /// Not at all.
    Unwritten,
    /// From its first turn on.
    Blank(Durability),
    /// It is.
    Written(Arc<Writer>),
}

impl Pen {
    /// The way into the journal, for a session that is in it.
    pub(super) fn writer(&self) -> Option<&Arc<Writer>> {
        match self {
            Self::Written(writer) => Some(writer),
            Self::Unwritten | Self::Blank(_) => None,
        }
    }

    /// Whether the session can be made again when its instance is lost.
    pub(super) fn is_durable(&self) -> bool {
        match self {
            Self::Unwritten => false,
            Self::Blank(_) | Self::Written(_) => true,
        }
    }
}

/// The calls that were answered, by 8 bytes each. May say yes to one in 2⁶⁴ that was not, which the journal then knows
/// better.
#[derive(Default)]
pub(super) struct Calls {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Calls {
    fn insert(&mut self, call: &InvocationId) {
        self.hashes.insert(self.hasher.hash_one(call));
    }

    fn contains(&self, call: &InvocationId) -> bool {
        self.hashes.contains(&self.hasher.hash_one(call))
    }
}

/// Why there is no instance.
pub(super) enum NoCell {
    /// It could not be started.
    Fault(Fault),
    /// It was started, and did not do again what it had done.
    Diverged(Diverged),
    /// This server cannot make it.
    Lost(String),
}

impl Life {
    /// Takes the session up where the journal left it; or begins it on `offered`, if it is not there or over by now.
    pub(super) async fn wake(
        shared: &Shared,
        record: &record::Record,
        offered: &Arc<Deployment>,
        caller: &Owner,
    ) -> Result<(Self, State), TurnError> {
        let loaded = match shared.journal.knows(&record.key.agent) {
            true => shared.load(&record.key).await,
            false => Ok((Loaded::default(), None)),
        };
        let (loaded, passage) = loaded.map_err(|error| TurnError::unreadable(&error))?;
        let mut answered = Calls::default();
        for call in loaded.answered.keys() {
            answered.insert(call);
        }
        let now = shared.clock.now();
        if let Some(mut history) = loaded.live {
            let past = match Past::take(&mut history) {
                Ok(past) => past,
                Err(damage) => {
                    let error = history.writer.quarantine(damage).await;
                    return Err(TurnError::unreadable(&error));
                }
            };
            match still_lives(shared, &record.key, &past).await? {
                Ok(deployment) => {
                    let (mut life, state) =
                        Self::resume(shared, record, deployment, past, history, answered);
                    life.passage = passage;
                    return Ok((life, state));
                }
                Err(reason) => {
                    end(shared, &history.writer, past.open.as_ref(), reason)
                        .await
                        .map_err(|error| TurnError::unrecorded(&error))?;
                }
            }
        }
        let pen = match offered.durability.unwrap_or(shared.config.durability) {
            Durability::None => Pen::Unwritten,
            durability => Pen::Blank(durability),
        };
        let state = State::new(
            offered.lifecycle,
            shared.config.turn_time_of(&offered.grant),
            pen.is_durable(),
            now,
        );
        record.begin(offered.version, caller.clone(), now, pen.is_durable());
        let birth = Birth {
            seed: Seed::random(),
            at: now,
        };
        let life = Self {
            deployment: Arc::clone(offered),
            pen,
            owner: caller.clone(),
            open: None,
            birth,
            limits: limits(shared, offered),
            cell: None,
            memory: None,
            labour: Labour::of(shared, offered, &record.key.agent.tenant),
            image: None,
            past: Vec::new(),
            passage: None,
            imaged: 0,
            stays: false,
            answered,
        };
        Ok((life, state))
    }

    pub(super) fn resume(
        shared: &Shared,
        record: &record::Record,
        deployment: Arc<Deployment>,
        past: Past,
        mut history: History,
        answered: Calls,
    ) -> (Self, State) {
        let state = State::resumed(
            deployment.lifecycle,
            shared.config.turn_time_of(&deployment.grant),
            past.started.lives_from(),
            past.turns_over(),
            past.active(),
        );
        record.resume(&history, state.phase());
        let image = history.image.take();
        let labour = Labour::of(shared, &deployment, &record.key.agent.tenant);
        let life = Self {
            deployment,
            pen: Pen::Written(Arc::new(history.writer)),
            owner: Owner::of(&past.started),
            birth: Birth {
                seed: Seed::from_bytes(past.started.seed.0),
                at: past.started.at,
            },
            limits: past.started.limits,
            open: past.open,
            cell: None,
            memory: None,
            labour,
            imaged: image.as_ref().map_or(0, |image| image.turn),
            image,
            past: past.turns,
            passage: None,
            stays: false,
            answered,
        };
        (life, state)
    }

    /// The instance, where the session is: started or restored, and told again what it was told since, if it was not in
    /// memory. When there is no room, sessions that may rest make some.
    ///
    /// Who takes it puts it back after the turn, unless it broke.
    pub(super) async fn take_cell(
        &mut self,
        shared: &Shared,
        record: &record::Record,
    ) -> Result<Cell, NoCell> {
        if let Some(cell) = self.cell.take() {
            return Ok(cell);
        }
        // Apart: a session that waits for its next turn needs no room for this.
        let cell = Box::pin(self.another(shared, record)).await?;
        self.memory = Some(cell.memory());
        record.lives_in(cell.memory());
        Ok(cell)
    }

    async fn another(&mut self, shared: &Shared, record: &record::Record) -> Result<Cell, NoCell> {
        let began = Instant::now();
        // Who has all that leaves room for others makes room by itself.
        let who_leaves = |fault: &Fault| fault.is_own_share().then_some(&record.key.agent.tenant);
        let cell = loop {
            record.log.mute(true);
            let made = self.make(shared, record).await;
            record.log.mute(false);
            match made {
                Err(NoCell::Fault(fault))
                    if fault.is_want_of_room()
                        && pressure::make_room(shared, who_leaves(&fault)).await => {}
                made => break made?,
            }
        };
        self.past = Vec::new();
        self.image = None;
        self.passage = None;
        record.started_in(began.elapsed());
        Ok(cell)
    }

    async fn make(&mut self, shared: &Shared, record: &record::Record) -> Result<Cell, NoCell> {
        let given = shared.sandbox.config().memory_mib;
        if given < self.limits.memory_mib {
            let began = self.limits.memory_mib;
            return Err(NoCell::Lost(format!(
                "it began with {began} MiB of memory, and this server gives {given}; raise memory_mib in [sandbox]"
            )));
        }
        let mut cell = match self.restore(shared, record).await? {
            Some(cell) => cell,
            None => {
                let log = Arc::clone(&record.log);
                if self.past.is_empty() {
                    // The first start of all is told in the log; what it prints again later is not.
                    record.log.mute(false);
                }
                let memory = self.limits.memory_mib;
                let sandbox = Arc::clone(&shared.sandbox);
                let (program, birth) = (self.deployment.program.clone(), self.birth.clone());
                let starting = async move {
                    Cell::start_within(&sandbox, &program, memory, log, &birth).await
                };
                let started = self.labour.compute(Work::Start, starting).await;
                started.map_err(NoCell::Fault)?
            }
        };
        cell.limit_memory(self.limits.memory_mib);
        cell.bound_turns(false);
        for turn in self.past.iter().filter(|turn| turn.counts()) {
            cell = replay(shared, &self.labour, &self.deployment, cell, turn).await?;
        }
        cell.bound_turns(true);
        // Not before: a replay on a slower machine is no fault of the agent's.
        if let Some(limit) = self.deployment.grant.granted.turn_cpu_ms {
            cell.limit_cpu(limit.get());
        }
        Ok(cell)
    }

    /// Whether nothing came of it yet: the session is in no journal, and in no memory.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.pen, Pen::Blank(_))
    }

    /// Bytes of linear memory, while a turn runs, too.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, MemoryGauge::bytes)
    }

    /// CPU time of the last turn, in microseconds.
    pub(super) fn cpu_us(&self) -> u64 {
        let time = self.cell.as_ref().map(Cell::cpu_time).unwrap_or_default();
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }

    /// The stored answer of a call that is asked again; none when it was never answered.
    pub(super) async fn stored(
        &mut self,
        shared: &Shared,
        key: &SessionKey,
        call: Option<&InvocationId>,
    ) -> Result<Option<TurnFinished>, TurnError> {
        let Some(call) = call.filter(|call| self.answered.contains(call)) else {
            return Ok(None);
        };
        let answer = Box::pin(shared.journal.answer(key, call)).await;
        let answer = answer.map_err(|error| TurnError::unreadable(&error))?;
        Ok(answer.map(|answered| answered.finished))
    }

    /// Whether another turn of it may be written down; otherwise why not.
    pub(super) async fn has_room(
        &mut self,
        shared: &Shared,
        key: &SessionKey,
        policy: &Policy,
    ) -> Result<(), TurnError> {
        if !self.pen.is_durable() {
            return Ok(());
        }
        if let Some(limit_mib) = policy.quotas.journal_mib {
            shared
                .journal_has_room(&key.agent.tenant, limit_mib)
                .await?;
        }
        let Some(writer) = self.pen.writer() else {
            return Ok(());
        };
        let limit_mib = shared.config.journal_mib;
        match writer.is_within(limit_mib.saturating_mul(1 << 20)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(TurnError::LongSession { limit_mib }),
            Err(error) => Err(TurnError::unreadable(&error)),
        }
    }

    /// The call is answered from now on.
    pub(super) fn remember(&mut self, call: Option<&InvocationId>) {
        if let (Some(call), true) = (call, self.pen.is_durable()) {
            self.answered.insert(call);
        }
    }

    /// Begins the session in the journal, if it is to be there and is not yet.
    pub(super) async fn begin(
        &mut self,
        shared: &Shared,
        key: &SessionKey,
    ) -> Result<(), journal::Error> {
        let Pen::Blank(durability) = self.pen else {
            return Ok(());
        };
        let started = Started {
            seed: journal::Seed(self.birth.seed.to_bytes()),
            version: self.deployment.version,
            artifact: self.deployment.artifact.clone(),
            principal: self.owner.principal.clone(),
            user: self.owner.user.clone(),
            at: self.birth.at,
            limits: self.limits,
            forked: None,
        };
        let writer = shared.journal.begin(key, started, durability).await?;
        self.pen = Pen::Written(Arc::new(writer));
        Ok(())
    }
}

/// What a session that begins now on this version is given.
fn limits(shared: &Shared, deployment: &Deployment) -> Limits {
    let given = shared.sandbox.config().memory_mib;
    let granted = deployment.grant.granted.memory_mib.map(NonZeroU32::get);
    Limits {
        memory_mib: granted.map_or(given, |granted| granted.min(given)),
    }
}

/// The version that a session in the journal goes on with, or why it is over by now.
pub(super) async fn still_lives(
    shared: &Shared,
    key: &SessionKey,
    past: &Past,
) -> Result<Result<Arc<Deployment>, EndReason>, TurnError> {
    let version = past.started.version;
    match shared.agents.version(&key.agent, version).await {
        Ok(deployment) => {
            let expired = past.expired(&deployment.lifecycle, shared.clock.now());
            Ok(expired.map_or(Ok(deployment), Err))
        }
        Err(NotServing::NoAgent(_) | NotServing::NoVersion(_)) => Ok(Err(EndReason::Deleted)),
        Err(error) => Err(TurnError::Unrecovered(error.to_string())),
    }
}

/// Ends a session in the journal; a turn that a crash left open is given up with it.
pub(super) async fn end(
    shared: &Shared,
    writer: &Writer,
    open: Option<&OpenTurn>,
    reason: EndReason,
) -> Result<(), journal::Error> {
    let at = shared.clock.now();
    if let Some(open) = open {
        let finished = TurnFinished {
            turn: open.accepted.turn,
            at,
            outcome: journal::Outcome::Abandoned {
                message: TurnError::Ended(reason).to_string(),
                timed_out: false,
            },
            duration_us: 0,
            memory_bytes: 0,
            cpu_us: 0,
            limit: None,
            models: ModelUse::default(),
            log: Vec::new(),
        };
        let finished = Record::TurnFinished(Box::new(finished));
        drop(writer.append(&finished).await?);
    }
    let reason = reason.as_str().to_owned();
    let ended = Record::Ended(Ended { reason, at });
    writer.append(&ended).await?.durable().await
}

/// Tells a cell again what it was told in a turn that is over, and checks that it answers as it did.
async fn replay(
    shared: &Shared,
    labour: &Labour,
    deployment: &Arc<Deployment>,
    cell: Cell,
    past: &PastTurn,
) -> Result<Cell, NoCell> {
    let diverged = |what: &str| {
        let turn = past.accepted.turn;
        Err(NoCell::Diverged(Diverged(format!(
            "turn {turn}, replayed, {what}"
        ))))
    };
    match replay::repeat(labour, cell, deployment, past, &shared.clock).await {
        Replayed::Ended(cell, outcome) if outcome == past.finished.outcome => Ok(*cell),
        Replayed::Ended(..) => diverged("answers otherwise"),
        Replayed::Diverged(why) => Err(NoCell::Diverged(why)),
        Replayed::Broke(TurnError::Fault(fault))
            if fault.is_want_of_room() || matches!(fault, Fault::CpuTime { .. }) =>
        {
            Err(NoCell::Fault(fault))
        }
        Replayed::Broke(TurnError::Fault(_)) => diverged("breaks, which it did not"),
        Replayed::Broke(_) => diverged("breaks a limit that it did not"),
    }
}

/// What is recorded of a turn's answer.
pub(super) fn outcome(outlet: &Source, answer: Result<&[u8], &AgentError>) -> journal::Outcome {
    let written = outlet.written(answer.unwrap_or_default());
    match answer {
        Ok(_) => journal::Outcome::Answered {
            content_type: written.content_type,
            streamed: written.streamed,
            output: Body(written.output),
        },
        Err(error) => {
            let (invalid_payload, message) = match error {
                AgentError::InvalidPayload(message) => (true, message),
                AgentError::Failed(message) => (false, message),
            };
            journal::Outcome::AgentError {
                invalid_payload,
                message: message.clone(),
                sent: written.streamed.then_some(Sent {
                    content_type: written.content_type,
                    output: Body(written.output),
                }),
            }
        }
    }
}

/// Where a divergence is noted: it is not one record that is wrong.
pub(super) fn damage(diverged: &Diverged) -> Damage {
    Damage {
        seq: Seq::FIRST,
        why: format!("its records and its agent do not agree: {diverged}"),
    }
}
