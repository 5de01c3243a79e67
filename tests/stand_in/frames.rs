//! A model's answer as the events of ConverseStream, in frames with both checksums.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as Frame};
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Message;

/// Characters of a piece of a tool's input.
const INPUT_PIECE: usize = 6;

/// The events of an answer, each its type and its payload.
pub(super) fn events(message: &Message) -> Vec<(String, Value)> {
    if let Some(events) = &message.events {
        return events.clone();
    }
    let mut events = vec![event("messageStart", json!({ "role": "assistant" }))];
    for (index, block) in message.content.iter().enumerate() {
        let (start, deltas) = pieces(block);
        if let Some(start) = start {
            events.push(event(
                "contentBlockStart",
                json!({ "contentBlockIndex": index, "start": start }),
            ));
        }
        for delta in deltas {
            events.push(event(
                "contentBlockDelta",
                json!({ "contentBlockIndex": index, "delta": delta }),
            ));
        }
        events.push(event(
            "contentBlockStop",
            json!({ "contentBlockIndex": index }),
        ));
    }
    let mut stop = json!({ "stopReason": message.stop_reason });
    if let Some(extra) = &message.extra {
        stop["additionalModelResponseFields"] = extra.clone();
    }
    events.push(event("messageStop", stop));
    events.push(event(
        "metadata",
        json!({ "usage": message.usage, "metrics": { "latencyMs": 7 } }),
    ));
    events
}

/// What opens a block, if anything does, and its pieces.
fn pieces(block: &Value) -> (Option<Value>, Vec<Value>) {
    if let Some(text) = block["text"].as_str() {
        return (
            None,
            words(text).map(|word| json!({ "text": word })).collect(),
        );
    }
    if let Some(tool_use) = block.get("toolUse") {
        let mut start = tool_use.clone();
        let input = start
            .as_object_mut()
            .and_then(|start| start.remove("input"))
            .unwrap_or_default()
            .to_string();
        let letters: Vec<char> = input.chars().collect();
        let deltas = letters
            .chunks(INPUT_PIECE)
            .map(|piece| json!({ "toolUse": { "input": String::from_iter(piece) } }));
        return (Some(json!({ "toolUse": start })), deltas.collect());
    }
    let reasoning = &block["reasoningContent"];
    if let Some(redacted) = reasoning.get("redactedContent") {
        return (
            None,
            vec![json!({ "reasoningContent": { "redactedContent": redacted } })],
        );
    }
    if let Some(text) = reasoning["reasoningText"]["text"].as_str() {
        let mut deltas: Vec<Value> = words(text)
            .map(|word| json!({ "reasoningContent": { "text": word } }))
            .collect();
        if let Some(signature) = reasoning["reasoningText"].get("signature") {
            deltas.push(json!({ "reasoningContent": { "signature": signature } }));
        }
        return (None, deltas);
    }
    panic!("the stand-in cannot stream this block by itself, use Answer::events: {block}");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

fn event(kind: &str, payload: Value) -> (String, Value) {
    (kind.to_owned(), payload)
}

/// The frame of an event.
pub(super) fn event_frame(kind: &str, payload: &Value) -> Bytes {
    frame(
        [
            (":message-type", "event"),
            (":event-type", kind),
            (":content-type", "application/json"),
        ],
        payload,
    )
}

/// The frame of an exception.
pub(super) fn exception_frame(code: &str, message: &str) -> Bytes {
    let headers = [
        (":message-type", "exception"),
        (":exception-type", code),
        (":content-type", "application/json"),
    ];
    frame(headers, &json!({ "message": message }))
}

fn frame(headers: [(&'static str, &str); 3], payload: &Value) -> Bytes {
    let mut frame = Frame::new(Bytes::from(payload.to_string()));
    for (name, value) in headers {
        frame = frame.add_header(Header::new(
            name,
            HeaderValue::String(value.to_owned().into()),
        ));
    }
    let mut bytes = Vec::new();
    write_message_to(&frame, &mut bytes).expect("a small frame can be written");
    bytes.into()
}
