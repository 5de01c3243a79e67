//! A model that says what a test tells it to say, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::offline::Offline;
use super::{Provider, count, pieces};
use crate::contract::EventStream;
use crate::contract::model::{Content, Error, ErrorKind, Request, Response, StopReason, Usage};

/// One reply of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// These blocks. When a tool use is among them, the model stops for it.
    Say(Vec<Content>),
    /// An error.
    Fail(Error),
}

/// The script of one turn: its replies in order. Without one, the [`Offline`] model answers.
#[derive(Debug, Default)]
pub struct Scripted {
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    replies: Option<VecDeque<Reply>>,
    asked: Vec<Request>,
}

/// What came of a script.
#[derive(Debug, Default, PartialEq)]
pub struct Played {
    /// What was asked, in order.
    pub asked: Vec<Request>,
    /// Replies that nobody asked for.
    pub left: usize,
}

impl Scripted {
    /// Begins a script, and gives what came of the one before.
    pub fn begin(&self, replies: Option<Vec<Reply>>) -> Played {
        let next = Script {
            replies: replies.map(VecDeque::from),
            asked: Vec::new(),
        };
        let before = std::mem::replace(&mut *self.script(), next);
        Played {
            asked: before.asked,
            left: before.replies.map_or(0, |replies| replies.len()),
        }
    }

    fn answer(&self, request: &Request) -> Result<Response, Error> {
        let mut script = self.script();
        script.asked.push(request.clone());
        let calls = script.asked.len();
        let Some(replies) = &mut script.replies else {
            return Offline::answer(request);
        };
        let reply = replies.pop_front().ok_or_else(|| Error {
            kind: ErrorKind::Invalid,
            message: format!("the script has no reply for model call {calls} of this turn"),
            retry_after_ms: None,
            usage: None,
        });
        match reply? {
            Reply::Fail(error) => Err(error),
            Reply::Say(content) => Ok(response(request, content)),
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(request: &Request, content: Vec<Content>) -> Response {
    let calls_tools = content
        .iter()
        .any(|block| matches!(block, Content::ToolUse(_)));
    Response {
        stop_reason: if calls_tools {
            StopReason::ToolUse
        } else {
            StopReason::EndTurn
        },
        usage: Usage {
            input_tokens: count::request(request),
            output_tokens: count::content(&content),
            cache_read_tokens: 0,
            cache_write_tokens: 0,
        },
        content,
        latency_ms: 0,
        model: request.model.clone(),
        extra: None,
    }
}

impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        ready(self.answer(&request)).boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        ready(self.answer(&request).map(pieces::events)).boxed()
    }

    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        ready(Ok(count::request(&request))).boxed()
    }

    fn invoke_model(&self, model: String, body: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        Offline.invoke_model(model, body)
    }
}
