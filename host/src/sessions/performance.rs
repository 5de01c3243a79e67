//! One turn from its taking to its record: what it is asked, what became of it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::FutureExt;

use super::Shared;
use super::halt::{Halt, Halted};
use super::invocation::{Invocation, TurnError};
use super::journaled::Journaled;
use super::labour::Work;
use super::life::{self, Life, NoCell};
use super::meter::Meter;
use super::opened::Opened;
use super::outlet::Source;
use super::past::OpenTurn;
use super::record;
use super::state::EndReason;
use super::tape::{Diverged, Tape};
use super::turn::{Outcome, Receipt, Turn};
use crate::clock::Timestamp;
use crate::contract::types::{AgentError, Context};
use crate::ids::{InvocationId, RequestId};
use crate::journal::{self, Body, Logged, Observed, Record, TurnAccepted, TurnFinished};
use crate::sandbox::{Capabilities, Limit};

/// A turn that is performed.
pub(super) struct Performance {
    asked: Asked,
    outlet: Arc<Source>,
    meter: Arc<Meter>,
    number: u64,
    at: Timestamp,
    /// When it was delivered; none when nobody waits for it to begin.
    delivered: Option<Instant>,
    waited: Duration,
    began: Instant,
    /// From its begin to its end; what the journal took does not count.
    took: Duration,
    tape: Option<Arc<Tape>>,
}

/// What the turn is asked.
enum Asked {
    /// By a caller, now.
    Now(Box<Invocation>),
    /// Before a crash, with what its guest had observed by then.
    Before(Box<TurnAccepted>, Vec<Observed>),
}

/// How a turn ended, with what its caller is to be told.
pub(super) enum TurnEnd {
    Answered(Vec<u8>),
    AgentError(AgentError),
    Faulted(TurnError),
    /// It was given up; for this reason, if its session ended.
    Abandoned {
        error: TurnError,
        reason: Option<EndReason>,
    },
    /// The journal could not be written: the turn is as if it had not ended.
    Unrecorded(TurnError),
    /// What was recorded is not what happens.
    Diverged(Diverged),
}

impl TurnEnd {
    /// Which limit the turn broke, if it was one.
    fn limit(&self) -> Option<Limit> {
        match self {
            Self::Faulted(error) | Self::Abandoned { error, .. } => error.limit(),
            Self::Answered(_) | Self::AgentError(_) | Self::Unrecorded(_) | Self::Diverged(_) => {
                None
            }
        }
    }
}

impl From<Halted> for TurnEnd {
    fn from(halted: Halted) -> Self {
        match halted {
            Halted::Unrecorded(error) => Self::Unrecorded(error),
            Halted::Diverged(diverged) => Self::Diverged(diverged),
            Halted::MuchTalk => Self::Faulted(TurnError::MuchTalk),
        }
    }
}

impl From<AgentError> for TurnError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::InvalidPayload(message) => Self::InvalidPayload(message),
            AgentError::Failed(message) => Self::Failed(message),
        }
    }
}

impl Performance {
    pub(super) fn new(invocation: Invocation, delivered: Instant, outlet: Arc<Source>) -> Self {
        Self {
            delivered: Some(delivered),
            ..Self::of(Asked::Now(Box::new(invocation)), outlet)
        }
    }

    /// Of a turn that a crash left open.
    pub(super) fn resumed(open: OpenTurn, outlet: Arc<Source>) -> Self {
        Self::of(
            Asked::Before(Box::new(open.accepted), open.observed),
            outlet,
        )
    }

    fn of(asked: Asked, outlet: Arc<Source>) -> Self {
        Self {
            asked,
            outlet,
            meter: Arc::new(Meter::default()),
            number: 0,
            at: Timestamp::from_millis(0),
            delivered: None,
            waited: Duration::ZERO,
            began: Instant::now(),
            took: Duration::ZERO,
            tape: None,
        }
    }

    /// The turn runs from now on, under this number.
    pub(super) fn begin(&mut self, number: u64, at: Timestamp) {
        self.number = number;
        self.at = match &self.asked {
            Asked::Now(_) => at,
            Asked::Before(accepted, _) => accepted.at,
        };
        self.began = Instant::now();
        self.waited = self.delivered.map_or(Duration::ZERO, |at| self.began - at);
    }

    pub(super) fn request(&self) -> &RequestId {
        match &self.asked {
            Asked::Now(invocation) => &invocation.request,
            Asked::Before(accepted, _) => &accepted.request,
        }
    }

    fn call(&self) -> Option<&InvocationId> {
        match &self.asked {
            Asked::Now(invocation) => invocation.invocation.as_ref(),
            Asked::Before(accepted, _) => accepted.invocation.as_ref(),
        }
    }

    pub(super) fn into_outlet(self) -> Arc<Source> {
        self.outlet
    }

    /// What the turn cost; none for one that is not over.
    pub(super) fn receipt(&self, end: &TurnEnd, life: &Life) -> Option<Receipt> {
        let outcome = match end {
            TurnEnd::Answered(_) => Outcome::Answered,
            TurnEnd::AgentError(_) => Outcome::AgentError,
            TurnEnd::Faulted(_) => Outcome::Faulted,
            TurnEnd::Abandoned { .. } => Outcome::Abandoned,
            TurnEnd::Unrecorded(_) | TurnEnd::Diverged(_) => return None,
        };
        Some(Receipt {
            request: self.request().clone(),
            turn: self.number,
            at: self.at,
            outcome,
            duration_us: self.duration_us(),
            cpu_us: life.cpu_us(),
            memory_bytes: life.memory_bytes(),
            limit: end.limit(),
            models: self.meter.models(),
            output_bytes: self.meter.output_bytes(),
        })
    }

    fn duration_us(&self) -> u64 {
        u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX)
    }

    /// Records how the turn ended, and waits until that is durable. A turn whose end could not be recorded has not ended.
    pub(super) async fn conclude(
        &mut self,
        shared: &Shared,
        record: &record::Record,
        life: &mut Life,
        end: TurnEnd,
    ) -> TurnEnd {
        self.took = self.began.elapsed();
        if self.tape.is_none() {
            match (&self.asked, &end) {
                // It stands in the journal since before the crash, and its guest was not yet where it was then.
                (
                    Asked::Before(..),
                    TurnEnd::Abandoned {
                        reason: Some(_), ..
                    },
                ) => {}
                // Nothing was written of it, so what its caller is told must not be the last word: another try is a new turn.
                (
                    Asked::Now(_),
                    TurnEnd::Abandoned {
                        reason: reason @ Some(_),
                        ..
                    },
                ) if life.pen.is_durable() => {
                    let (error, reason) = (TurnError::Retry, *reason);
                    return TurnEnd::Abandoned { error, reason };
                }
                _ => return end,
            }
        }
        let outcome = match &end {
            TurnEnd::Answered(rest) => life::outcome(&self.outlet, Ok(rest)),
            TurnEnd::AgentError(error) => life::outcome(&self.outlet, Err(error)),
            TurnEnd::Faulted(error) => journal::Outcome::Faulted {
                message: error.to_string(),
            },
            // The turn is finished when the server is there again.
            TurnEnd::Abandoned {
                reason: Some(EndReason::Shutdown),
                ..
            } => {
                return TurnEnd::Unrecorded(TurnError::ShuttingDown);
            }
            TurnEnd::Abandoned { error, reason } => journal::Outcome::Abandoned {
                message: error.to_string(),
                timed_out: reason.is_none(),
            },
            TurnEnd::Unrecorded(_) | TurnEnd::Diverged(_) => return end,
        };
        let limit = end.limit().map(|limit| limit.as_str().to_owned());
        let entries = record.log.newest(self.request());
        let finished = TurnFinished {
            turn: self.number,
            at: shared.clock.now(),
            outcome,
            duration_us: self.duration_us(),
            memory_bytes: life.memory_bytes(),
            cpu_us: life.cpu_us(),
            limit,
            models: self.meter.models().into(),
            log: entries
                .into_iter()
                .map(|entry| Logged {
                    at: entry.at,
                    level: entry.level,
                    message: entry.message,
                })
                .collect(),
        };
        let written = async {
            let accepted = match &self.tape {
                Some(tape) => tape.finish().await?,
                None => None,
            };
            let Some(writer) = life.pen.writer() else {
                return Ok(());
            };
            let record = match accepted {
                Some(accepted) => Record::Turn(Box::new(journal::Turn {
                    accepted: *accepted,
                    finished,
                })),
                None => Record::TurnFinished(Box::new(finished)),
            };
            writer.append(&record).await?.durable().await
        };
        match written.await {
            Ok(()) => {
                life.remember(self.call());
                end
            }
            Err(error) => TurnEnd::Unrecorded(TurnError::unrecorded(&error)),
        }
    }
}

/// The guest's part: an instance if there is none, then the turn in it.
pub(super) async fn perform(
    shared: &Shared,
    record: &record::Record,
    life: &mut Life,
    performance: &mut Performance,
    halt: &Arc<Halt>,
) -> TurnEnd {
    let mut cell = match life.take_cell(shared, record).await {
        Ok(cell) => cell,
        // Not the agent's fault, and no answer of its own.
        Err(NoCell::Fault(fault)) if fault.is_want_of_room() => {
            return TurnEnd::Unrecorded(TurnError::Fault(fault));
        }
        Err(NoCell::Fault(fault)) => return TurnEnd::Faulted(TurnError::Fault(fault)),
        Err(NoCell::Diverged(diverged)) => return TurnEnd::Diverged(diverged),
        Err(NoCell::Lost(why)) => return TurnEnd::Unrecorded(TurnError::Unrecovered(why)),
    };
    let context = performance.context(shared, record, life);
    let accepted = performance.accept(shared, record, life, halt, &context);
    if let Err(error) = accepted.await {
        return TurnEnd::Unrecorded(TurnError::unrecorded(&error));
    }
    let turn = Turn {
        deployment: Arc::clone(&life.deployment),
        provider: shared
            .provider
            .for_tenant(&record.key.agent.tenant)
            .unwrap_or_else(|| Arc::clone(&shared.provider)),
        outlet: Arc::clone(&performance.outlet),
        meter: Arc::clone(&performance.meter),
        spent: record.models(),
        model_calls: shared.config.turn_model_calls,
        clock: Arc::clone(&shared.clock),
        opened: Opened::default(),
        talk: Some(shared.talk.none(&record.key.agent.tenant)),
        halt: Arc::clone(halt),
    };
    let outside: Box<dyn Capabilities> = match &performance.tape {
        None => Box::new(turn),
        Some(tape) => Box::new(Journaled {
            turn,
            tape: Arc::clone(tape),
            halt: Arc::clone(halt),
        }),
    };
    let payload = match &performance.asked {
        Asked::Now(invocation) => invocation.payload.clone(),
        Asked::Before(accepted, _) => accepted.payload.0.clone(),
    };
    let at = performance.at;
    let work = Work::Turn {
        waited: performance.waited,
        bytes: payload.len() as u64,
    };
    let mut invoked = life.labour.compute(work, async move {
        let invoked = cell.invoke(&payload, &context, at, outside).await;
        (cell, invoked)
    });
    let at_once = poll_fn(|context| Poll::Ready(invoked.poll_unpin(context))).await;
    let (cell, invoked) = match at_once {
        Poll::Ready(invoked) => invoked,
        // It takes its time: from now on it is finished even if nobody asks again.
        Poll::Pending => {
            if let Some(tape) = &performance.tape
                && let Err(error) = tape.accept().await
            {
                return TurnEnd::Unrecorded(TurnError::unrecorded(&error));
            }
            invoked.await
        }
    };
    life.cell = Some(cell);
    if let Some(halted) = halt.why() {
        return halted.into();
    }
    let answer = match invoked {
        Ok(answer) => answer,
        Err(fault) => return TurnEnd::Faulted(TurnError::Fault(fault)),
    };
    if let Some(diverged) = performance.tape.as_ref().and_then(|tape| tape.left_over()) {
        return TurnEnd::Diverged(diverged);
    }
    match answer {
        Ok(rest) if !performance.outlet.has_room(rest.len()) => {
            TurnEnd::Faulted(TurnError::MuchTalk)
        }
        Ok(rest) => {
            performance.meter.sent(rest.len());
            TurnEnd::Answered(rest)
        }
        Err(error) => TurnEnd::AgentError(error),
    }
}

impl Performance {
    /// What the agent is told of the turn.
    fn context(&self, shared: &Shared, record: &record::Record, life: &Life) -> Context {
        match &self.asked {
            Asked::Now(invocation) => {
                let turn_time = shared.config.turn_time_of(&life.deployment.grant);
                let deadline = self.at + turn_time;
                invocation.context(&record.key, &life.deployment, self.number, deadline)
            }
            Asked::Before(accepted, _) => accepted.context.clone(),
        }
    }

    /// Begins the turn's record, if its session is written. A turn that ends without waiting for anything is written
    /// whole then; of any other it is written before that it was taken on.
    async fn accept(
        &mut self,
        shared: &Shared,
        record: &record::Record,
        life: &mut Life,
        halt: &Arc<Halt>,
        context: &Context,
    ) -> Result<(), journal::Error> {
        if let Asked::Now(_) = &self.asked {
            Box::pin(life.begin(shared, &record.key)).await?;
        }
        let Some(writer) = life.pen.writer() else {
            return Ok(());
        };
        let (writer, clock) = (Arc::clone(writer), Arc::clone(&shared.clock));
        let halt = Arc::clone(halt);
        let tape = match &mut self.asked {
            Asked::Now(invocation) => {
                let accepted = Box::new(TurnAccepted {
                    turn: self.number,
                    request: invocation.request.clone(),
                    invocation: invocation.invocation.clone(),
                    at: self.at,
                    payload: Body(invocation.payload.clone()),
                    context: context.clone(),
                });
                Tape::recording(accepted, writer, clock, halt)
            }
            Asked::Before(_, observed) => {
                let recorded = std::mem::take(observed);
                Tape::resuming(self.number, self.at, recorded, writer, clock, halt)
            }
        };
        self.tape = Some(Arc::new(tape));
        Ok(())
    }
}
