//! Blocks that the contract has no case for, in the JSON of Bedrock's own API: citations, guarded content, search
//! results, tools that ran at the provider, cache points with a lifetime, media that is not plain bytes.
//!
//! The SDK keeps its JSON to itself, so the shapes are written down here once and serve both ways. A field or a kind that
//! is not listed is refused with its name instead of being dropped.

mod inbound;
mod outbound;
#[cfg(test)]
mod tests;

use aws_sdk_bedrockruntime::types::ContentBlock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub(super) use outbound::{Unknown, citation_of_delta};

use super::errors::Problem;

/// A content block as Bedrock's API writes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block {
    Text(String),
    Image(Media),
    Document(Document),
    Video(Media),
    Audio(Media),
    ToolUse(ToolUse),
    ToolResult(ToolResult),
    CachePoint(CachePoint),
    GuardContent(Guard),
    CitationsContent(Citations),
    SearchResult(SearchResult),
}

/// Reads a block that an agent wrote as JSON; the error names what is not known.
pub(super) fn parse(text: &str) -> Result<Block, Problem> {
    serde_json::from_str(text)
        .map_err(|error| Problem::new(format!("this block cannot be put to Bedrock: {error}")))
}

/// A block of Bedrock's as JSON text.
pub(super) fn text(block: ContentBlock) -> String {
    match Block::try_from(block) {
        Ok(block) => to_text(&block),
        Err(Unknown) => unknown_text(),
    }
}

/// JSON text of a wire shape.
pub(super) fn to_text(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("wire shapes have string keys and no failing serializers")
}

/// What stands for a block that this version of the SDK cannot read; the same mark that boto3 sets.
pub(super) fn unknown_text() -> String {
    r#"{"SDK_UNKNOWN_MEMBER":{}}"#.to_owned()
}

/// The name of a block's kind on the wire.
pub(super) fn kind(block: &ContentBlock) -> &'static str {
    match block {
        ContentBlock::Text(_) => "text",
        ContentBlock::Image(_) => "image",
        ContentBlock::Document(_) => "document",
        ContentBlock::Video(_) => "video",
        ContentBlock::Audio(_) => "audio",
        ContentBlock::ToolUse(_) => "toolUse",
        ContentBlock::ToolResult(_) => "toolResult",
        ContentBlock::ReasoningContent(_) => "reasoningContent",
        ContentBlock::CachePoint(_) => "cachePoint",
        ContentBlock::GuardContent(_) => "guardContent",
        ContentBlock::CitationsContent(_) => "citationsContent",
        ContentBlock::SearchResult(_) => "searchResult",
        _ => "unknown",
    }
}

/// Image, video or audio.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Media {
    pub(super) format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failure>,
}

/// Why the provider could not make a medium.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) citations: Option<Switch>,
}

/// Where media and documents come from; text and content only for documents.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source {
    Bytes(Base64),
    Text(String),
    Content(Vec<Text>),
    S3Location(S3Location),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct S3Location {
    pub(super) uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bucket_owner: Option<String>,
}

/// A union of one case, `{"text": …}`, which Bedrock uses in several places.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    pub(super) enabled: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolUse {
    pub(super) tool_use_id: String,
    pub(super) name: String,
    pub(super) input: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolResult {
    pub(super) tool_use_id: String,
    pub(super) content: Vec<ToolOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ToolOutput {
    Text(String),
    Json(Value),
    Image(Media),
    Document(Document),
    Video(Media),
    SearchResult(SearchResult),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CachePoint {
    pub(super) r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Guard {
    Text(GuardText),
    Image(Media),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardText {
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) qualifiers: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Citations {
    #[serde(default)]
    pub(super) content: Vec<Text>,
    #[serde(default)]
    pub(super) citations: Vec<Citation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Citation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) source_content: Vec<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Location>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Location {
    Web(Web),
    DocumentChar(DocumentSpan),
    DocumentPage(DocumentSpan),
    DocumentChunk(DocumentSpan),
    // The wire's own name, which alone repeats the union's.
    #[serde(rename = "searchResultLocation")]
    SearchResult(SearchResultSpan),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DocumentSpan {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document_index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<i32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchResultSpan {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) search_result_index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<i32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchResult {
    pub(super) source: String,
    pub(super) title: String,
    pub(super) content: Vec<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) citations: Option<Switch>,
}

/// Bytes, which JSON carries in base64.
#[derive(Debug)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
