//! Content blocks of the contract to and from Bedrock's.
//!
//! What the contract has no case for travels as [`Content::Other`], in the JSON of Bedrock's own API (see [`super::wire`]).

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, CachePointType, ContentBlock, ReasoningContentBlock, ReasoningTextBlock,
    SystemContentBlock, ToolResultBlock, ToolResultContentBlock, ToolResultStatus, ToolUseBlock,
};

use super::errors::Problem;
use super::{json, media, wire};
use crate::contract::model::{Content, Reasoning, ToolOutput, ToolResult, ToolUse};

#[cfg(test)]
mod tests;

/// A block of a message, for Bedrock.
pub(super) fn to_aws(content: Content) -> Result<ContentBlock, Problem> {
    Ok(match content {
        Content::Text(text) => ContentBlock::Text(text),
        Content::Image(image) => ContentBlock::Image(media::image_to_aws(image)?),
        Content::Document(document) => ContentBlock::Document(media::document_to_aws(document)?),
        Content::Video(video) => ContentBlock::Video(media::video_to_aws(video)?),
        Content::Audio(audio) => ContentBlock::Audio(media::audio_to_aws(audio)?),
        Content::ToolUse(tool_use) => ContentBlock::ToolUse(
            ToolUseBlock::builder()
                .tool_use_id(tool_use.id)
                .name(tool_use.name)
                .input(json::parse(&tool_use.input).map_err(|problem| problem.within("input"))?)
                .build()?,
        ),
        Content::ToolResult(result) => ContentBlock::ToolResult(tool_result_to_aws(result)?),
        Content::Reasoning(reasoning) => {
            ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(
                ReasoningTextBlock::builder()
                    .text(reasoning.text)
                    .set_signature(reasoning.signature)
                    .build()?,
            ))
        }
        Content::RedactedReasoning(bytes) => {
            ContentBlock::ReasoningContent(ReasoningContentBlock::RedactedContent(Blob::new(bytes)))
        }
        Content::CachePoint => ContentBlock::CachePoint(cache_point()?),
        Content::Other(text) => wire::parse(&text)?.into_block()?,
    })
}

/// A block of the system prompt, for Bedrock: text, a cache point, or as other JSON a cache point or guarded content.
pub(super) fn system_to_aws(content: Content) -> Result<SystemContentBlock, Problem> {
    match content {
        Content::Text(text) => Ok(SystemContentBlock::Text(text)),
        Content::CachePoint => Ok(SystemContentBlock::CachePoint(cache_point()?)),
        other => match to_aws(other)? {
            ContentBlock::CachePoint(point) => Ok(SystemContentBlock::CachePoint(point)),
            ContentBlock::GuardContent(guard) => Ok(SystemContentBlock::GuardContent(guard)),
            block => Err(Problem::new(format!(
                "a system prompt takes text, cache points and guarded content, not a block of kind {}",
                wire::kind(&block)
            ))),
        },
    }
}

/// A block of Bedrock's answer, for the agent. Every block finds a case: the rest is [`Content::Other`].
pub(super) fn from_aws(block: ContentBlock) -> Content {
    match block {
        ContentBlock::Text(text) => Content::Text(text),
        ContentBlock::Image(image) => media::image_from_aws(image)
            .map_or_else(|image| other(ContentBlock::Image(image)), Content::Image),
        ContentBlock::Document(document) => media::document_from_aws(document).map_or_else(
            |document| other(ContentBlock::Document(*document)),
            Content::Document,
        ),
        ContentBlock::Video(video) => media::video_from_aws(video)
            .map_or_else(|video| other(ContentBlock::Video(video)), Content::Video),
        ContentBlock::Audio(audio) => media::audio_from_aws(audio)
            .map_or_else(|audio| other(ContentBlock::Audio(audio)), Content::Audio),
        // A tool with a type is the provider's own and has run already: an agent must not run it again.
        ContentBlock::ToolUse(tool_use) if tool_use.r#type.is_none() => Content::ToolUse(ToolUse {
            id: tool_use.tool_use_id,
            name: tool_use.name,
            input: json::text(tool_use.input),
        }),
        ContentBlock::ToolResult(result) => tool_result_from_aws(result).map_or_else(
            |result| other(ContentBlock::ToolResult(result)),
            Content::ToolResult,
        ),
        ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(reasoning)) => {
            Content::Reasoning(Reasoning {
                text: reasoning.text,
                signature: reasoning.signature,
            })
        }
        ContentBlock::ReasoningContent(ReasoningContentBlock::RedactedContent(bytes)) => {
            Content::RedactedReasoning(bytes.into_inner())
        }
        ContentBlock::CachePoint(point) if point.ttl.is_none() => Content::CachePoint,
        block => other(block),
    }
}

fn other(block: ContentBlock) -> Content {
    Content::Other(wire::text(block))
}

fn cache_point() -> Result<CachePointBlock, Problem> {
    Ok(CachePointBlock::builder()
        .r#type(CachePointType::Default)
        .build()?)
}

fn tool_result_to_aws(result: ToolResult) -> Result<ToolResultBlock, Problem> {
    let mut block = ToolResultBlock::builder()
        .tool_use_id(result.tool_use_id)
        .set_content(Some(Vec::new()));
    // Success is what Bedrock takes when nothing is said, and not every model takes the field.
    block = block.set_status(result.is_error.then_some(ToolResultStatus::Error));
    for (index, output) in result.content.into_iter().enumerate() {
        block = block.content(
            output_to_aws(output).map_err(|problem| problem.within(format!("content[{index}]")))?,
        );
    }
    Ok(block.build()?)
}

/// What a tool gave out, for Bedrock.
pub(super) fn output_to_aws(output: ToolOutput) -> Result<ToolResultContentBlock, Problem> {
    Ok(match output {
        ToolOutput::Text(text) => ToolResultContentBlock::Text(text),
        ToolOutput::Json(text) => ToolResultContentBlock::Json(json::parse(&text)?),
        ToolOutput::Image(image) => ToolResultContentBlock::Image(media::image_to_aws(image)?),
        ToolOutput::Document(document) => {
            ToolResultContentBlock::Document(media::document_to_aws(document)?)
        }
        ToolOutput::Video(video) => ToolResultContentBlock::Video(media::video_to_aws(video)?),
    })
}

/// The tool result, or the block back when it holds what the contract has no case for.
fn tool_result_from_aws(block: ToolResultBlock) -> Result<ToolResult, ToolResultBlock> {
    if block.r#type.is_some() {
        return Err(block);
    }
    // Kept until the end: one output that does not fit sends the whole block back.
    let Some(content) = block.content.iter().cloned().map(output_from_aws).collect() else {
        return Err(block);
    };
    let is_error = block.status == Some(ToolResultStatus::Error);
    Ok(ToolResult {
        tool_use_id: block.tool_use_id,
        content,
        is_error,
    })
}

fn output_from_aws(output: ToolResultContentBlock) -> Option<ToolOutput> {
    match output {
        ToolResultContentBlock::Text(text) => Some(ToolOutput::Text(text)),
        ToolResultContentBlock::Json(document) => Some(ToolOutput::Json(json::text(document))),
        ToolResultContentBlock::Image(image) => {
            media::image_from_aws(image).ok().map(ToolOutput::Image)
        }
        ToolResultContentBlock::Document(document) => media::document_from_aws(document)
            .ok()
            .map(ToolOutput::Document),
        ToolResultContentBlock::Video(video) => {
            media::video_from_aws(video).ok().map(ToolOutput::Video)
        }
        _ => None,
    }
}
