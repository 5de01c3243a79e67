//! One task for each session: it owns the instance, takes the turns one after another, and performs what the state
//! machine decides.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::Shared;
use super::alarm::Alarm;
use super::invocation::{Invocation, TurnError};
use super::outlet::Source;
use super::record::Record;
use super::state::{Abandoned, Effect, EndReason, Event, Phase, State};
use super::turn::{Meter, Outcome, Receipt, Turn};
use crate::agents::Deployment;
use crate::contract::types::AgentError;
use crate::sandbox::{Birth, Cell, Seed};

/// An invocation on its way to its session.
pub(super) struct Delivery {
    pub(super) invocation: Invocation,
    pub(super) outlet: Source,
}

/// How a session is asked to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// In the middle of a turn, too.
    Now(EndReason),
    /// A running turn is finished first.
    WhenIdle(EndReason),
}

/// The owner of one session.
pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    /// Pinned: a session keeps the version that it started with.
    pub(super) deployment: Arc<Deployment>,
    pub(super) record: Arc<Record>,
    /// Boxed, because a channel has room for 32 of them from its start, in every session.
    pub(super) mailbox: mpsc::Receiver<Box<Delivery>>,
    pub(super) end: watch::Receiver<Option<Ending>>,
}

impl Actor {
    /// Lives as long as its session.
    pub(super) async fn run(mut self) {
        let now = self.shared.clock.now();
        let mut state = State::new(
            self.deployment.lifecycle,
            self.shared.config.turn_time(),
            now,
        );
        let mut alarm = Alarm::new(Arc::clone(&self.shared.clock));
        let mut cell = None;
        let mut over: Option<Over> = None;
        let reason = loop {
            if let Phase::Ended { reason, .. } = state.phase() {
                break reason;
            }
            if let Some(over) = over.take() {
                over.tell();
            }
            let event = tokio::select! {
                biased;
                event = end_asked(&mut self.end, false) => event,
                Some(delivery) = self.mailbox.recv() => {
                    let turn = self.turn(&mut state, &mut cell, &mut alarm, *delivery).await;
                    over = Some(turn);
                    continue;
                }
                () = alarm.ring(state.wake_at()) => Event::TimePassed,
            };
            state.apply(event, self.shared.clock.now());
            self.record.set_phase(state.phase());
        };
        drop(cell);
        self.retire(reason);
        // Who is told that a turn broke its session may come again at once, and then finds a fresh one.
        if let Some(over) = over {
            over.tell();
        }
    }

    /// Takes one turn to its end, whatever the end is.
    async fn turn(
        &mut self,
        state: &mut State,
        cell: &mut Option<Cell>,
        alarm: &mut Alarm,
        delivery: Delivery,
    ) -> Over {
        let at = self.shared.clock.now();
        let effects = state.apply(Event::TurnTaken, at);
        let number = effects.iter().find_map(|effect| match effect {
            Effect::Run { turn } => Some(*turn),
            Effect::Abandon(_) | Effect::Retire(_) => None,
        });
        let number = number.expect("a turn is taken only while no other runs");
        self.record.set_phase(state.phase());
        self.record.log.begin(&delivery.invocation.request);

        let began = Instant::now();
        let Delivery { invocation, outlet } = delivery;
        let running = Running {
            number,
            invocation,
            outlet: Arc::new(outlet),
            meter: Arc::new(Meter::default()),
        };
        let end = self.run_turn(state, cell, alarm, &running).await;
        match &end {
            TurnEnd::Answered(_) | TurnEnd::AgentError(_) => {
                state.apply(Event::TurnDone, self.shared.clock.now());
            }
            TurnEnd::Faulted(_) => {
                state.apply(Event::TurnBroke, self.shared.clock.now());
            }
            // The state machine gave the turn up itself.
            TurnEnd::Abandoned(_) => {}
        }
        self.record.set_phase(state.phase());
        self.record.add(Receipt {
            request: running.invocation.request,
            turn: number,
            at,
            outcome: end.outcome(),
            duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            memory_bytes: cell.as_ref().map_or(0, Cell::memory_bytes),
            models: running.meter.models(),
            output_bytes: running.meter.output_bytes(),
        });
        Over {
            end,
            outlet: running.outlet,
        }
    }

    /// The guest's part of a turn, until it ends or the state machine gives it up.
    async fn run_turn(
        &mut self,
        state: &mut State,
        cell: &mut Option<Cell>,
        alarm: &mut Alarm,
        running: &Running,
    ) -> TurnEnd {
        let limit = self.shared.config.turn_time();
        let work = work(&self.shared, &self.deployment, &self.record, cell, running);
        let mut work = std::pin::pin!(work);
        loop {
            let event = tokio::select! {
                biased;
                end = &mut work => return end,
                event = end_asked(&mut self.end, true) => event,
                () = alarm.ring(state.wake_at()) => Event::TimePassed,
            };
            let effects = state.apply(event, self.shared.clock.now());
            if let Some(Effect::Abandon(why)) = effects.first() {
                return TurnEnd::Abandoned(match why {
                    Abandoned::TimedOut => TurnError::TimedOut { limit },
                    Abandoned::Ended(reason) => TurnError::Ended(*reason),
                });
            }
        }
    }

    /// Leaves the directory first, so that who comes now starts a fresh world; who waits in the mailbox is told to try
    /// again, and then does.
    fn retire(&mut self, reason: EndReason) {
        self.shared.forget(&self.record);
        self.mailbox.close();
        while let Ok(delivery) = self.mailbox.try_recv() {
            delivery.outlet.fail(TurnError::Retry);
        }
        tracing::debug!(session.id = %self.record.key.session, reason = reason.describe(), "session ended");
    }
}

/// Waits until somebody wants the session to end; `running` says whether a turn runs.
async fn end_asked(end: &mut watch::Receiver<Option<Ending>>, running: bool) -> Event {
    loop {
        match *end.borrow_and_update() {
            Some(Ending::Now(reason)) => return Event::EndAsked(reason),
            Some(Ending::WhenIdle(reason)) if !running => return Event::EndAsked(reason),
            Some(Ending::WhenIdle(_)) | None => {}
        }
        if end.changed().await.is_err() {
            // The handle left the directory, and with it the way here, which only an end does.
            return Event::EndAsked(EndReason::Stopped);
        }
    }
}

/// A turn that runs.
struct Running {
    number: u64,
    invocation: Invocation,
    outlet: Arc<Source>,
    meter: Arc<Meter>,
}

/// A turn that has ended, with its receipt written, and whose caller is still to be told.
struct Over {
    end: TurnEnd,
    outlet: Arc<Source>,
}

impl Over {
    fn tell(self) {
        match self.end {
            TurnEnd::Answered(rest) => self.outlet.finish(rest),
            TurnEnd::AgentError(error) => self.outlet.agent_failed(error),
            TurnEnd::Faulted(error) | TurnEnd::Abandoned(error) => self.outlet.fail(error),
        }
    }
}

/// How a turn ended, with what its caller is to be told.
enum TurnEnd {
    Answered(Vec<u8>),
    AgentError(TurnError),
    Faulted(TurnError),
    Abandoned(TurnError),
}

impl TurnEnd {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Answered(_) => Outcome::Answered,
            Self::AgentError(_) => Outcome::AgentError,
            Self::Faulted(_) => Outcome::Faulted,
            Self::Abandoned(_) => Outcome::Abandoned,
        }
    }
}

/// The turn itself: an instance if there is none yet, then the guest.
async fn work(
    shared: &Shared,
    deployment: &Arc<Deployment>,
    record: &Record,
    cell: &mut Option<Cell>,
    running: &Running,
) -> TurnEnd {
    let at = shared.clock.now();
    let cell = match cell {
        Some(cell) => cell,
        None => {
            let began = Instant::now();
            let log = record.log.clone();
            let birth = Birth {
                seed: Seed::random(),
                at,
            };
            match Cell::start(&shared.sandbox, &deployment.program, log, &birth).await {
                Ok(started) => {
                    record.started_in(began.elapsed());
                    cell.insert(started)
                }
                Err(fault) => return TurnEnd::Faulted(TurnError::Fault(fault)),
            }
        }
    };
    let turn = Turn {
        deployment: Arc::clone(deployment),
        provider: Arc::clone(&shared.provider),
        outlet: Arc::clone(&running.outlet),
        meter: Arc::clone(&running.meter),
        clock: Arc::clone(&shared.clock),
    };
    let invocation = &running.invocation;
    let deadline = at + shared.config.turn_time();
    let context = invocation.context(&record.key, deployment, running.number, deadline);
    match cell
        .invoke(&invocation.payload, &context, at, Box::new(turn))
        .await
    {
        Ok(Ok(rest)) => {
            running.meter.sent(rest.len());
            TurnEnd::Answered(rest)
        }
        Ok(Err(AgentError::InvalidPayload(message))) => {
            TurnEnd::AgentError(TurnError::InvalidPayload(message))
        }
        Ok(Err(AgentError::Failed(message))) => TurnEnd::AgentError(TurnError::Failed(message)),
        Err(fault) => TurnEnd::Faulted(TurnError::Fault(fault)),
    }
}
