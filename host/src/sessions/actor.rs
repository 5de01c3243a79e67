//! One task for each session: it owns the instance, takes the turns one after another, and performs what the state
//! machine decides.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::Shared;
use super::invocation::{Invocation, TurnError};
use super::outlet::Source;
use super::record::Record;
use super::state::{Abandoned, Effect, EndReason, Event, Phase, State};
use super::turn::{Meter, Outcome, Receipt, Turn};
use crate::agents::Deployment;
use crate::contract::types::AgentError;
use crate::sandbox::Cell;

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
    pub(super) mailbox: mpsc::Receiver<Delivery>,
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
        let mut cell = None;
        loop {
            if let Phase::Ended { reason, .. } = state.phase() {
                drop(cell);
                return self.retire(reason);
            }
            let timer = self.shared.timer(state.wake_at());
            let event = tokio::select! {
                biased;
                event = end_asked(&mut self.end, false) => event,
                Some(delivery) = self.mailbox.recv() => {
                    self.turn(&mut state, &mut cell, delivery).await;
                    continue;
                }
                () = timer => Event::TimePassed,
            };
            state.apply(event, self.shared.clock.now());
            self.record.set_phase(state.phase());
        }
    }

    /// Takes one turn to its end, whatever the end is.
    async fn turn(&mut self, state: &mut State, cell: &mut Option<Cell>, delivery: Delivery) {
        let at = self.shared.clock.now();
        let effects = state.apply(Event::TurnTaken, at);
        let Some(number) = effects.iter().find_map(|effect| match effect {
            Effect::Run { turn } => Some(*turn),
            Effect::Abandon(_) | Effect::Retire(_) => None,
        }) else {
            return;
        };
        self.record.set_phase(state.phase());
        self.record.log.begin(&delivery.invocation.request);

        let Delivery { invocation, outlet } = delivery;
        let began = Instant::now();
        let outlet = Arc::new(outlet);
        let meter = Arc::new(Meter::default());
        let outcome = {
            let end = &mut self.end;
            let work = work(
                &self.shared,
                &self.deployment,
                &self.record,
                cell,
                &invocation,
                number,
                &outlet,
                &meter,
            );
            let mut work = std::pin::pin!(work);
            loop {
                let timer = self.shared.timer(state.wake_at());
                let event = tokio::select! {
                    biased;
                    outcome = &mut work => break outcome,
                    event = end_asked(end, true) => event,
                    () = timer => Event::TimePassed,
                };
                let effects = state.apply(event, self.shared.clock.now());
                if let Some(Effect::Abandon(why)) = effects.first() {
                    outlet.fail(self.abandoned(*why));
                    break Outcome::Abandoned;
                }
            }
        };
        match outcome {
            Outcome::Answered | Outcome::AgentError => {
                state.apply(Event::TurnDone, self.shared.clock.now())
            }
            Outcome::Faulted => state.apply(Event::TurnBroke, self.shared.clock.now()),
            // The state machine gave the turn up itself.
            Outcome::Abandoned => Vec::new(),
        };
        self.record.set_phase(state.phase());
        self.record.add(Receipt {
            request: invocation.request,
            turn: number,
            at,
            outcome,
            duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            memory_bytes: cell.as_ref().map_or(0, Cell::memory_bytes),
            models: meter.models(),
            output_bytes: meter.output_bytes(),
        });
    }

    fn abandoned(&self, why: Abandoned) -> TurnError {
        match why {
            Abandoned::TimedOut => TurnError::TimedOut {
                limit: self.shared.config.turn_time(),
            },
            Abandoned::Ended(reason) => TurnError::Ended(reason),
        }
    }

    /// Leaves the directory first, so that who comes now starts a fresh world; who waits in the mailbox is told to try
    /// again, and then does.
    fn retire(mut self, reason: EndReason) {
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

/// The turn itself: an instance if there is none yet, the guest, the last piece of the answer.
#[expect(
    clippy::too_many_arguments,
    reason = "borrows single parts of the actor, whose `end` the caller needs"
)]
async fn work(
    shared: &Shared,
    deployment: &Arc<Deployment>,
    record: &Record,
    cell: &mut Option<Cell>,
    invocation: &Invocation,
    number: u64,
    outlet: &Arc<Source>,
    meter: &Arc<Meter>,
) -> Outcome {
    let cell = match cell {
        Some(cell) => cell,
        None => {
            let began = Instant::now();
            match Cell::start(&shared.sandbox, &deployment.program, record.log.clone()).await {
                Ok(started) => {
                    record.started_in(began.elapsed());
                    cell.insert(started)
                }
                Err(fault) => {
                    outlet.fail(TurnError::Fault(fault));
                    return Outcome::Faulted;
                }
            }
        }
    };
    let turn = Turn {
        deployment: Arc::clone(deployment),
        provider: Arc::clone(&shared.provider),
        outlet: Arc::clone(outlet),
        meter: Arc::clone(meter),
    };
    let deadline = shared.clock.now() + shared.config.turn_time();
    let context = invocation.context(&record.key, deployment, number, deadline);
    match cell
        .invoke(&invocation.payload, &context, Box::new(turn))
        .await
    {
        Ok(Ok(rest)) => {
            meter.sent(rest.len());
            outlet.finish(rest);
            Outcome::Answered
        }
        Ok(Err(error)) => {
            let error = match error {
                AgentError::InvalidPayload(message) => TurnError::InvalidPayload(message),
                AgentError::Failed(message) => TurnError::Failed(message),
            };
            outlet.agent_failed(error);
            Outcome::AgentError
        }
        Err(fault) => {
            outlet.fail(TurnError::Fault(fault));
            Outcome::Faulted
        }
    }
}
