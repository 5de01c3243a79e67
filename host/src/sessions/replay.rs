//! A turn that is over, told to a cell once more: the same payload at the same time, and each call answered as it was.
//!
//! Nothing here can reach a provider, nor the journal: a replay is given neither. So it costs nothing, and leaves nothing.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::difference::Difference;
use super::halt::{Halt, Halted};
use super::invocation::TurnError;
use super::journaled::Journaled;
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
use crate::journal;
use crate::models::Provider;
use crate::sandbox::Cell;

/// How a replayed turn ended. After anything but the first the cell must not be used again.
pub(super) enum Replayed {
    /// With this.
    Ended(journal::Outcome),
    /// It trapped, or broke a limit.
    Broke(TurnError),
    /// It asked what has no recorded answer.
    Diverged(Diverged),
}

/// Repeats a turn in which nothing may differ.
pub(super) async fn repeat(
    cell: &mut Cell,
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
    play(cell, deployment, past, clock, Arc::new(tape), halt).await
}

/// Repeats a turn as far as it can be, and says where its calls differ.
pub(super) async fn compare(
    cell: &mut Cell,
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
    let replayed = play(cell, deployment, past, clock, Arc::clone(&tape), halt).await;
    (replayed, tape.differences())
}

async fn play(
    cell: &mut Cell,
    deployment: &Arc<Deployment>,
    past: &PastTurn,
    clock: &Arc<dyn Clock>,
    tape: Arc<Tape>,
    halt: Arc<Halt>,
) -> Replayed {
    let accepted = &past.accepted;
    // Nobody reads, so nothing waits for a reader.
    let (outlet, _) = outlet(None);
    let outlet = Arc::new(outlet);
    let turn = Journaled {
        turn: Turn {
            deployment: Arc::clone(deployment),
            provider: Arc::new(Nobody),
            outlet: Arc::clone(&outlet),
            meter: Arc::new(Meter::default()),
            // Nobody is asked, so nothing is allowed or not.
            spent: ModelUse::default(),
            clock: Arc::clone(clock),
            opened: Opened::default(),
        },
        tape: Arc::clone(&tape),
        halt: Arc::clone(&halt),
    };
    let payload = &accepted.payload.0;
    let invoked = tokio::select! {
        biased;
        halted = halt.asked() => return halted.into(),
        invoked = cell.invoke(payload, &accepted.context, accepted.at, Box::new(turn)) => invoked,
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
        None => Replayed::Ended(life::outcome(&outlet, answer.as_deref())),
    }
}

impl From<Halted> for Replayed {
    fn from(halted: Halted) -> Self {
        match halted {
            Halted::Diverged(why) => Self::Diverged(why),
            Halted::Unrecorded(error) | Halted::Faulted(error) => Self::Broke(error),
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
