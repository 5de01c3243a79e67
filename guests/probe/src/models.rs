//! Every call of the contract's `model` interface.

use kellion_sdk::model::{self, Request, Stream, Usage};
use kellion_sdk::response::{Events, Streamed};
use kellion_sdk::{Body, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One question to one model.
#[derive(Clone, Deserialize)]
pub(crate) struct Question {
    prompt: String,
    #[serde(default = "default_model")]
    model: String,
    max_tokens: Option<u32>,
}

/// Of every question that names no other.
pub(crate) const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

fn default_model() -> String {
    MODEL.to_owned()
}

impl From<Question> for Request {
    fn from(question: Question) -> Self {
        let request = Request::new(question.model).user(question.prompt);
        match question.max_tokens {
            Some(tokens) => request.max_tokens(tokens),
            None => request,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Answer {
    text: String,
    usage: Usage,
}

pub(crate) fn ask(question: Question) -> Result<Answer> {
    let response = model::converse(&question.into())?;
    Ok(Answer {
        text: response.text(),
        usage: response.usage,
    })
}

pub(crate) fn forward(question: Question) -> Result<Streamed> {
    let stream = model::converse_stream(&question.into())?;
    let mut events = Events::open();
    events.forward(stream)?;
    Ok(events.end())
}

pub(crate) fn cancel(question: Question) -> Result<model::Event> {
    let (first, _) = hold(question)?;
    Ok(first)
}

/// The first event, and the stream after it.
pub(crate) fn hold(question: Question) -> Result<(model::Event, Stream)> {
    let mut stream = model::converse_stream(&question.into())?;
    let first = stream
        .next()
        .ok_or_else(|| model::Error::new(model::ErrorKind::Unavailable, "an empty stream"))?;
    Ok((first?, stream))
}

/// What became of many streams that were open at once.
#[derive(Default, Serialize)]
pub(crate) struct Many {
    opened: usize,
    /// Of the first that was refused.
    refused: Option<String>,
    input_tokens: u64,
    output_tokens: u64,
}

pub(crate) fn many(question: &Question, times: usize) -> Many {
    let mut many = Many::default();
    let mut streams = Vec::new();
    for _ in 0..times {
        match model::converse_stream(&question.clone().into()) {
            Ok(stream) => streams.push(stream),
            Err(error) => many.refused = many.refused.or_else(|| Some(error.to_string())),
        }
    }
    many.opened = streams.len();
    for event in streams.into_iter().flatten().flatten() {
        if let model::Event::Done(response) = event {
            many.input_tokens += response.usage.input_tokens;
            many.output_tokens += response.usage.output_tokens;
        }
    }
    many
}

pub(crate) fn count_tokens(question: Question) -> Result<u64> {
    Ok(model::count_tokens(&question.into())?)
}

pub(crate) fn invoke(model: &str, body: &Value) -> Result<Body> {
    let answer = model::invoke_model(model, body.to_string().as_bytes())?;
    Ok(answer.into())
}
