//! The outside of a turn with the journal between it and the guest: each answer is recorded before the guest sees it, and
//! where it was recorded before, it is given again and nobody is asked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};

use super::halt::Halt;
use super::meter::StreamCount;
use super::opened::over;
use super::tape::{Call, Diverged, Tape};
use super::turn::Turn;
use crate::clock::Timestamp;
use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind, Event, Request, Response};
use crate::contract::session::Budget;
use crate::ids::Digest;
use crate::journal::{Observation, Observed, StreamEnd};
use crate::models::estimated_tokens;
use crate::sandbox::Capabilities;

/// A turn that is recorded, or replayed, or the one after the other.
pub(super) struct Journaled {
    pub(super) turn: Turn,
    pub(super) tape: Arc<Tape>,
    pub(super) halt: Arc<Halt>,
}

impl Journaled {
    /// What was recorded of this call; none when it is to be made now.
    async fn recorded<T>(&self, call: &Call, of: impl Fn(Observation) -> Option<T>) -> Option<T> {
        let diverged = match self.tape.recorded(call) {
            Ok(None) => return None,
            Ok(Some(observed)) => match of(observed.result) {
                Some(answer) => return Some(answer),
                None => Diverged::another_kind(call),
            },
            Err(diverged) => diverged,
        };
        self.halt.diverge(diverged).await
    }
}

impl Capabilities for Journaled {
    fn converse(&mut self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        async move {
            let call = self.tape.call("converse", &request);
            let recorded = self.recorded(&call, |result| match result {
                Observation::Converse { answer } => Some(answer),
                _ => None,
            });
            if let Some(answer) = recorded.await {
                let usage = answer.as_ref().map(|response| &response.usage);
                self.turn.meter.recorded(usage);
                return answer;
            }
            self.tape.settled().await;
            let answer = self.turn.converse(request).await;
            let result = Observation::Converse {
                answer: answer.clone(),
            };
            self.tape.record(&call, result).await;
            answer
        }
        .boxed()
    }

    fn converse_stream(&mut self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        async move {
            let call = self.tape.call("converse-stream", &request);
            let tape = Arc::clone(&self.tape);
            let halt = Arc::clone(&self.halt);
            match self.tape.recorded(&call) {
                Err(diverged) => return self.halt.diverge(diverged).await,
                Ok(Some(observed)) => {
                    let at = observed.at;
                    return match observed.result {
                        Observation::ConverseStream {
                            end: StreamEnd::Refused { error },
                            ..
                        } => {
                            self.turn.meter.recorded(Err(&error));
                            Err(error)
                        }
                        Observation::ConverseStream { events, end } => {
                            let played = Played {
                                tape,
                                halt,
                                call,
                                count: self.turn.meter.recorded_stream(estimated_tokens(&request)),
                                at,
                                events: events.into(),
                                end: Some(end),
                            };
                            Ok(played.stream())
                        }
                        _ => {
                            let diverged = Diverged::another_kind(&call);
                            self.halt.diverge(diverged).await
                        }
                    };
                }
                Ok(None) => {}
            }
            self.tape.settled().await;
            match self.turn.converse_stream(request).await {
                Ok(events) => {
                    self.tape.opened(&call);
                    let live = Live {
                        tape,
                        call,
                        events: Some(events),
                    };
                    Ok(live.stream())
                }
                Err(error) => {
                    let end = StreamEnd::Refused {
                        error: error.clone(),
                    };
                    let events = Vec::new();
                    let result = Observation::ConverseStream { events, end };
                    self.tape.record(&call, result).await;
                    Err(error)
                }
            }
        }
        .boxed()
    }

    fn count_tokens(&mut self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        async move {
            let call = self.tape.call("count-tokens", &request);
            let recorded = self.recorded(&call, |result| match result {
                Observation::CountTokens { answer } => Some(answer),
                _ => None,
            });
            if let Some(answer) = recorded.await {
                return answer;
            }
            self.tape.settled().await;
            let answer = self.turn.count_tokens(request).await;
            let result = Observation::CountTokens {
                answer: answer.clone(),
            };
            self.tape.record(&call, result).await;
            answer
        }
        .boxed()
    }

    fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        async move {
            let call = self.tape.call("invoke-model", &(&model, Digest::of(&body)));
            let recorded = self.recorded(&call, |result| match result {
                Observation::InvokeModel { answer } => Some(answer),
                _ => None,
            });
            if let Some(answer) = recorded.await {
                self.turn.meter.recorded_uncounted();
                return answer.map(|body| body.0.into());
            }
            self.tape.settled().await;
            let answer = self.turn.invoke_model(model, body).await;
            let result = Observation::InvokeModel {
                answer: answer.clone().map(Into::into),
            };
            self.tape.record(&call, result).await;
            answer
        }
        .boxed()
    }

    fn set_content_type(&mut self, value: String) {
        self.turn.set_content_type(value);
    }

    /// Always true: a caller who left may come back for the answer, and a replay has no caller at all.
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, bool> {
        async move {
            self.turn.write(chunk).await;
            true
        }
        .boxed()
    }

    fn config(&self, name: &str) -> Option<String> {
        self.turn.config(name)
    }

    fn remaining(&self) -> Budget {
        let call = self.tape.call("remaining", &());
        match self.tape.recorded(&call) {
            Ok(Some(Observed {
                result: Observation::Remaining { budget },
                ..
            })) => budget,
            Ok(None) => {
                let budget = self.turn.remaining();
                self.tape.keep(&call, Observation::Remaining { budget });
                budget
            }
            Ok(Some(_)) => {
                self.halt.diverged(Diverged::another_kind(&call));
                self.turn.remaining()
            }
            Err(diverged) => {
                self.halt.diverged(diverged);
                self.turn.remaining()
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.tape.at()
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        if self.tape.is_live() {
            self.turn.sleep(duration)
        } else {
            async {}.boxed()
        }
    }
}

fn unavailable(message: &str) -> Error {
    Error {
        kind: ErrorKind::Unavailable,
        message: message.to_owned(),
        retry_after_ms: None,
        usage: None,
    }
}

/// What gives the events of a stream, one after another.
trait Source: Sized + Send + 'static {
    /// None after the last one.
    fn next(&mut self) -> impl Future<Output = Option<Result<Event, Error>>> + Send;

    fn stream(self) -> EventStream {
        stream::unfold(self, |mut this| async move {
            let event = this.next().await?;
            Some((event, this))
        })
        .boxed()
    }
}

/// A stream that is recorded as it is read.
struct Live {
    tape: Arc<Tape>,
    call: Call,
    /// None after the end.
    events: Option<EventStream>,
}

impl Source for Live {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        let events = self.events.as_mut()?;
        if self.tape.is_over() {
            self.events = None;
            return Some(Err(over()));
        }
        let event = events.next().await;
        let (last, end) = match &event {
            Some(Ok(done @ Event::Done(_))) => (Some(done), StreamEnd::Done),
            Some(Ok(more)) => {
                self.tape.delivered(&self.call, more);
                return event;
            }
            Some(Err(error)) => {
                let error = error.clone();
                (None, StreamEnd::Failed { error })
            }
            None => (None, StreamEnd::Done),
        };
        self.tape.closed(&self.call, last, end).await;
        self.events = None;
        event
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.events.is_some() {
            self.tape.dropped(&self.call);
        }
    }
}

/// A stream that is given again from its records.
struct Played {
    tape: Arc<Tape>,
    halt: Arc<Halt>,
    count: StreamCount,
    call: Call,
    at: Timestamp,
    events: VecDeque<(u64, Event)>,
    /// None after it.
    end: Option<StreamEnd>,
}

impl Source for Played {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        if self.tape.is_over() {
            return self.end.take().map(|_| Err(over()));
        }
        loop {
            if let Some((after, event)) = self.events.pop_front() {
                self.tape
                    .replayed_at(self.at + Duration::from_millis(after));
                self.count.saw(Ok(&event));
                return Some(Ok(event));
            }
            match self.end.take()? {
                StreamEnd::Done => return None,
                StreamEnd::Failed { error } | StreamEnd::Refused { error } => {
                    self.count.saw(Err(&error));
                    return Some(Err(error));
                }
                StreamEnd::Dropped => {
                    let diverged = self.tape.reads_further(&self.call);
                    return self.halt.diverge(diverged).await;
                }
                StreamEnd::More => {}
            }
            let more = self.tape.recorded_more(&self.call);
            match more.map(|observed| (observed.at, observed.result)) {
                Some((at, Observation::ConverseStream { events, end })) => {
                    self.at = at;
                    self.events = events.into();
                    self.end = Some(end);
                }
                Some(_) => {
                    let diverged = Diverged::another_kind(&self.call);
                    return self.halt.diverge(diverged).await;
                }
                None if !self.tape.is_recording() => {
                    let diverged = self.tape.reads_further(&self.call);
                    return self.halt.diverge(diverged).await;
                }
                // The rest of it went down with the server, and what the guest made of its beginning is recorded: it can
                // neither be gone on with nor begun anew.
                None => {
                    let error =
                        unavailable("the model's answer was cut by a restart of the server");
                    let end = StreamEnd::Failed {
                        error: error.clone(),
                    };
                    self.tape.closed(&self.call, None, end).await;
                    self.count.saw(Err(&error));
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        if self.end.is_some() && !self.tape.is_over() {
            self.tape.forget(&self.call);
        }
    }
}
