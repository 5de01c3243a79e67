//! Images, documents, video and audio: bytes with a format's name, both ways.
//!
//! Only bytes go out. Bedrock would also read an S3 object, but with this server's rights, which no agent was granted.

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    AudioBlock, AudioSource, CitationsConfig, DocumentBlock, DocumentSource, ImageBlock,
    ImageSource, VideoBlock, VideoSource,
};

use super::errors::Problem;
use crate::contract::model::{Document, Media};

pub(super) fn image_to_aws(image: Media) -> Result<ImageBlock, Problem> {
    let source = ImageSource::Bytes(Blob::new(image.bytes));
    Ok(ImageBlock::builder()
        .format(image.format.as_str().into())
        .source(source)
        .build()?)
}

pub(super) fn video_to_aws(video: Media) -> Result<VideoBlock, Problem> {
    let source = VideoSource::Bytes(Blob::new(video.bytes));
    Ok(VideoBlock::builder()
        .format(video.format.as_str().into())
        .source(source)
        .build()?)
}

pub(super) fn audio_to_aws(audio: Media) -> Result<AudioBlock, Problem> {
    let source = AudioSource::Bytes(Blob::new(audio.bytes));
    Ok(AudioBlock::builder()
        .format(audio.format.as_str().into())
        .source(source)
        .build()?)
}

pub(super) fn document_to_aws(document: Document) -> Result<DocumentBlock, Problem> {
    let citations = document
        .citations
        .then(|| CitationsConfig::builder().enabled(true).build())
        .transpose()?;
    Ok(DocumentBlock::builder()
        .name(document.name)
        .format(document.format.as_str().into())
        .source(DocumentSource::Bytes(Blob::new(document.bytes)))
        .set_context(document.context)
        .set_citations(citations)
        .build()?)
}

/// The image, or the block back when it is not plain bytes.
pub(super) fn image_from_aws(block: ImageBlock) -> Result<Media, ImageBlock> {
    match block {
        ImageBlock {
            format,
            source: Some(ImageSource::Bytes(bytes)),
            error: None,
            ..
        } => Ok(Media {
            format: format.as_str().to_owned(),
            bytes: bytes.into_inner(),
        }),
        other => Err(other),
    }
}

/// The video, or the block back when it is not plain bytes.
pub(super) fn video_from_aws(block: VideoBlock) -> Result<Media, VideoBlock> {
    match block {
        VideoBlock {
            format,
            source: Some(VideoSource::Bytes(bytes)),
            ..
        } => Ok(Media {
            format: format.as_str().to_owned(),
            bytes: bytes.into_inner(),
        }),
        other => Err(other),
    }
}

/// The audio, or the block back when it is not plain bytes.
pub(super) fn audio_from_aws(block: AudioBlock) -> Result<Media, AudioBlock> {
    match block {
        AudioBlock {
            format,
            source: Some(AudioSource::Bytes(bytes)),
            error: None,
            ..
        } => Ok(Media {
            format: format.as_str().to_owned(),
            bytes: bytes.into_inner(),
        }),
        other => Err(other),
    }
}

/// The document, or the block back when it is not plain bytes.
pub(super) fn document_from_aws(block: DocumentBlock) -> Result<Document, Box<DocumentBlock>> {
    match block {
        DocumentBlock {
            format,
            name,
            source: Some(DocumentSource::Bytes(bytes)),
            context,
            citations,
            ..
        } => Ok(Document {
            name,
            format: format.as_str().to_owned(),
            bytes: bytes.into_inner(),
            context,
            citations: citations.is_some_and(|citations| citations.enabled),
        }),
        other => Err(Box::new(other)),
    }
}
