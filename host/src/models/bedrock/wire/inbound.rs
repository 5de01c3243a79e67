//! From an agent's JSON to the SDK's blocks.

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, Citation as AwsCitation, CitationGeneratedContent, CitationLocation,
    CitationSourceContent, CitationsConfig, CitationsContentBlock, ContentBlock, DocumentBlock,
    DocumentCharLocation, DocumentChunkLocation, DocumentContentBlock, DocumentPageLocation,
    DocumentSource, GuardrailConverseContentBlock, GuardrailConverseImageBlock,
    GuardrailConverseImageSource, GuardrailConverseTextBlock, SearchResultBlock,
    SearchResultContentBlock, SearchResultLocation, ToolResultBlock, ToolResultContentBlock,
    ToolUseBlock, WebLocation,
};

use super::{
    Block, CachePoint, Citation, Citations, Document, Guard, Location, Media, SearchResult, Source,
    Switch, ToolOutput, ToolResult, ToolUse,
};
use crate::contract::model;
use crate::models::bedrock::errors::Problem;
use crate::models::bedrock::{json, media};

impl Block {
    /// The SDK's block of the same meaning.
    pub(in crate::models::bedrock) fn into_block(self) -> Result<ContentBlock, Problem> {
        Ok(match self {
            Self::Text(text) => ContentBlock::Text(text),
            Self::Image(image) => ContentBlock::Image(media::image_to_aws(plain(image)?)?),
            Self::Document(document) => ContentBlock::Document(document.into_aws()?),
            Self::Video(video) => ContentBlock::Video(media::video_to_aws(plain(video)?)?),
            Self::Audio(audio) => ContentBlock::Audio(media::audio_to_aws(plain(audio)?)?),
            Self::ToolUse(tool_use) => ContentBlock::ToolUse(tool_use.into_aws()?),
            Self::ToolResult(result) => ContentBlock::ToolResult(result.into_aws()?),
            Self::CachePoint(point) => ContentBlock::CachePoint(point.into_aws()?),
            Self::GuardContent(guard) => ContentBlock::GuardContent(guard.into_aws()?),
            Self::CitationsContent(citations) => {
                ContentBlock::CitationsContent(citations.into_aws())
            }
            Self::SearchResult(result) => ContentBlock::SearchResult(result.into_aws()?),
        })
    }
}

/// Media that is plain bytes, the only kind that is sent.
fn plain(media: Media) -> Result<model::Media, Problem> {
    match media.source {
        Some(Source::Bytes(bytes)) => Ok(model::Media {
            format: media.format,
            bytes: bytes.0,
        }),
        Some(Source::S3Location(location)) => Err(s3(&location.uri)),
        Some(Source::Text(_) | Source::Content(_)) => Err(Problem::new(
            "text is a source of documents only; send bytes",
        )),
        None => Err(Problem::new(
            "media without a source cannot be sent; leave the block out",
        )),
    }
}

fn s3(uri: &str) -> Problem {
    Problem::new(format!(
        "the S3 object {uri} would be read with this server's rights; send its bytes instead"
    ))
}

impl Switch {
    fn into_aws(self) -> Result<CitationsConfig, Problem> {
        Ok(CitationsConfig::builder().enabled(self.enabled).build()?)
    }
}

impl Document {
    fn into_aws(self) -> Result<DocumentBlock, Problem> {
        let source = match self.source {
            Some(Source::Bytes(bytes)) => DocumentSource::Bytes(Blob::new(bytes.0)),
            Some(Source::Text(text)) => DocumentSource::Text(text),
            Some(Source::Content(parts)) => DocumentSource::Content(
                parts
                    .into_iter()
                    .map(|part| DocumentContentBlock::Text(part.text))
                    .collect(),
            ),
            Some(Source::S3Location(location)) => return Err(s3(&location.uri)),
            None => return Err(Problem::new("a document needs a source")),
        };
        Ok(DocumentBlock::builder()
            .name(self.name)
            .format(self.format.as_str().into())
            .source(source)
            .set_context(self.context)
            .set_citations(self.citations.map(Switch::into_aws).transpose()?)
            .build()?)
    }
}

impl ToolUse {
    fn into_aws(self) -> Result<ToolUseBlock, Problem> {
        Ok(ToolUseBlock::builder()
            .tool_use_id(self.tool_use_id)
            .name(self.name)
            .input(json::document(self.input))
            .set_type(self.r#type.as_deref().map(Into::into))
            .build()?)
    }
}

impl ToolResult {
    fn into_aws(self) -> Result<ToolResultBlock, Problem> {
        let content = self
            .content
            .into_iter()
            .map(ToolOutput::into_aws)
            .collect::<Result<_, _>>()?;
        Ok(ToolResultBlock::builder()
            .tool_use_id(self.tool_use_id)
            .set_content(Some(content))
            .set_status(self.status.as_deref().map(Into::into))
            .set_type(self.r#type)
            .build()?)
    }
}

impl ToolOutput {
    fn into_aws(self) -> Result<ToolResultContentBlock, Problem> {
        Ok(match self {
            Self::Text(text) => ToolResultContentBlock::Text(text),
            Self::Json(value) => ToolResultContentBlock::Json(json::document(value)),
            Self::Image(image) => {
                ToolResultContentBlock::Image(media::image_to_aws(plain(image)?)?)
            }
            Self::Document(document) => ToolResultContentBlock::Document(document.into_aws()?),
            Self::Video(video) => {
                ToolResultContentBlock::Video(media::video_to_aws(plain(video)?)?)
            }
            Self::SearchResult(result) => ToolResultContentBlock::SearchResult(result.into_aws()?),
        })
    }
}

impl CachePoint {
    fn into_aws(self) -> Result<CachePointBlock, Problem> {
        Ok(CachePointBlock::builder()
            .r#type(self.r#type.as_str().into())
            .set_ttl(self.ttl.as_deref().map(Into::into))
            .build()?)
    }
}

impl Guard {
    fn into_aws(self) -> Result<GuardrailConverseContentBlock, Problem> {
        Ok(match self {
            Self::Text(text) => {
                let qualifiers: Vec<_> = text
                    .qualifiers
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect();
                GuardrailConverseContentBlock::Text(
                    GuardrailConverseTextBlock::builder()
                        .text(text.text)
                        .set_qualifiers((!qualifiers.is_empty()).then_some(qualifiers))
                        .build()?,
                )
            }
            Self::Image(image) => {
                let image = plain(image)?;
                GuardrailConverseContentBlock::Image(
                    GuardrailConverseImageBlock::builder()
                        .format(image.format.as_str().into())
                        .source(GuardrailConverseImageSource::Bytes(Blob::new(image.bytes)))
                        .build()?,
                )
            }
        })
    }
}

impl SearchResult {
    fn into_aws(self) -> Result<SearchResultBlock, Problem> {
        let content = self
            .content
            .into_iter()
            .map(|part| SearchResultContentBlock::builder().text(part.text).build())
            .collect::<Result<_, _>>()?;
        Ok(SearchResultBlock::builder()
            .source(self.source)
            .title(self.title)
            .set_content(Some(content))
            .set_citations(self.citations.map(Switch::into_aws).transpose()?)
            .build()?)
    }
}

impl Citations {
    fn into_aws(self) -> CitationsContentBlock {
        let content = self
            .content
            .into_iter()
            .map(|part| CitationGeneratedContent::Text(part.text))
            .collect();
        let citations = self.citations.into_iter().map(Citation::into_aws).collect();
        CitationsContentBlock::builder()
            .set_content(Some(content))
            .set_citations(Some(citations))
            .build()
    }
}

impl Citation {
    fn into_aws(self) -> AwsCitation {
        let quotes: Vec<_> = self
            .source_content
            .into_iter()
            .map(|quote| CitationSourceContent::Text(quote.text))
            .collect();
        AwsCitation::builder()
            .set_title(self.title)
            .set_source(self.source)
            .set_source_content((!quotes.is_empty()).then_some(quotes))
            .set_location(self.location.map(Location::into_aws))
            .build()
    }
}

impl Location {
    fn into_aws(self) -> CitationLocation {
        match self {
            Self::Web(web) => CitationLocation::Web(
                WebLocation::builder()
                    .set_url(web.url)
                    .set_domain(web.domain)
                    .build(),
            ),
            Self::DocumentChar(span) => CitationLocation::DocumentChar(
                DocumentCharLocation::builder()
                    .set_document_index(span.document_index)
                    .set_start(span.start)
                    .set_end(span.end)
                    .build(),
            ),
            Self::DocumentPage(span) => CitationLocation::DocumentPage(
                DocumentPageLocation::builder()
                    .set_document_index(span.document_index)
                    .set_start(span.start)
                    .set_end(span.end)
                    .build(),
            ),
            Self::DocumentChunk(span) => CitationLocation::DocumentChunk(
                DocumentChunkLocation::builder()
                    .set_document_index(span.document_index)
                    .set_start(span.start)
                    .set_end(span.end)
                    .build(),
            ),
            Self::SearchResult(span) => CitationLocation::SearchResultLocation(
                SearchResultLocation::builder()
                    .set_search_result_index(span.search_result_index)
                    .set_start(span.start)
                    .set_end(span.end)
                    .build(),
            ),
        }
    }
}
