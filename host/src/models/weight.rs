//! What a request takes of the server's memory.

use crate::contract::model::{Content, Document, Media, Request, ToolOutput};

/// Bytes of a block beside what it says.
const BLOCK: u64 = 128;

/// Bytes of all that a request says.
pub(super) fn request(request: &Request) -> u64 {
    let messages: u64 = request
        .messages
        .iter()
        .map(|message| BLOCK + content(&message.content))
        .sum();
    let tools: u64 = request
        .tools
        .iter()
        .map(|tool| {
            let description = tool.description.as_deref().unwrap_or_default();
            BLOCK + len(&tool.name) + len(description) + len(&tool.input_schema)
        })
        .sum();
    let stops = &request.inference.stop_sequences;
    let stops: u64 = stops.iter().map(|stop| BLOCK + len(stop)).sum();
    let extra = request.extra.as_deref().map_or(0, len);
    BLOCK + len(&request.model) + content(&request.system) + messages + tools + stops + extra
}

fn content(content: &[Content]) -> u64 {
    content.iter().map(|part| BLOCK + block(part)).sum()
}

fn block(block: &Content) -> u64 {
    match block {
        Content::Text(words) | Content::Other(words) => len(words),
        Content::Image(media) | Content::Video(media) | Content::Audio(media) => of_media(media),
        Content::Document(document) => of_document(document),
        Content::ToolUse(tool_use) => {
            len(&tool_use.id) + len(&tool_use.name) + len(&tool_use.input)
        }
        Content::ToolResult(result) => {
            let output = result.content.iter().map(|part| BLOCK + output(part));
            len(&result.tool_use_id) + output.sum::<u64>()
        }
        Content::Reasoning(reasoning) => {
            len(&reasoning.text) + reasoning.signature.as_deref().map_or(0, len)
        }
        Content::RedactedReasoning(bytes) => bytes.len() as u64,
        Content::CachePoint => 0,
    }
}

fn output(output: &ToolOutput) -> u64 {
    match output {
        ToolOutput::Text(words) | ToolOutput::Json(words) => len(words),
        ToolOutput::Image(media) | ToolOutput::Video(media) => of_media(media),
        ToolOutput::Document(document) => of_document(document),
    }
}

fn of_media(media: &Media) -> u64 {
    len(&media.format) + media.bytes.len() as u64
}

fn of_document(document: &Document) -> u64 {
    let context = document.context.as_deref().unwrap_or_default();
    len(&document.name) + len(&document.format) + len(context) + document.bytes.len() as u64
}

fn len(text: &str) -> u64 {
    text.len() as u64
}
