//! A turn that is over, told to a cell once more: the same payload at the same time, and each call answered as it was.
//!
//! Nothing here can reach a provider, nor the journal: a replay is given neither. So it costs nothing, and leaves nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::difference::Difference;
use super::halt::{Halt, Halted};
use super::invocation::TurnError;
use super::journaled::Journaled;
use super::labour::{Labour, Work};
use super::life;
use super::meter::Meter;
use super::opened::Opened;
use super::outlet::outlet;
use super::past::PastTurn;
use super::tape::{Diverged, Tape};
use super::turn::{ModelUse, Turn};
use crate::agents::Deployment;
use crate::clock::Clock;
use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind, Request, Response};
use crate::contract::types::AgentError;
use crate::journal::{self, TurnAccepted};
use crate::models::Provider;
use crate::sandbox::{Capabilities, Cell, Fault};

/// What comes of a turn's guest.
type Invoked = Result<Result<Vec<u8>, AgentError>, Fault>;

/// How a replayed turn ended. After anything but the first the cell is gone.
pub(super) enum Replayed {
    /// With this.
    Ended(Box<Cell>, journal::Outcome),
    /// It trapped, or broke a limit.
    Broke(TurnError),
    /// It asked what has no recorded answer.
    Diverged(Diverged),
}

/// Repeats a turn in which nothing may differ.
pub(super) async fn repeat(
    labour: &Labour,
    cell: Cell,
    deployment: &Arc<Deployment>,
    past: &PastTurn,
    clock: &Arc<dyn Clock>,
) -> Replayed {
    let halt = Arc::new(Halt::default());
    let tape = Tape::playing(
        past.accepted.turn,
        past.accepted.at,
        past.observed.clone(),
        Arc::clone(clock),
        Arc::clone(&halt),
    );
    play(labour, cell, deployment, past, clock, Arc::new(tape), halt).await
}

/// Repeats a turn as far as it can be, and says where its calls differ.
pub(super) async fn compare(
    labour: &Labour,
    cell: Cell,
    deployment: &Arc<Deployment>,
    past: &PastTurn,
    clock: &Arc<dyn Clock>,
) -> (Replayed, Vec<Difference>) {
    let halt = Arc::new(Halt::default());
    let tape = Arc::new(Tape::comparing(
        past.accepted.turn,
        past.accepted.at,
        past.observed.clone(),
        Arc::clone(clock),
        Arc::clone(&halt),
    ));
    let played = play(
        labour,
        cell,
        deployment,
        past,
        clock,
        Arc::clone(&tape),
        halt,
    );
    let replayed = played.await;
    (replayed, tape.differences())
}

async fn play(
    labour: &Labour,
    cell: Cell,
    deployment: &Arc<Deployment>,
    past: &PastTurn,
    clock: &Arc<dyn Clock>,
    tape: Arc<Tape>,
    halt: Arc<Halt>,
) -> Replayed {
    let accepted = &past.accepted;
    // Nobody reads, so nothing waits for a reader. What is told again was read from the journal, and counts there.
    let (outlet, _) = outlet(None, None);
    let outlet = Arc::new(outlet);
    let turn = Journaled {
        turn: Turn {
            deployment: Arc::clone(deployment),
            provider: Arc::new(Nobody),
            outlet: Arc::clone(&outlet),
            meter: Arc::new(Meter::default()),
            // Nobody is asked, so nothing is allowed or not.
            spent: ModelUse::default(),
            model_calls: 0,
            clock: Arc::clone(clock),
            opened: Opened::default(),
            talk: None,
            halt: Arc::clone(&halt),
        },
        tape: Arc::clone(&tape),
        halt: Arc::clone(&halt),
    };
    let work = Work::Turn {
        waited: Duration::ZERO,
        bytes: accepted.payload.0.len() as u64,
    };
    let invoked = tokio::select! {
        biased;
        halted = halt.asked() => Err(halted),
        invoked = labour.compute(work, invoke(cell, accepted, Box::new(turn))) => Ok(invoked),
    };
    let (cell, invoked) = match invoked {
        Ok(invoked) => invoked,
        Err(halted) => {
            labour.is_over().await;
            return halted.into();
        }
    };
    let answer = match invoked {
        Ok(answer) => answer,
        Err(fault) => return Replayed::Broke(TurnError::Fault(fault)),
    };
    if let Some(halted) = halt.why() {
        return halted.into();
    }
    if tape.finish().await.is_err() {
        let what = format!(
            "turn {}, replayed, writes, which it must not",
            accepted.turn
        );
        return Replayed::Diverged(Diverged(what));
    }
    match tape.left_over() {
        Some(diverged) => Replayed::Diverged(diverged),
        None => Replayed::Ended(Box::new(cell), life::outcome(&outlet, answer.as_deref())),
    }
}

/// The guest's part, with all that it needs in it.
fn invoke(
    mut cell: Cell,
    accepted: &TurnAccepted,
    turn: Box<dyn Capabilities>,
) -> impl Future<Output = (Cell, Invoked)> + Send + 'static {
    let (payload, context) = (accepted.payload.0.clone(), accepted.context.clone());
    let at = accepted.at;
    async move {
        let invoked = cell.invoke(&payload, &context, at, turn).await;
        (cell, invoked)
    }
}

impl From<Halted> for Replayed {
    fn from(halted: Halted) -> Self {
        match halted {
            Halted::Diverged(why) => Self::Diverged(why),
            Halted::MuchTalk => Self::Broke(TurnError::MuchTalk),
            Halted::Unrecorded(error) => Self::Broke(error),
        }
    }
}

/// Who answers the models in a replay.
struct Nobody;

impl Nobody {
    fn refuse<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, Error>> {
        let error = Error {
            kind: ErrorKind::Unavailable,
            message: "a replay asks no model".to_owned(),
            retry_after_ms: None,
            usage: None,
        };
        async { Err(error) }.boxed()
    }
}

impl Provider for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn converse(&self, _: Request) -> BoxFuture<'_, Result<Response, Error>> {
        self.refuse()
    }

    fn converse_stream(&self, _: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        self.refuse()
    }

    fn count_tokens(&self, _: Request) -> BoxFuture<'_, Result<u64, Error>> {
        self.refuse()
    }

    fn invoke_model(&self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        self.refuse()
    }
}
