//! One task for each session that is awake: it owns the instance, takes the turns one after another, and performs what
//! the state machine decides.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::sync::{mpsc, watch};

use super::Shared;
use super::alarm::Alarm;
use super::archive;
use super::directory::Leave;
use super::halt::Halt;
use super::invocation::{Invocation, TurnError};
use super::life::{self, Life};
use super::outlet::{Source, outlet};
use super::past::failure;
use super::performance::{Performance, TurnEnd, perform};
use super::record::Record;
use super::state::{Abandoned, Effect, EndReason, Event, Phase, State};
use super::tape::Diverged;
use crate::agents::Deployment;
use crate::contract::log::Level;
use crate::journal::{self, TurnFinished};
use crate::sandbox::{Fault, LogSink as _};

/// An invocation on its way to its session.
pub(super) struct Delivery {
    /// What the session begins on, if it does not live yet.
    pub(super) deployment: Arc<Deployment>,
    pub(super) invocation: Invocation,
    pub(super) outlet: Source,
    /// When it set out.
    pub(super) at: Instant,
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
    pub(super) record: Arc<Record>,
    /// Boxed, because a channel has room for 32 of them from its start, in every session.
    pub(super) mailbox: mpsc::Receiver<Box<Delivery>>,
    pub(super) end: watch::Receiver<Option<Ending>>,
}

/// Why a session is not awake any more.
enum Rest {
    Ended {
        reason: EndReason,
        /// Whether the journal tells of it.
        durable: bool,
    },
    /// It is in the journal, and goes on from there.
    Asleep,
}

/// A session that was awake.
struct Rested {
    rest: Rest,
    /// What is still to be told to its last caller.
    over: Option<Over>,
    /// Who is not served yet.
    mail: Option<Box<Delivery>>,
}

impl Actor {
    /// Lives as long as its session is awake, or has mail.
    pub(super) async fn run(mut self) {
        let mut waiting = None;
        loop {
            let delivery = match waiting.take() {
                Some(delivery) => delivery,
                None => match self.mailbox.recv().await {
                    Some(delivery) => delivery,
                    None => return,
                },
            };
            // The last resort: what is left of a session after a panic outside its turns is in the journal, if anywhere.
            let rested = AssertUnwindSafe(self.awake(delivery)).catch_unwind().await;
            let rested = rested.unwrap_or_else(|_| self.broken_off());
            waiting = rested.mail;
            let gone = match rested.rest {
                // Nobody asked for this end; who is in the mailbox finds a fresh world.
                Rest::Ended {
                    reason: EndReason::Idle | EndReason::Lifetime,
                    durable: true,
                }
                | Rest::Asleep => waiting.is_none() && Box::pin(self.leave()).await,
                Rest::Ended { reason, durable } => {
                    if let Some(delivery) = waiting.take() {
                        delivery.outlet.fail(TurnError::Retry);
                    }
                    self.retire(reason, durable);
                    true
                }
            };
            // Who is told that a turn broke its session may come again at once, and then finds a fresh one.
            if let Some(over) = rested.over {
                over.tell();
            }
            if gone {
                return;
            }
        }
    }

    /// What becomes of the session when its task panicked. Who was being served was told, by the loss of what answers him.
    fn broken_off(&self) -> Rested {
        tracing::error!(session.id = %self.record.key.session,
            "a session broke off in a panic; if it is in the journal, it goes on from there");
        let rest = match self.record.is_durable() {
            true => Rest::Asleep,
            false => {
                let (reason, at) = (EndReason::Broken, self.shared.clock.now());
                self.record.set_phase(Phase::Ended { reason, at });
                let durable = false;
                Rest::Ended { reason, durable }
            }
        };
        Rested {
            rest,
            over: None,
            mail: None,
        }
    }

    /// Leaves the directory, so that who comes now wakes the session anew; false when somebody came already.
    async fn leave(&mut self) -> bool {
        match self.shared.leave(&self.record, &self.mailbox) {
            Leave::Gone => true,
            Leave::HasMail => false,
            Leave::Ending(reason) => {
                let key = &self.record.key;
                if reason != EndReason::Shutdown
                    && let Err(error) = archive::end_resting(&self.shared, key, reason).await
                {
                    unrecorded_end(&self.record, &error);
                }
                self.retire(reason, true);
                true
            }
        }
    }

    /// From the delivery that wakes it to its next rest.
    async fn awake(&mut self, first: Box<Delivery>) -> Rested {
        // What happens seldom is apart: all the while that a session waits, it would need room for it.
        let woken = Box::pin(Life::wake(
            &self.shared,
            &self.record,
            &first.deployment,
            &first.invocation.owner,
        ))
        .await;
        let (mut life, mut state) = match woken {
            Ok(woken) => woken,
            Err(error) => {
                let outlet = Arc::new(first.outlet);
                return Rested {
                    rest: Rest::Asleep,
                    over: Some(Over::failed(error, outlet)),
                    mail: None,
                };
            }
        };
        let mut alarm = Alarm::new(Arc::clone(&self.shared.clock));
        let mut mail = Some(first);
        let mut over: Option<Over> = None;
        loop {
            if let Phase::Ended { reason, .. } = state.phase() {
                let rest = Box::pin(self.end(life, reason)).await;
                return Rested { rest, over, mail };
            }
            if let Some(ended) = over.as_ref().filter(|over| over.lost_instance) {
                // Who waits would have it tried again and again.
                if matches!(ended.end, TurnEnd::Unrecorded(_))
                    && let Some(waiting) = mail.take()
                {
                    waiting.outlet.fail(TurnError::Unfinished);
                }
                let rest = Rest::Asleep;
                return Rested { rest, over, mail };
            }
            if let Some(over) = over.take() {
                over.tell();
                if life.is_image_due(&self.shared, &state)
                    && !Box::pin(life.image(&self.shared, &state)).await
                {
                    return Rested {
                        rest: Rest::Asleep,
                        over: None,
                        mail,
                    };
                }
            }
            if let Some(delivery) = mail.take() {
                match self.next(&mut life, *delivery).await {
                    Next::Told => {}
                    Next::Perform(performance, waiting) => {
                        mail = waiting;
                        let turn = self.turn(&mut state, &mut life, &mut alarm, *performance);
                        over = Some(turn.await);
                    }
                }
                continue;
            }
            if life.is_blank() && self.mailbox.is_empty() {
                // It never began: all that was asked of it was an answer from the journal, or it could not start.
                return Rested {
                    rest: Rest::Asleep,
                    over: None,
                    mail: None,
                };
            }
            let rests_at = life.rests_at(&self.shared, &state);
            let wake_at = state.wake_at().into_iter().chain(rests_at).min();
            let asked = tokio::select! {
                biased;
                event = end_asked(&mut self.end, false) => Asked::Event(event),
                Some(delivery) = self.mailbox.recv() => {
                    mail = Some(delivery);
                    continue;
                }
                () = self.record.rest_asked() => Asked::Rest { must: true },
                () = alarm.ring(wake_at) => Asked::Event(Event::TimePassed),
            };
            let now = self.shared.clock.now();
            let rest = match asked {
                Asked::Event(event) => {
                    state.apply(event, now);
                    self.record.set_phase(state.phase());
                    let is_time = rests_at.is_some_and(|rests_at| now >= rests_at);
                    is_time.then_some(false)
                }
                Asked::Rest { must } => Some(must),
            };
            if let Some(must) = rest
                && Box::pin(life.rest(&self.shared, &state, must)).await
            {
                return Rested {
                    rest: Rest::Asleep,
                    over: None,
                    mail: None,
                };
            }
        }
    }

    /// What to do about a delivery: the turn that a crash left open comes before all others.
    async fn next(&mut self, life: &mut Life, delivery: Delivery) -> Next {
        let Delivery {
            invocation,
            outlet: source,
            deployment,
            at,
        } = delivery;
        if !life.owner.admits(&invocation.owner) {
            source.fail(TurnError::NotOwner);
            return Next::Told;
        }
        let call = invocation.invocation.as_ref();
        match life.stored(&self.shared, &self.record.key, call).await {
            Ok(None) => {}
            Ok(Some(finished)) => {
                repeat(&source, finished);
                return Next::Told;
            }
            Err(error) => {
                source.fail(error);
                return Next::Told;
            }
        }
        // A turn that was taken on is finished.
        if life.open.is_none()
            && let Err(error) = life
                .has_room(&self.shared, &self.record.key, &invocation.policy)
                .await
        {
            source.fail(error);
            return Next::Told;
        }
        match life.open.take() {
            None => {
                let performance = Performance::new(invocation, at, Arc::new(source));
                Next::Perform(Box::new(performance), None)
            }
            Some(open) if open.is(call) => {
                let performance = Performance::resumed(open, Arc::new(source));
                Next::Perform(Box::new(performance), None)
            }
            Some(open) => {
                // Its caller did not come back, or comes later and is given the answer then.
                let room = self.shared.talk.none(&self.record.key.agent.tenant);
                let (nobody, _) = outlet(None, Some(room));
                let waiting = Delivery {
                    deployment,
                    invocation,
                    outlet: source,
                    at,
                };
                let performance = Performance::resumed(open, Arc::new(nobody));
                Next::Perform(Box::new(performance), Some(Box::new(waiting)))
            }
        }
    }

    /// Takes one turn to its end, whatever the end is.
    async fn turn(
        &mut self,
        state: &mut State,
        life: &mut Life,
        alarm: &mut Alarm,
        mut performance: Performance,
    ) -> Over {
        let at = self.shared.clock.now();
        let effects = state.apply(Event::TurnTaken, at);
        let number = effects.iter().find_map(|effect| match effect {
            Effect::Run { turn } => Some(*turn),
            Effect::Abandon(_) | Effect::Retire(_) => None,
        });
        let number = number.expect("a turn is taken only while no other runs");
        self.record.set_phase(state.phase());
        self.record.log.begin(performance.request());

        let halt = Arc::new(Halt::default());
        // What kept it from being imaged may be gone after this turn.
        life.stays = false;
        performance.begin(number, at);
        let run = self.run_turn(state, life, alarm, &mut performance, &halt);
        // What a panic left half done is thrown away with the instance, so nobody comes to see it.
        let end = AssertUnwindSafe(run).catch_unwind().await;
        let end = end.unwrap_or_else(|_| self.panicked());
        // A guest that was given up writes nothing any more, and its memory and its place in the journal are free again.
        life.labour.is_over().await;
        let end = performance
            .conclude(&self.shared, &self.record, life, end)
            .await;
        let now = self.shared.clock.now();
        match &end {
            TurnEnd::Answered(_) | TurnEnd::AgentError(_) => state.apply(Event::TurnDone, now),
            TurnEnd::Faulted(_) | TurnEnd::Unrecorded(_) | TurnEnd::Diverged(_) => {
                state.apply(Event::TurnBroke, now)
            }
            // The state machine gave the turn up itself.
            TurnEnd::Abandoned { .. } => Vec::new(),
        };
        self.record.set_phase(state.phase());
        let lost_instance = match &end {
            TurnEnd::Answered(_) | TurnEnd::AgentError(_) => false,
            TurnEnd::Faulted(_)
            | TurnEnd::Unrecorded(_)
            | TurnEnd::Diverged(_)
            | TurnEnd::Abandoned { .. } => true,
        };
        if let Some(receipt) = performance.receipt(&end, life) {
            self.shared.tally.turn(&receipt);
            self.record.add(receipt);
        }
        Over {
            end: match end {
                TurnEnd::Diverged(diverged) => Box::pin(verdict(life, diverged)).await,
                end => end,
            },
            outlet: performance.into_outlet(),
            lost_instance,
        }
    }

    /// The end of a turn in which the server itself failed. It is a fault like the agent's own: it is recorded, so that no
    /// retry runs into the same again, and the session goes on as if the turn had not been.
    fn panicked(&self) -> TurnEnd {
        tracing::error!(session.id = %self.record.key.session, turn = self.record.summary().turns + 1,
            "a turn ended in a panic of the server");
        let error = TurnError::Internal;
        // It may have come in the middle of a replay.
        self.record.log.mute(false);
        self.record.log.write(Level::Error, &error.to_string());
        TurnEnd::Faulted(error)
    }

    /// The guest's part of a turn, until it ends or the state machine gives it up.
    async fn run_turn(
        &mut self,
        state: &mut State,
        life: &mut Life,
        alarm: &mut Alarm,
        performance: &mut Performance,
        halt: &Arc<Halt>,
    ) -> TurnEnd {
        let limit = self.shared.config.turn_time_of(&life.deployment.grant);
        let work = perform(&self.shared, &self.record, life, performance, halt);
        let mut work = std::pin::pin!(work);
        loop {
            let event = tokio::select! {
                biased;
                end = &mut work => return end,
                halted = halt.asked() => return halted.into(),
                () = self.record.give_up_asked() => {
                    return TurnEnd::Faulted(TurnError::Fault(Fault::Exhausted));
                }
                event = end_asked(&mut self.end, true) => event,
                () = alarm.ring(state.wake_at()) => Event::TimePassed,
            };
            let effects = state.apply(event, self.shared.clock.now());
            if let Some(Effect::Abandon(why)) = effects.first() {
                return match why {
                    Abandoned::TimedOut => TurnEnd::Abandoned {
                        error: TurnError::TimedOut { limit },
                        reason: None,
                    },
                    Abandoned::Ended(reason) => TurnEnd::Abandoned {
                        error: TurnError::Ended(*reason),
                        reason: Some(*reason),
                    },
                };
            }
        }
    }

    /// Ends the session for good, in the journal, too; a server that shuts down only lays it to rest.
    async fn end(&self, life: Life, reason: EndReason) -> Rest {
        if let Some(writer) = life.pen.writer()
            && reason != EndReason::Shutdown
            && let Err(error) = life::end(&self.shared, writer, None, reason).await
        {
            unrecorded_end(&self.record, &error.into());
        }
        let durable = life.pen.is_durable();
        Rest::Ended { reason, durable }
    }

    /// Leaves the directory first, so that who comes now starts a fresh world; who waits in the mailbox is told to try
    /// again, and then does.
    fn retire(&mut self, reason: EndReason, durable: bool) {
        self.shared.forget(&self.record, !durable);
        self.mailbox.close();
        while let Ok(delivery) = self.mailbox.try_recv() {
            delivery.outlet.fail(TurnError::Retry);
        }
        tracing::debug!(session.id = %self.record.key.session, reason = reason.describe(), "session ended");
    }
}

/// Its idle time or lifetime is over all the same, and is found to be when it is touched again.
fn unrecorded_end(record: &Record, error: &super::Error) {
    tracing::error!(session.id = %record.key.session, error = error as &dyn std::error::Error,
        "the end of a session could not be recorded");
}

/// A session whose replay went another way is taken out of service: nothing is guessed.
fn verdict(life: &Life, diverged: Diverged) -> impl Future<Output = TurnEnd> + use<> {
    let writer = life.pen.writer().cloned();
    async move {
        let Some(writer) = writer else {
            return TurnEnd::Unrecorded(TurnError::Unrecovered(diverged.0));
        };
        let error = writer.quarantine(life::damage(&diverged)).await;
        TurnEnd::Unrecorded(TurnError::unreadable(&error))
    }
}

/// What a session without a turn is asked.
enum Asked {
    Event(Event),
    /// To leave memory; where there is no room for it, whether it can be imaged or not.
    Rest {
        must: bool,
    },
}

/// What comes of a delivery.
enum Next {
    /// Its caller has been told.
    Told,
    /// A turn; and the delivery, if the turn is not its own.
    Perform(Box<Performance>, Option<Box<Delivery>>),
}

/// Gives a recorded answer once more, a streamed one as a stream.
fn repeat(source: &Source, finished: TurnFinished) {
    let error = failure(&finished.outcome);
    match (finished.outcome, error) {
        (
            journal::Outcome::Answered { output, .. }
            | journal::Outcome::AgentError {
                sent: Some(journal::Sent { output, .. }),
                ..
            },
            _,
        ) if !source.has_room(output.0.len()) => source.fail(TurnError::MuchTalk),
        (
            journal::Outcome::Answered {
                content_type,
                streamed,
                output,
            },
            _,
        ) => {
            source.repeat(content_type, streamed, output.0);
            source.finish(Vec::new());
        }
        (
            journal::Outcome::AgentError {
                sent: Some(sent), ..
            },
            Some(error),
        ) => {
            source.repeat(sent.content_type, true, sent.output.0);
            source.agent_failed(error);
        }
        (_, Some(error)) => source.fail(error),
        (_, None) => source.fail(TurnError::BrokenOff),
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

/// A turn that has ended, with its receipt written, and whose caller is still to be told.
struct Over {
    end: TurnEnd,
    outlet: Arc<Source>,
    lost_instance: bool,
}

impl Over {
    fn failed(error: TurnError, outlet: Arc<Source>) -> Self {
        Self {
            end: TurnEnd::Unrecorded(error),
            outlet,
            lost_instance: true,
        }
    }

    fn tell(self) {
        match self.end {
            TurnEnd::Answered(rest) => self.outlet.finish(rest),
            TurnEnd::AgentError(error) => self.outlet.agent_failed(error.into()),
            TurnEnd::Faulted(error)
            | TurnEnd::Unrecorded(error)
            | TurnEnd::Abandoned { error, .. } => self.outlet.fail(error),
            TurnEnd::Diverged(Diverged(why)) => self.outlet.fail(TurnError::Unrecovered(why)),
        }
    }
}
