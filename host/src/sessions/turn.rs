//! One turn from inside: what its agent can reach, and what it cost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::Serialize;

use super::allowance::Allowance;
use super::halt::Halt;
use super::invocation::TurnError;
use super::meter::{Meter, Reservation, StreamCount};
use super::opened::Opened;
use super::outlet::{NoRoom, Source};
use super::passage::Passage;
use crate::agents::Deployment;
use crate::clock::{Clock, Timestamp};
use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind, Request, Response};
use crate::contract::session::Budget;
use crate::ids::RequestId;
use crate::models::{Provider, estimated_tokens, weight};
use crate::sandbox::{Capabilities, Limit};

/// What a turn cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The invocation.
    pub request: RequestId,
    /// 1 for the session's first turn.
    pub turn: u64,
    /// When it began.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// From its begin to its end, in microseconds.
    pub duration_us: u64,
    /// CPU time, in microseconds: of the agent, and of what the server did in its name.
    pub cpu_us: u64,
    /// The session's linear memory afterwards, in bytes.
    pub memory_bytes: u64,
    /// The limit that it broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// What it used of models.
    pub models: ModelUse,
    /// Bytes of the answer.
    pub output_bytes: u64,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// With an error of the agent's own; the session goes on.
    AgentError,
    /// In a trap or at a limit. A session that is journaled goes on as if the turn had not been; another is over.
    Faulted,
    /// It was given up: its session ended, or it ran out of time, which is as if it had faulted.
    Abandoned,
}

/// What was used of models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelUse {
    /// Calls, answered or not.
    pub calls: u64,
    /// Tokens sent, as the provider counted; by an estimate, in streams that the agent did not read to their end.
    pub input_tokens: u64,
    /// Tokens received, likewise.
    pub output_tokens: u64,
}

impl std::ops::AddAssign for ModelUse {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }
}

/// The outside of one turn.
pub(super) struct Turn {
    pub(super) deployment: Arc<Deployment>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) outlet: Arc<Source>,
    pub(super) meter: Arc<Meter>,
    /// What the session's turns before this one used of models.
    pub(super) spent: ModelUse,
    /// How many calls of models any turn may make.
    pub(super) model_calls: u64,
    pub(super) clock: Arc<dyn Clock>,
    /// The streams that it has opened.
    pub(super) opened: Opened,
    /// For questions on their way to a model; nobody is asked without.
    pub(super) talk: Option<Passage>,
    pub(super) halt: Arc<Halt>,
}

/// A question stands in memory as it was asked, and as the provider says it.
const ASKED: u64 = 3;

impl Turn {
    /// What is left of the agent's grant, when the turn has used this.
    fn allowance(&self, turn: ModelUse) -> Allowance<'_> {
        Allowance {
            grant: &self.deployment.grant,
            calls: self.model_calls,
            turn,
            session: self.spent,
        }
    }

    /// Memory for a question of so many bytes.
    fn room(&self, bytes: u64) -> Result<Option<Passage>, Error> {
        let Some(talk) = &self.talk else {
            return Ok(None);
        };
        let mut room = talk.another();
        match room.widen(bytes.saturating_mul(ASKED)) {
            true => Ok(Some(room)),
            false => Err(Error {
                kind: ErrorKind::Throttled,
                message: TurnError::MuchTalk.to_string(),
                retry_after_ms: Some(1_000),
                usage: None,
            }),
        }
    }

    /// Sets aside what a call may cost, and bounds its request by that. A call that is refused is recorded, and counts, as
    /// any other.
    fn reserve(&self, request: &mut Request) -> Result<Reservation, Error> {
        let input = estimated_tokens(request);
        let mut most = None;
        let reservation = self.meter.reserve(input, |turn| {
            most = self.allowance(turn).ask(request, input)?;
            Ok(most.map_or(0, u64::from))
        })?;
        if most.is_some() {
            request.inference.max_tokens = most;
        }
        Ok(reservation)
    }
}

impl Capabilities for Turn {
    fn converse(&mut self, mut request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        async move {
            let _room = self.room(weight(&request))?;
            let reservation = self.reserve(&mut request)?;
            let answer = self.provider.converse(request).await;
            reservation.settle(answer.as_ref().map(|response| &response.usage));
            answer
        }
        .boxed()
    }

    fn converse_stream(
        &mut self,
        mut request: Request,
    ) -> BoxFuture<'_, Result<EventStream, Error>> {
        async move {
            let _room = self.room(weight(&request))?;
            let reservation = self.reserve(&mut request)?;
            let events = match self.provider.converse_stream(request).await {
                Ok(events) => events,
                Err(error) => {
                    reservation.settle(Err(&error));
                    return Err(error);
                }
            };
            let mut count = StreamCount::of(reservation);
            let counted = events.inspect(move |event| count.saw(event.as_ref()));
            Ok(self.opened.add(counted.boxed()))
        }
        .boxed()
    }

    fn count_tokens(&mut self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        async move {
            let _room = self.room(weight(&request))?;
            self.allowance(self.meter.models()).model(&request.model)?;
            self.provider.count_tokens(request).await
        }
        .boxed()
    }

    fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        async move {
            let _room = self.room(body.len() as u64)?;
            let _counted = self.meter.reserve(0, |turn| {
                self.allowance(turn).ask_uncounted(&model)?;
                Ok(0)
            })?;
            self.provider.invoke_model(model, body).await
        }
        .boxed()
    }

    fn set_content_type(&mut self, value: String) {
        self.outlet.set_content_type(value);
    }

    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, bool> {
        async move {
            self.meter.sent(chunk.len());
            match self.outlet.write(chunk).await {
                Ok(there) => there,
                Err(NoRoom) => self.halt.much_talk().await,
            }
        }
        .boxed()
    }

    fn config(&self, name: &str) -> Option<String> {
        self.deployment.environment.get(name).cloned()
    }

    fn remaining(&self) -> Budget {
        self.allowance(self.meter.committed()).remaining()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        self.clock.sleep_until(self.clock.now() + duration)
    }
}
