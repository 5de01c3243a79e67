//! A content block that a stream has opened and not yet closed.

use serde_json::{Value, json};

use super::{json as text, wire};
use crate::contract::model::{Content, Media, Reasoning, ToolUse};

/// What has come of a block so far.
#[derive(Debug)]
pub(super) enum Open {
    Text {
        text: String,
        citations: Vec<wire::Citation>,
    },
    Reasoning {
        text: String,
        signature: Option<String>,
    },
    Redacted(Vec<u8>),
    ToolUse {
        id: String,
        name: String,
        input: String,
    },
    /// A tool that runs at the provider.
    RemoteToolUse {
        head: Value,
        input: String,
    },
    /// What a tool at the provider gave out.
    ToolResult {
        head: Value,
        content: Vec<Value>,
    },
    Image {
        format: String,
        bytes: Vec<u8>,
        failure: Option<String>,
    },
    /// Newer than this version's SDK.
    Unknown,
}

impl Open {
    pub(super) fn text() -> Self {
        Self::Text {
            text: String::new(),
            citations: Vec::new(),
        }
    }

    pub(super) fn reasoning() -> Self {
        Self::Reasoning {
            text: String::new(),
            signature: None,
        }
    }

    pub(super) fn redacted() -> Self {
        Self::Redacted(Vec::new())
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }

    pub(super) fn is_reasoning(&self) -> bool {
        matches!(self, Self::Reasoning { .. })
    }

    pub(super) fn is_redacted(&self) -> bool {
        matches!(self, Self::Redacted(_))
    }

    /// The block as the whole answer holds it: the same as if it had not been streamed.
    pub(super) fn into_content(self) -> Content {
        match self {
            Self::Text { text, citations } if citations.is_empty() => Content::Text(text),
            Self::Text { text, citations } => Content::Other(wire::to_text(
                &wire::Block::CitationsContent(wire::Citations {
                    content: vec![wire::Text { text }],
                    citations,
                }),
            )),
            Self::Reasoning { text, signature } => {
                Content::Reasoning(Reasoning { text, signature })
            }
            Self::Redacted(bytes) => Content::RedactedReasoning(bytes),
            Self::ToolUse { id, name, input } => Content::ToolUse(ToolUse {
                id,
                name,
                input: text::from_pieces(input),
            }),
            Self::RemoteToolUse { mut head, input } => {
                let input = text::from_pieces(input);
                head["input"] = serde_json::from_str(&input).unwrap_or(Value::String(input));
                Content::Other(json!({ "toolUse": head }).to_string())
            }
            Self::ToolResult { mut head, content } => {
                head["content"] = Value::Array(content);
                Content::Other(json!({ "toolResult": head }).to_string())
            }
            Self::Image {
                format,
                bytes,
                failure: None,
            } => Content::Image(Media { format, bytes }),
            Self::Image {
                format,
                failure: Some(message),
                ..
            } => Content::Other(
                json!({ "image": { "format": format, "error": { "message": message } } })
                    .to_string(),
            ),
            Self::Unknown => Content::Other(wire::unknown_text()),
        }
    }
}
