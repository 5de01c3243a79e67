use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    CitationLocation, CitationSourceContentDelta, CitationsDelta, ContentBlockDelta,
    ContentBlockDeltaEvent, ContentBlockStart, ContentBlockStartEvent, ContentBlockStopEvent,
    ConverseStreamMetadataEvent, ConverseStreamOutput, ErrorBlock, ImageBlockDelta,
    ImageBlockStart, ImageFormat, ImageSource, MessageStopEvent, ReasoningContentBlockDelta,
    StopReason as AwsStopReason, ToolResultBlockDelta, ToolResultBlockStart, ToolUseBlockDelta,
    ToolUseBlockStart, WebLocation,
};
use serde_json::{Value, json};

use super::Assembly;
use crate::contract::model::{
    BlockStart, Content, Delta, ErrorKind, Event, Media, Reasoning, Response, ToolUse, ToolUseStart,
};

fn start(index: i32, start: ContentBlockStart) -> ConverseStreamOutput {
    let event = ContentBlockStartEvent::builder()
        .content_block_index(index)
        .start(start);
    ConverseStreamOutput::ContentBlockStart(event.build().unwrap())
}

fn delta(index: i32, delta: ContentBlockDelta) -> ConverseStreamOutput {
    let event = ContentBlockDeltaEvent::builder()
        .content_block_index(index)
        .delta(delta);
    ConverseStreamOutput::ContentBlockDelta(event.build().unwrap())
}

fn text(index: i32, piece: &str) -> ConverseStreamOutput {
    delta(index, ContentBlockDelta::Text(piece.to_owned()))
}

fn stop(index: i32) -> ConverseStreamOutput {
    ConverseStreamOutput::ContentBlockStop(
        ContentBlockStopEvent::builder()
            .content_block_index(index)
            .build()
            .unwrap(),
    )
}

/// All events and the whole answer of a stream that ends properly after these pieces.
fn assembled(pieces: Vec<ConverseStreamOutput>) -> (Vec<Event>, Response) {
    let mut assembly = Assembly::default();
    for piece in pieces {
        assembly.take(piece);
    }
    let end = MessageStopEvent::builder()
        .stop_reason(AwsStopReason::EndTurn)
        .build()
        .unwrap();
    assembly.take(ConverseStreamOutput::MessageStop(end));
    assembly.take(ConverseStreamOutput::Metadata(
        ConverseStreamMetadataEvent::builder().build(),
    ));
    assert!(assembly.is_whole());
    let events = std::iter::from_fn(|| assembly.next()).collect();
    (events, assembly.finish("m".to_owned()).unwrap())
}

fn text_event(piece: &str) -> Event {
    Event::Delta(Delta::Text(piece.to_owned()))
}

fn other(content: &Content) -> Value {
    let Content::Other(text) = content else {
        panic!("not an other block: {content:?}")
    };
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_block_without_a_stop_is_closed_by_the_next_and_by_the_end() {
    let (events, response) = assembled(vec![text(0, "a"), text(1, "b")]);
    let start = Event::BlockStart(BlockStart::Text);
    assert_eq!(
        events,
        [
            start.clone(),
            text_event("a"),
            Event::BlockStop,
            start,
            text_event("b"),
            Event::BlockStop
        ]
    );
    assert_eq!(
        response.content,
        [Content::Text("a".to_owned()), Content::Text("b".to_owned())]
    );
}

#[test]
fn an_empty_text_makes_no_block() {
    let (events, response) = assembled(vec![text(0, ""), stop(0)]);
    assert!(events.is_empty() && response.content.is_empty());
}

#[test]
fn a_signature_that_comes_alone_is_still_a_reasoning_block() {
    let signature = ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::Signature(
        "c2ln".to_owned(),
    ));
    let (events, response) = assembled(vec![delta(0, signature), stop(0)]);
    assert_eq!(
        events,
        [
            Event::BlockStart(BlockStart::Reasoning),
            Event::Delta(Delta::ReasoningSignature("c2ln".to_owned())),
            Event::BlockStop
        ]
    );
    let reasoning = Reasoning {
        text: String::new(),
        signature: Some("c2ln".to_owned()),
    };
    assert_eq!(response.content, [Content::Reasoning(reasoning)]);
}

#[test]
fn a_tool_without_input_gets_an_empty_object() {
    let tool = ToolUseBlockStart::builder()
        .tool_use_id("t1")
        .name("get_time")
        .build()
        .unwrap();
    let (events, response) = assembled(vec![start(0, ContentBlockStart::ToolUse(tool)), stop(0)]);
    let opened = BlockStart::ToolUse(ToolUseStart {
        id: "t1".to_owned(),
        name: "get_time".to_owned(),
    });
    assert_eq!(events, [Event::BlockStart(opened), Event::BlockStop]);
    let tool_use = ToolUse {
        id: "t1".to_owned(),
        name: "get_time".to_owned(),
        input: "{}".to_owned(),
    };
    assert_eq!(response.content, [Content::ToolUse(tool_use)]);
}

#[test]
fn a_tool_at_the_provider_and_its_result_stay_other_blocks() {
    let tool = ToolUseBlockStart::builder()
        .tool_use_id("s1")
        .name("search")
        .r#type("server_tool_use".into())
        .build()
        .unwrap();
    let result = ToolResultBlockStart::builder()
        .tool_use_id("s1")
        .r#type("search_result")
        .build()
        .unwrap();
    let input = |piece: &str| {
        delta(
            0,
            ContentBlockDelta::ToolUse(ToolUseBlockDelta::builder().input(piece).build().unwrap()),
        )
    };
    let (events, response) = assembled(vec![
        start(0, ContentBlockStart::ToolUse(tool)),
        input(r#"{"q":"#),
        input(r#""cells"}"#),
        stop(0),
        start(1, ContentBlockStart::ToolResult(result)),
        delta(
            1,
            ContentBlockDelta::ToolResult(vec![ToolResultBlockDelta::Text("found".to_owned())]),
        ),
        stop(1),
    ]);
    assert!(
        matches!(&events[0], Event::BlockStart(BlockStart::Other(text)) if text.contains("server_tool_use")),
        "{events:?}"
    );
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Delta(Delta::ToolInput(_)))),
        "an agent would run it"
    );
    assert_eq!(
        other(&response.content[0]),
        json!({ "toolUse": { "toolUseId": "s1", "name": "search", "type": "server_tool_use", "input": { "q": "cells" } } })
    );
    assert_eq!(
        other(&response.content[1]),
        json!({ "toolResult": { "toolUseId": "s1", "type": "search_result", "content": [{ "text": "found" }] } })
    );
}

#[test]
fn cited_text_becomes_the_block_that_an_unstreamed_answer_would_hold() {
    let citation = CitationsDelta::builder()
        .title("Rule")
        .source_content(CitationSourceContentDelta::builder().text("quote").build())
        .location(CitationLocation::Web(
            WebLocation::builder().url("u").build(),
        ))
        .build();
    let (events, response) = assembled(vec![
        text(0, "said"),
        delta(0, ContentBlockDelta::Citation(citation)),
        stop(0),
    ]);
    assert_eq!(
        events[..2],
        [Event::BlockStart(BlockStart::Text), text_event("said")]
    );
    assert!(
        matches!(&events[2], Event::Delta(Delta::Other(text)) if text.starts_with(r#"{"citation":"#)),
        "{events:?}"
    );
    let expected = json!({ "title": "Rule", "sourceContent": [{ "text": "quote" }], "location": { "web": { "url": "u" } } });
    assert_eq!(
        other(&response.content[0]),
        json!({ "citationsContent": { "content": [{ "text": "said" }], "citations": [expected] } })
    );
}

#[test]
fn an_image_is_put_together_or_says_why_it_failed() {
    let opened = || {
        start(
            0,
            ContentBlockStart::Image(
                ImageBlockStart::builder()
                    .format(ImageFormat::Png)
                    .build()
                    .unwrap(),
            ),
        )
    };
    let part = |bytes: &[u8]| {
        let source = ImageSource::Bytes(Blob::new(bytes));
        delta(
            0,
            ContentBlockDelta::Image(ImageBlockDelta::builder().source(source).build()),
        )
    };
    let (events, response) = assembled(vec![opened(), part(&[1, 2]), part(&[3]), stop(0)]);
    assert_eq!(
        events[1],
        Event::Delta(Delta::Other(
            r#"{"image":{"source":{"bytes":"AQI="}}}"#.to_owned()
        ))
    );
    assert_eq!(
        response.content,
        [Content::Image(Media {
            format: "png".to_owned(),
            bytes: vec![1, 2, 3]
        })]
    );

    let error = ErrorBlock::builder().message("blurred").build();
    let failed = delta(
        0,
        ContentBlockDelta::Image(ImageBlockDelta::builder().error(error).build()),
    );
    let (_, response) = assembled(vec![opened(), failed, stop(0)]);
    assert_eq!(
        other(&response.content[0]),
        json!({ "image": { "format": "png", "error": { "message": "blurred" } } })
    );
}

#[test]
fn pieces_that_fit_no_open_block_are_no_panic() {
    let input =
        ContentBlockDelta::ToolUse(ToolUseBlockDelta::builder().input("{}").build().unwrap());
    let image = ContentBlockDelta::Image(ImageBlockDelta::builder().build());
    let result = ContentBlockDelta::ToolResult(Vec::new());
    let (events, response) = assembled(vec![
        stop(7),
        delta(0, input),
        delta(1, image),
        delta(2, result),
        stop(0),
        stop(0),
    ]);
    assert_eq!(
        events.first(),
        Some(&Event::BlockStart(BlockStart::Other(
            r#"{"SDK_UNKNOWN_MEMBER":{}}"#.to_owned()
        )))
    );
    assert_eq!(events.last(), Some(&Event::BlockStop));
    assert_eq!(response.content.len(), 1);
}

#[test]
fn an_answer_is_whole_only_with_its_reason_and_its_bill() {
    let mut assembly = Assembly::default();
    assembly.take(text(0, "a"));
    assert!(!assembly.is_whole());
    assembly.take(ConverseStreamOutput::Metadata(
        ConverseStreamMetadataEvent::builder().build(),
    ));
    assert!(!assembly.is_whole());
    assert_eq!(
        assembly.finish("m".to_owned()).unwrap_err().kind,
        ErrorKind::Unavailable
    );
}
