//! Tokens, the way the offline model counts them: four characters are one, rounded up for each text.

use crate::contract::model::{Content, Document, Request, ToolOutput};

/// Characters of a token.
const CHARS: u64 = 4;

/// Tokens of an image, a video, a sound or a document, whatever its size: the offline model does not look at it.
const MEDIA: u64 = 256;

/// Tokens of all that a request shows the model.
pub(super) fn request(request: &Request) -> u64 {
    let messages: u64 = request
        .messages
        .iter()
        .map(|message| content(&message.content))
        .sum();
    let tools: u64 = request
        .tools
        .iter()
        .map(|tool| {
            text(&tool.name)
                + tool.description.as_deref().map_or(0, text)
                + text(&tool.input_schema)
        })
        .sum();
    content(&request.system) + messages + tools
}

/// Tokens of content blocks.
pub(super) fn content(content: &[Content]) -> u64 {
    content.iter().map(block).sum()
}

/// The beginning of a text that is worth at most so many tokens.
pub(super) fn cut(text: &str, tokens: u64) -> String {
    text.chars()
        .take(usize::try_from(tokens.saturating_mul(CHARS)).unwrap_or(usize::MAX))
        .collect()
}

fn block(block: &Content) -> u64 {
    match block {
        Content::Text(words) | Content::Other(words) => text(words),
        Content::Image(_) | Content::Video(_) | Content::Audio(_) => MEDIA,
        Content::Document(document) => of_document(document),
        Content::ToolUse(tool_use) => text(&tool_use.name) + text(&tool_use.input),
        Content::ToolResult(result) => result.content.iter().map(output).sum(),
        Content::Reasoning(reasoning) => text(&reasoning.text),
        Content::RedactedReasoning(bytes) => (bytes.len() as u64).div_ceil(CHARS),
        Content::CachePoint => 0,
    }
}

fn output(output: &ToolOutput) -> u64 {
    match output {
        ToolOutput::Text(words) | ToolOutput::Json(words) => text(words),
        ToolOutput::Image(_) | ToolOutput::Video(_) => MEDIA,
        ToolOutput::Document(document) => of_document(document),
    }
}

fn of_document(document: &Document) -> u64 {
    MEDIA + text(&document.name) + document.context.as_deref().map_or(0, text)
}

fn text(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(CHARS)
}
