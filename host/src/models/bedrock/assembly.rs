//! The pieces of a streamed answer: each becomes an event for the agent, and all together the whole answer.
//!
//! No I/O and no clock here. Bedrock opens text and reasoning blocks without saying so and numbers its blocks; the
//! contract says when a block opens and sends one block after the other.

use std::collections::VecDeque;

use aws_sdk_bedrockruntime::types::{
    CitationsDelta, ContentBlockDelta, ContentBlockStart, ConverseStreamOutput, ImageSource,
    ReasoningContentBlockDelta, ToolResultBlockDelta,
};
use serde_json::{Value, json};

use super::errors::error;
use super::open::Open;
use super::{json as text, response, wire};
use crate::contract::model::{
    BlockStart, Content, Delta, Error, ErrorKind, Event, Response, StopReason, ToolUseStart, Usage,
};

#[cfg(test)]
mod tests;

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    events: VecDeque<Event>,
    open: Option<(i32, Open)>,
    content: Vec<Content>,
    stop_reason: Option<StopReason>,
    extra: Option<String>,
    metadata: Option<(Option<Usage>, u64)>,
}

impl Assembly {
    /// Takes the next piece in.
    pub(super) fn take(&mut self, piece: ConverseStreamOutput) {
        match piece {
            ConverseStreamOutput::ContentBlockStart(event) => {
                self.start(event.content_block_index, event.start)
            }
            ConverseStreamOutput::ContentBlockDelta(event) => {
                if let Some(delta) = event.delta {
                    self.delta(event.content_block_index, delta);
                }
            }
            ConverseStreamOutput::ContentBlockStop(_) => self.close(),
            ConverseStreamOutput::MessageStop(event) => {
                self.close();
                self.stop_reason = Some(response::stop_reason(&event.stop_reason));
                self.extra = event.additional_model_response_fields.map(text::text);
            }
            ConverseStreamOutput::Metadata(event) => {
                let latency_ms = event
                    .metrics
                    .map_or(0, |metrics| response::count(metrics.latency_ms));
                self.metadata = Some((event.usage.as_ref().map(response::usage), latency_ms));
            }
            // The message's start says only that the assistant speaks; what is newer than this SDK has no content to hand on.
            _ => {}
        }
    }

    /// The next event that is ready.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// True when both the reason of the end and the bill have come: nothing is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.stop_reason.is_some() && self.metadata.is_some()
    }

    /// What is known to be billed.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.metadata.and_then(|(usage, _)| usage)
    }

    /// The whole answer, or the error that it broke off.
    pub(super) fn finish(self, model: String) -> Result<Response, Error> {
        let usage = self.usage();
        let (Some(stop_reason), Some((_, latency_ms))) = (self.stop_reason, self.metadata) else {
            let broken = error(
                ErrorKind::Unavailable,
                "Bedrock's answer ended before it was complete; try again",
            );
            return Err(Error { usage, ..broken });
        };
        Ok(Response {
            content: self.content,
            stop_reason,
            usage: usage.unwrap_or_else(response::nothing),
            latency_ms,
            model,
            extra: self.extra,
        })
    }

    fn start(&mut self, index: i32, start: Option<ContentBlockStart>) {
        self.close();
        match start {
            // A tool with a type runs at the provider; the agent is told of it, but must not run it.
            Some(ContentBlockStart::ToolUse(start)) => match start.r#type {
                None => {
                    let (id, name) = (start.tool_use_id, start.name);
                    self.events
                        .push_back(Event::BlockStart(BlockStart::ToolUse(ToolUseStart {
                            id: id.clone(),
                            name: name.clone(),
                        })));
                    self.open = Some((
                        index,
                        Open::ToolUse {
                            id,
                            name,
                            input: String::new(),
                        },
                    ));
                }
                Some(kind) => {
                    let head = json!({ "toolUseId": start.tool_use_id, "name": start.name, "type": kind.as_str() });
                    self.open_other(
                        index,
                        &json!({ "toolUse": head }),
                        Open::RemoteToolUse {
                            head,
                            input: String::new(),
                        },
                    );
                }
            },
            Some(ContentBlockStart::ToolResult(start)) => {
                let mut head = json!({ "toolUseId": start.tool_use_id });
                if let Some(kind) = start.r#type {
                    head["type"] = kind.into();
                }
                if let Some(status) = start.status {
                    head["status"] = status.as_str().into();
                }
                self.open_other(
                    index,
                    &json!({ "toolResult": head }),
                    Open::ToolResult {
                        head,
                        content: Vec::new(),
                    },
                );
            }
            Some(ContentBlockStart::Image(start)) => {
                let format = start.format.as_str().to_owned();
                let open = Open::Image {
                    format: format.clone(),
                    bytes: Vec::new(),
                    failure: None,
                };
                self.open_other(index, &json!({ "image": { "format": format } }), open);
            }
            Some(_) => self.open_unknown(index),
            None => {}
        }
    }

    fn delta(&mut self, index: i32, delta: ContentBlockDelta) {
        match delta {
            // Bedrock sends empty pieces before a tool's; as blocks of their own they would be refused when sent back.
            ContentBlockDelta::Text(piece) if piece.is_empty() => {}
            ContentBlockDelta::Text(piece) => {
                if let Open::Text { text, .. } = self.opened(index, Open::is_text, Open::text) {
                    text.push_str(&piece);
                }
                self.events.push_back(Event::Delta(Delta::Text(piece)));
            }
            ContentBlockDelta::ReasoningContent(piece) => self.reasoning(index, piece),
            ContentBlockDelta::ToolUse(piece) => self.tool_input(index, piece.input),
            ContentBlockDelta::ToolResult(pieces) => self.tool_result(index, pieces),
            ContentBlockDelta::Citation(citation) => self.citation(index, citation),
            ContentBlockDelta::Image(piece) => {
                let Some((_, Open::Image { bytes, failure, .. })) = &mut self.open else {
                    return self.unknown_delta(index);
                };
                let mut shape = json!({});
                match piece.source {
                    Some(ImageSource::Bytes(part)) => {
                        shape["source"] = json!({ "bytes": wire::Base64(part.as_ref().to_vec()) });
                        bytes.extend_from_slice(part.as_ref());
                    }
                    Some(_) => return self.unknown_delta(index),
                    None => {}
                }
                if let Some(error) = piece.error {
                    let message = error.message.unwrap_or_default();
                    shape["error"] = json!({ "message": message });
                    *failure = Some(message);
                }
                self.other_delta(&json!({ "image": shape }));
            }
            _ => self.unknown_delta(index),
        }
    }

    fn reasoning(&mut self, index: i32, piece: ReasoningContentBlockDelta) {
        let delta = match piece {
            ReasoningContentBlockDelta::Text(piece) => {
                if let Open::Reasoning { text, .. } =
                    self.opened(index, Open::is_reasoning, Open::reasoning)
                {
                    text.push_str(&piece);
                }
                Delta::Reasoning(piece)
            }
            ReasoningContentBlockDelta::Signature(piece) => {
                if let Open::Reasoning { signature, .. } =
                    self.opened(index, Open::is_reasoning, Open::reasoning)
                {
                    signature.get_or_insert_default().push_str(&piece);
                }
                Delta::ReasoningSignature(piece)
            }
            ReasoningContentBlockDelta::RedactedContent(piece) => {
                let piece = piece.into_inner();
                if let Open::Redacted(bytes) = self.opened(index, Open::is_redacted, Open::redacted)
                {
                    bytes.extend_from_slice(&piece);
                }
                Delta::RedactedReasoning(piece)
            }
            _ => return self.unknown_delta(index),
        };
        self.events.push_back(Event::Delta(delta));
    }

    fn tool_input(&mut self, index: i32, piece: String) {
        match &mut self.open {
            Some((_, Open::ToolUse { input, .. })) => {
                input.push_str(&piece);
                self.events.push_back(Event::Delta(Delta::ToolInput(piece)));
            }
            Some((_, Open::RemoteToolUse { input, .. })) => {
                input.push_str(&piece);
                self.other_delta(&json!({ "toolUse": { "input": piece } }));
            }
            _ => self.unknown_delta(index),
        }
    }

    fn tool_result(&mut self, index: i32, pieces: Vec<ToolResultBlockDelta>) {
        let Some((_, Open::ToolResult { content, .. })) = &mut self.open else {
            return self.unknown_delta(index);
        };
        let mut shapes = Vec::new();
        for piece in pieces {
            shapes.push(match piece {
                ToolResultBlockDelta::Text(piece) => json!({ "text": piece }),
                ToolResultBlockDelta::Json(document) => json!({ "json": text::value(document) }),
                _ => continue,
            });
        }
        content.extend(shapes.iter().cloned());
        self.other_delta(&json!({ "toolResult": shapes }));
    }

    /// A citation belongs to the text that it stands in; with one, the block is no longer plain text.
    fn citation(&mut self, index: i32, citation: CitationsDelta) {
        let Ok(citation) = wire::citation_of_delta(citation) else {
            return self.unknown_delta(index);
        };
        let shape = json!({ "citation": citation });
        if let Open::Text { citations, .. } = self.opened(index, Open::is_text, Open::text) {
            citations.push(citation);
        }
        self.other_delta(&shape);
    }

    /// The open block, when it is of the wanted sort; else a new one of that sort, which the agent is told of.
    fn opened(&mut self, index: i32, fits: fn(&Open) -> bool, make: fn() -> Open) -> &mut Open {
        let go_on = self
            .open
            .as_ref()
            .is_some_and(|(at, open)| *at == index && fits(open));
        if !go_on {
            self.close();
            let open = make();
            let start = if open.is_text() {
                BlockStart::Text
            } else {
                BlockStart::Reasoning
            };
            self.events.push_back(Event::BlockStart(start));
            self.open = Some((index, open));
        }
        let (_, open) = self
            .open
            .as_mut()
            .expect("a block was just found or opened");
        open
    }

    fn open_other(&mut self, index: i32, start: &Value, open: Open) {
        self.events
            .push_back(Event::BlockStart(BlockStart::Other(start.to_string())));
        self.open = Some((index, open));
    }

    fn open_unknown(&mut self, index: i32) {
        self.events
            .push_back(Event::BlockStart(BlockStart::Other(wire::unknown_text())));
        self.open = Some((index, Open::Unknown));
    }

    /// A piece that fits no block: the agent learns that something was there.
    fn unknown_delta(&mut self, index: i32) {
        if self.open.is_none() {
            self.open_unknown(index);
        }
        self.events
            .push_back(Event::Delta(Delta::Other(wire::unknown_text())));
    }

    fn other_delta(&mut self, shape: &Value) {
        self.events
            .push_back(Event::Delta(Delta::Other(shape.to_string())));
    }

    fn close(&mut self) {
        if let Some((_, open)) = self.open.take() {
            self.content.push(open.into_content());
            self.events.push_back(Event::BlockStop);
        }
    }
}
