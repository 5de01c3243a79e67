//! From the SDK's blocks to JSON for an agent.

use aws_sdk_bedrockruntime::types::{
    AudioBlock, AudioSource, Citation as AwsCitation, CitationGeneratedContent, CitationLocation,
    CitationSourceContent, CitationsConfig, CitationsContentBlock, CitationsDelta, ContentBlock,
    DocumentBlock, DocumentContentBlock, DocumentSource, ErrorBlock, GuardrailConverseContentBlock,
    GuardrailConverseImageSource, ImageBlock, ImageSource, S3Location as AwsS3Location,
    SearchResultBlock, ToolResultBlock, ToolResultContentBlock, ToolUseBlock, VideoBlock,
    VideoSource,
};

use super::{
    Base64, Block, CachePoint, Citation, Citations, Document, DocumentSpan, Failure, Guard,
    GuardText, Location, Media, S3Location, SearchResult, SearchResultSpan, Source, Switch, Text,
    ToolOutput, ToolResult, ToolUse, Web,
};
use crate::models::bedrock::json;

/// The provider sent something newer than this version's SDK, which keeps nothing of it but that it was there.
#[derive(Debug, PartialEq)]
pub(in crate::models::bedrock) struct Unknown;

impl TryFrom<ContentBlock> for Block {
    type Error = Unknown;

    fn try_from(block: ContentBlock) -> Result<Self, Unknown> {
        Ok(match block {
            ContentBlock::Text(text) => Self::Text(text),
            ContentBlock::Image(image) => Self::Image(of_image(image)?),
            ContentBlock::Document(document) => Self::Document(of_document(document)?),
            ContentBlock::Video(video) => Self::Video(of_video(video)?),
            ContentBlock::Audio(audio) => Self::Audio(of_audio(audio)?),
            ContentBlock::ToolUse(tool_use) => Self::ToolUse(of_tool_use(tool_use)),
            ContentBlock::ToolResult(result) => Self::ToolResult(of_tool_result(result)?),
            ContentBlock::CachePoint(point) => Self::CachePoint(CachePoint {
                r#type: point.r#type.as_str().to_owned(),
                ttl: point.ttl.map(|ttl| ttl.as_str().to_owned()),
            }),
            ContentBlock::GuardContent(guard) => Self::GuardContent(of_guard(guard)?),
            ContentBlock::CitationsContent(citations) => {
                Self::CitationsContent(of_citations(citations)?)
            }
            ContentBlock::SearchResult(result) => Self::SearchResult(of_search_result(result)),
            _ => return Err(Unknown),
        })
    }
}

fn of_image(block: ImageBlock) -> Result<Media, Unknown> {
    let source = match block.source {
        Some(ImageSource::Bytes(bytes)) => Some(Source::Bytes(Base64(bytes.into_inner()))),
        Some(ImageSource::S3Location(location)) => Some(of_s3(location)),
        Some(_) => return Err(Unknown),
        None => None,
    };
    Ok(Media {
        format: block.format.as_str().to_owned(),
        source,
        error: block.error.map(of_failure),
    })
}

fn of_video(block: VideoBlock) -> Result<Media, Unknown> {
    let source = match block.source {
        Some(VideoSource::Bytes(bytes)) => Some(Source::Bytes(Base64(bytes.into_inner()))),
        Some(VideoSource::S3Location(location)) => Some(of_s3(location)),
        Some(_) => return Err(Unknown),
        None => None,
    };
    Ok(Media {
        format: block.format.as_str().to_owned(),
        source,
        error: None,
    })
}

fn of_audio(block: AudioBlock) -> Result<Media, Unknown> {
    let source = match block.source {
        Some(AudioSource::Bytes(bytes)) => Some(Source::Bytes(Base64(bytes.into_inner()))),
        Some(AudioSource::S3Location(location)) => Some(of_s3(location)),
        Some(_) => return Err(Unknown),
        None => None,
    };
    Ok(Media {
        format: block.format.as_str().to_owned(),
        source,
        error: block.error.map(of_failure),
    })
}

fn of_document(block: DocumentBlock) -> Result<Document, Unknown> {
    let source = match block.source {
        Some(DocumentSource::Bytes(bytes)) => Some(Source::Bytes(Base64(bytes.into_inner()))),
        Some(DocumentSource::Text(text)) => Some(Source::Text(text)),
        Some(DocumentSource::Content(parts)) => Some(Source::Content(
            parts
                .into_iter()
                .map(|part| match part {
                    DocumentContentBlock::Text(text) => Ok(Text { text }),
                    _ => Err(Unknown),
                })
                .collect::<Result<_, _>>()?,
        )),
        Some(DocumentSource::S3Location(location)) => Some(of_s3(location)),
        Some(_) => return Err(Unknown),
        None => None,
    };
    Ok(Document {
        name: block.name,
        format: block.format.as_str().to_owned(),
        source,
        context: block.context,
        citations: block.citations.map(Switch::from),
    })
}

fn of_s3(location: AwsS3Location) -> Source {
    Source::S3Location(S3Location {
        uri: location.uri,
        bucket_owner: location.bucket_owner,
    })
}

fn of_failure(error: ErrorBlock) -> Failure {
    Failure {
        message: error.message,
    }
}

impl From<CitationsConfig> for Switch {
    fn from(citations: CitationsConfig) -> Self {
        Self {
            enabled: citations.enabled,
        }
    }
}

fn of_tool_use(block: ToolUseBlock) -> ToolUse {
    ToolUse {
        tool_use_id: block.tool_use_id,
        name: block.name,
        input: json::value(block.input),
        r#type: block.r#type.map(|kind| kind.as_str().to_owned()),
    }
}

fn of_tool_result(block: ToolResultBlock) -> Result<ToolResult, Unknown> {
    Ok(ToolResult {
        tool_use_id: block.tool_use_id,
        content: block
            .content
            .into_iter()
            .map(of_tool_output)
            .collect::<Result<_, _>>()?,
        status: block.status.map(|status| status.as_str().to_owned()),
        r#type: block.r#type,
    })
}

fn of_tool_output(output: ToolResultContentBlock) -> Result<ToolOutput, Unknown> {
    Ok(match output {
        ToolResultContentBlock::Text(text) => ToolOutput::Text(text),
        ToolResultContentBlock::Json(document) => ToolOutput::Json(json::value(document)),
        ToolResultContentBlock::Image(image) => ToolOutput::Image(of_image(image)?),
        ToolResultContentBlock::Document(document) => ToolOutput::Document(of_document(document)?),
        ToolResultContentBlock::Video(video) => ToolOutput::Video(of_video(video)?),
        ToolResultContentBlock::SearchResult(result) => {
            ToolOutput::SearchResult(of_search_result(result))
        }
        _ => return Err(Unknown),
    })
}

fn of_guard(guard: GuardrailConverseContentBlock) -> Result<Guard, Unknown> {
    Ok(match guard {
        GuardrailConverseContentBlock::Text(text) => Guard::Text(GuardText {
            text: text.text,
            qualifiers: text
                .qualifiers
                .unwrap_or_default()
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        }),
        GuardrailConverseContentBlock::Image(image) => {
            let source = match image.source {
                Some(GuardrailConverseImageSource::Bytes(bytes)) => {
                    Some(Source::Bytes(Base64(bytes.into_inner())))
                }
                Some(_) => return Err(Unknown),
                None => None,
            };
            Guard::Image(Media {
                format: image.format.as_str().to_owned(),
                source,
                error: None,
            })
        }
        _ => return Err(Unknown),
    })
}

fn of_search_result(block: SearchResultBlock) -> SearchResult {
    SearchResult {
        source: block.source,
        title: block.title,
        content: block
            .content
            .into_iter()
            .map(|part| Text { text: part.text })
            .collect(),
        citations: block.citations.map(Switch::from),
    }
}

fn of_citations(block: CitationsContentBlock) -> Result<Citations, Unknown> {
    let content = block
        .content
        .unwrap_or_default()
        .into_iter()
        .map(|part| match part {
            CitationGeneratedContent::Text(text) => Ok(Text { text }),
            _ => Err(Unknown),
        })
        .collect::<Result<_, _>>()?;
    let citations = block
        .citations
        .unwrap_or_default()
        .into_iter()
        .map(of_citation)
        .collect::<Result<_, _>>()?;
    Ok(Citations { content, citations })
}

fn of_citation(citation: AwsCitation) -> Result<Citation, Unknown> {
    let source_content = citation
        .source_content
        .unwrap_or_default()
        .into_iter()
        .map(|quote| match quote {
            CitationSourceContent::Text(text) => Ok(Text { text }),
            _ => Err(Unknown),
        })
        .collect::<Result<_, _>>()?;
    Ok(Citation {
        title: citation.title,
        source: citation.source,
        source_content,
        location: citation.location.map(of_location).transpose()?,
    })
}

/// A citation that came in a stream.
pub(in crate::models::bedrock) fn citation_of_delta(
    delta: CitationsDelta,
) -> Result<Citation, Unknown> {
    let quotes = delta.source_content.unwrap_or_default();
    Ok(Citation {
        title: delta.title,
        source: delta.source,
        source_content: quotes
            .into_iter()
            .map(|quote| Text {
                text: quote.text.unwrap_or_default(),
            })
            .collect(),
        location: delta.location.map(of_location).transpose()?,
    })
}

fn of_location(location: CitationLocation) -> Result<Location, Unknown> {
    Ok(match location {
        CitationLocation::Web(web) => Location::Web(Web {
            url: web.url,
            domain: web.domain,
        }),
        CitationLocation::DocumentChar(span) => Location::DocumentChar(DocumentSpan {
            document_index: span.document_index,
            start: span.start,
            end: span.end,
        }),
        CitationLocation::DocumentPage(span) => Location::DocumentPage(DocumentSpan {
            document_index: span.document_index,
            start: span.start,
            end: span.end,
        }),
        CitationLocation::DocumentChunk(span) => Location::DocumentChunk(DocumentSpan {
            document_index: span.document_index,
            start: span.start,
            end: span.end,
        }),
        CitationLocation::SearchResultLocation(span) => Location::SearchResult(SearchResultSpan {
            search_result_index: span.search_result_index,
            start: span.start,
            end: span.end,
        }),
        _ => return Err(Unknown),
    })
}
