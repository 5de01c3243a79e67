//! A scripted model for work without a network: demos, tests, the first minutes with the server.
//!
//! It follows AgentCore's tutorial: it calls the calculator, weather and time tools that an agent offers, reads their
//! results, and answers by name. It keeps nothing between calls: what it answers stands in the messages it was sent, so
//! what a session remembers is what its agent remembers. The same request always gives the same answer.

mod arithmetic;
mod history;
mod prompt;
mod script;
#[cfg(test)]
mod tests;
mod tools;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use self::script::Reply;
use super::{Provider, count, pieces};
use crate::contract::EventStream;
use crate::contract::model::{
    Content, Error, ErrorKind, Request, Response, StopReason, ToolUse, Usage,
};

/// The scripted model. It has no state, answers at once, and takes any model id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

impl Offline {
    pub(super) fn answer(request: &Request) -> Result<Response, Error> {
        let reply = script::reply(request)?;
        let input_tokens = count::request(request);
        let (content, stop_reason) = match reply {
            Reply::Say(text) => (vec![Content::Text(text)], StopReason::EndTurn),
            Reply::Call(calls) => (
                calls.into_iter().map(Content::ToolUse).collect(),
                StopReason::ToolUse,
            ),
        };
        let (content, stop_reason) = fit(content, stop_reason, request.inference.max_tokens);
        let output_tokens = count::content(&content);
        Ok(Response {
            content,
            stop_reason,
            usage: Usage {
                input_tokens,
                output_tokens,
                cache_read_tokens: 0,
                cache_write_tokens: 0,
            },
            latency_ms: 0,
            model: request.model.clone(),
            extra: None,
        })
    }
}

impl Provider for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        ready(Self::answer(&request)).boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        ready(Self::answer(&request).map(pieces::events)).boxed()
    }

    /// The same number that an answer to the request would put in its usage.
    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        ready(Ok(count::request(&request))).boxed()
    }

    /// Always an `invalid` error: there is no API behind this model.
    fn invoke_model(&self, model: String, _body: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        let message = format!(
            "the offline model has no API of its own, so {model} cannot be invoked; use converse, or serve with Bedrock"
        );
        ready(Err(invalid(message))).boxed()
    }
}

/// Keeps an answer within the tokens that the request allows: text is cut, a tool call that does not fit is left out.
fn fit(
    content: Vec<Content>,
    stop_reason: StopReason,
    limit: Option<u32>,
) -> (Vec<Content>, StopReason) {
    let Some(limit) = limit.map(u64::from) else {
        return (content, stop_reason);
    };
    if count::content(&content) <= limit {
        return (content, stop_reason);
    }
    let mut left = limit;
    let mut kept = Vec::new();
    for block in content {
        let tokens = count::content(std::slice::from_ref(&block));
        if tokens <= left {
            left -= tokens;
            kept.push(block);
            continue;
        }
        if let Content::Text(text) = block {
            kept.push(Content::Text(count::cut(&text, left)));
        }
        break;
    }
    (kept, StopReason::MaxTokens)
}

fn invalid(message: impl Into<String>) -> Error {
    Error {
        kind: ErrorKind::Invalid,
        message: message.into(),
        retry_after_ms: None,
        usage: None,
    }
}

/// A tool use with an id that no other message of the conversation has.
fn tool_use(request: &Request, position: usize, name: &str, input: &serde_json::Value) -> ToolUse {
    ToolUse {
        id: format!("offline-{}-{position}", request.messages.len()),
        name: name.to_owned(),
        input: input.to_string(),
    }
}
