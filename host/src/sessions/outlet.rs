//! The way out of a turn: one answer, whole or in pieces, and the error when there is none.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::TurnError;

/// Pieces that wait for a slow caller before the agent has to.
const WAITING_CHUNKS: usize = 16;

/// What an answer is when its agent does not say.
const DEFAULT_CONTENT_TYPE: &str = "application/json";

/// The answer to an invocation.
#[derive(Debug)]
pub enum Answer {
    /// All of it.
    Whole {
        /// As the agent set it, otherwise JSON.
        content_type: String,
        /// The bytes.
        body: Bytes,
    },
    /// As it is made.
    Stream {
        /// As the agent set it, otherwise JSON.
        content_type: String,
        /// The pieces, in order.
        chunks: Chunks,
    },
}

/// The pieces of a streamed answer.
#[derive(Debug)]
pub struct Chunks(mpsc::Receiver<Piece>);

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    /// Said in so many words: a channel that merely closes is an answer that broke off.
    End,
    Failed(TurnError),
}

impl Chunks {
    /// The next piece; none after the last. After an error, which means that the answer is not whole, call no more.
    pub async fn next(&mut self) -> Option<Result<Bytes, TurnError>> {
        match self.0.recv().await {
            Some(Piece::Data(chunk)) => Some(Ok(chunk)),
            Some(Piece::End) => None,
            Some(Piece::Failed(error)) => Some(Err(error)),
            None => Some(Err(TurnError::BrokenOff)),
        }
    }
}

/// Where a turn's answer goes. Shared by the turn's capabilities, which write, and its actor, which ends it.
pub(super) struct Outlet(Mutex<Stage>);

enum Stage {
    /// Nothing was sent yet.
    Open {
        reply: oneshot::Sender<Result<Answer, TurnError>>,
        content_type: String,
    },
    /// The caller has the head, and gets pieces.
    Streaming {
        chunks: mpsc::Sender<Piece>,
        events: bool,
    },
    /// The caller has all there will be.
    Closed,
}

impl Outlet {
    pub(super) fn new(reply: oneshot::Sender<Result<Answer, TurnError>>) -> Self {
        Self(Mutex::new(Stage::Open {
            reply,
            content_type: DEFAULT_CONTENT_TYPE.to_owned(),
        }))
    }

    /// Without effect once something was sent.
    pub(super) fn set_content_type(&self, value: String) {
        if let Stage::Open { content_type, .. } = &mut *self.stage() {
            *content_type = value;
        }
    }

    /// Sends a piece; false when the caller is gone.
    pub(super) async fn write(&self, chunk: Bytes) -> bool {
        let Some(chunks) = self.stream() else {
            return false;
        };
        chunks.send(Piece::Data(chunk)).await.is_ok()
    }

    /// The answer is complete; `rest` is its end. Waits while the caller is slow.
    pub(super) async fn finish(&self, rest: Vec<u8>) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Closed);
        match stage {
            Stage::Open {
                reply,
                content_type,
            } => {
                // A caller who left needs no answer.
                let _ = reply.send(Ok(Answer::Whole {
                    content_type,
                    body: rest.into(),
                }));
            }
            Stage::Streaming { chunks, .. } => {
                if !rest.is_empty() {
                    let _ = chunks.send(Piece::Data(rest.into())).await;
                }
                let _ = chunks.send(Piece::End).await;
            }
            Stage::Closed => {}
        }
    }

    /// The agent says that it failed. In a stream of events that is one more event and a clean end, as callers of
    /// AgentCore know it; any other answer breaks off.
    pub(super) async fn agent_failed(&self, error: TurnError) {
        let events = match &*self.stage() {
            Stage::Streaming {
                chunks,
                events: true,
            } => Some(chunks.clone()),
            Stage::Open { .. } | Stage::Streaming { .. } | Stage::Closed => None,
        };
        let Some(chunks) = events else {
            return self.fail(error);
        };
        let event = serde_json::json!({
            "error": error.to_string(),
            "error_type": "AgentError",
            "message": "An error occurred during streaming",
        });
        let _ = chunks
            .send(Piece::Data(format!("data: {event}\n\n").into()))
            .await;
        self.finish(Vec::new()).await;
    }

    /// There is no answer, or no more of it. Never waits.
    pub(super) fn fail(&self, error: TurnError) {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Closed);
        match stage {
            Stage::Open { reply, .. } => {
                let _ = reply.send(Err(error));
            }
            Stage::Streaming { chunks, .. } => {
                // With its channel full the caller misses the reason; the missing end tells it all the same.
                let _ = chunks.try_send(Piece::Failed(error));
            }
            Stage::Closed => {}
        }
    }

    /// The channel for pieces, opened at the first one.
    fn stream(&self) -> Option<mpsc::Sender<Piece>> {
        let mut stage = self.stage();
        match std::mem::replace(&mut *stage, Stage::Closed) {
            Stage::Open {
                reply,
                content_type,
            } => {
                let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
                let events = content_type.starts_with("text/event-stream");
                let chunks = Chunks(chunks);
                reply
                    .send(Ok(Answer::Stream {
                        content_type,
                        chunks,
                    }))
                    .ok()?;
                *stage = Stage::Streaming {
                    chunks: sender.clone(),
                    events,
                };
                Some(sender)
            }
            Stage::Streaming { chunks, events } => {
                let sender = chunks.clone();
                *stage = Stage::Streaming { chunks, events };
                Some(sender)
            }
            Stage::Closed => None,
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
