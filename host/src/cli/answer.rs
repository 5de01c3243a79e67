//! An agent's answer, as a person wants to read it.

use std::io::{self, Write};

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::exit::Failure;
use super::terminal::Shown;

/// What an agent answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// In one piece, as JSON.
    Json(Value),
    /// Event by event; what is no JSON stands as a string.
    Events(Vec<Value>),
    /// Anything else.
    Bytes(Vec<u8>),
}

/// Reads an answer to its end; `piece` is given text for a person as it comes.
pub(super) async fn read(
    mut response: Response,
    mut piece: impl FnMut(&str) -> io::Result<()>,
) -> Result<Answer, Failure> {
    let broke = |error: &(dyn std::error::Error + 'static)| {
        Failure::new("the answer broke off").because(error)
    };
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let streams = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
    let is_json = content_type.is_none_or(|value| value.starts_with("application/json"));
    let mut bytes = Vec::new();
    let mut events = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broke(&error))? {
        bytes.extend_from_slice(&chunk);
        while let Some(frame) = streams.then(|| take_frame(&mut bytes)).flatten() {
            let event = event(&frame);
            piece(&text(&event)).map_err(|error| broke(&error))?;
            events.push(event);
        }
    }
    if streams {
        return Ok(Answer::Events(events));
    }
    let answer = match serde_json::from_slice(&bytes) {
        Ok(value) if is_json => Answer::Json(value),
        _ => Answer::Bytes(bytes),
    };
    let whole = match &answer {
        Answer::Json(value) => text(value),
        Answer::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Answer::Events(_) => String::new(),
    };
    piece(&whole).map_err(|error| broke(&error))?;
    Ok(answer)
}

/// The same, to the terminal, with a line end behind it.
pub(super) async fn print(response: Response) -> Result<(), Failure> {
    let mut out = Shown::on(io::stdout().lock());
    read(response, |piece| {
        out.write_all(piece.as_bytes())?;
        out.flush()
    })
    .await?;
    super::say("");
    Ok(())
}

impl Answer {
    /// All of it as text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Json(value) => text(value),
            Self::Events(events) => events.iter().map(text).collect(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// The first whole frame of server-sent events, without its end.
fn take_frame(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let rest = bytes.split_off(end + 2);
    let mut frame = std::mem::replace(bytes, rest);
    frame.truncate(end);
    Some(frame)
}

/// The events of whole frames.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_frames(mut bytes: Vec<u8>) -> Vec<Value> {
    let frames = std::iter::from_fn(|| take_frame(&mut bytes));
    frames.map(|frame| event(&frame)).collect()
}

/// What a frame carries.
fn event(frame: &[u8]) -> Value {
    let frame = String::from_utf8_lossy(frame);
    let lines = frame.lines().filter_map(|line| line.strip_prefix("data:"));
    let lines: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let data = lines.join("\n");
    serde_json::from_str(&data).unwrap_or(Value::String(data))
}

/// A string without its quotes; anything else as JSON, one value a line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        let mut bytes = b"data: \"a\"\n\ndata: {\"b\":1}\n\ndata: \"c".to_vec();
        let mut events = Vec::new();
        while let Some(frame) = take_frame(&mut bytes) {
            events.push(event(&frame));
        }
        assert_eq!(events, [json!("a"), json!({ "b": 1 })]);
        assert_eq!(bytes, b"data: \"c");
    }

    #[test]
    fn what_is_no_json_is_text() {
        assert_eq!(event(b"event: x\ndata: one\ndata: two"), json!("one\ntwo"));
    }
}
