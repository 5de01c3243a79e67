use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ErrorBlock, ImageBlock, ImageFormat, ImageSource, S3Location, ToolUseBlock,
};
use aws_smithy_types::Document as Tree;
use serde_json::{Value, json};

use super::{from_aws, system_to_aws, to_aws};
use crate::contract::model::{
    Content, Document, Media, Reasoning, ToolOutput, ToolResult, ToolUse,
};

fn media(format: &str) -> Media {
    Media {
        format: format.to_owned(),
        bytes: vec![0, 1, 254, 255],
    }
}

fn document(context: Option<&str>, citations: bool) -> Document {
    Document {
        name: "Rule of the house".to_owned(),
        format: "pdf".to_owned(),
        bytes: vec![37, 80, 68, 70],
        context: context.map(str::to_owned),
        citations,
    }
}

fn tool_result(content: Vec<ToolOutput>, is_error: bool) -> Content {
    Content::ToolResult(ToolResult {
        tool_use_id: "t1".to_owned(),
        content,
        is_error,
    })
}

#[test]
fn every_case_comes_back_as_it_went() {
    let all_outputs = vec![
        ToolOutput::Text("10".to_owned()),
        ToolOutput::Json(r#"{"result":10}"#.to_owned()),
        ToolOutput::Image(media("png")),
        ToolOutput::Document(document(None, false)),
        ToolOutput::Video(media("mp4")),
    ];
    let cases = [
        Content::Text("Good day.".to_owned()),
        Content::Image(media("jpeg")),
        Content::Document(document(None, false)),
        Content::Document(document(Some("Read chapter two."), true)),
        Content::Video(media("three_gp")),
        Content::Audio(media("wav")),
        Content::ToolUse(ToolUse {
            id: "t1".to_owned(),
            name: "calculator".to_owned(),
            input: r#"{"expression":"2*5"}"#.to_owned(),
        }),
        tool_result(all_outputs, false),
        tool_result(Vec::new(), false),
        tool_result(vec![ToolOutput::Text("no such city".to_owned())], true),
        Content::Reasoning(Reasoning {
            text: "Let me see".to_owned(),
            signature: Some("c2ln".to_owned()),
        }),
        Content::Reasoning(Reasoning {
            text: "Let me see".to_owned(),
            signature: None,
        }),
        Content::RedactedReasoning(vec![1, 2, 3]),
        Content::CachePoint,
    ];
    for case in cases {
        assert_eq!(from_aws(to_aws(case.clone()).unwrap()), case);
    }
}

#[test]
fn a_format_that_this_version_does_not_know_is_left_to_bedrock_to_judge() {
    let image = Content::Image(media("avif"));
    assert_eq!(from_aws(to_aws(image.clone()).unwrap()), image);
}

#[test]
fn a_tool_that_ran_at_the_provider_is_no_tool_use_of_the_agents() {
    let block = ToolUseBlock::builder()
        .tool_use_id("s1")
        .name("nova_grounding")
        .input(Tree::Object(Default::default()));
    let block = ContentBlock::ToolUse(block.r#type("server_tool_use".into()).build().unwrap());

    let content = from_aws(block.clone());

    let Content::Other(text) = &content else {
        panic!("an agent would run it: {content:?}")
    };
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap(),
        json!({ "toolUse": { "toolUseId": "s1", "name": "nova_grounding", "input": {}, "type": "server_tool_use" } })
    );
    assert_eq!(to_aws(content).unwrap(), block);
}

#[test]
fn media_that_is_not_plain_bytes_arrives_as_json_and_an_s3_object_is_never_sent() {
    let image = |source, error: Option<&str>| {
        let error = error.map(|message| ErrorBlock::builder().message(message).build());
        ContentBlock::Image(
            ImageBlock::builder()
                .format(ImageFormat::Png)
                .set_source(source)
                .set_error(error)
                .build()
                .unwrap(),
        )
    };
    let failed = from_aws(image(None, Some("blurred")));
    assert_eq!(
        failed,
        Content::Other(r#"{"image":{"format":"png","error":{"message":"blurred"}}}"#.to_owned())
    );

    let location = S3Location::builder()
        .uri("s3://bucket/key")
        .build()
        .unwrap();
    let stored = from_aws(image(Some(ImageSource::S3Location(location)), None));
    assert_eq!(
        stored,
        Content::Other(
            r#"{"image":{"format":"png","source":{"s3Location":{"uri":"s3://bucket/key"}}}}"#
                .to_owned()
        )
    );

    let problem = format!("{:?}", to_aws(stored).unwrap_err());
    assert!(
        problem.contains("s3://bucket/key") && problem.contains("send its bytes"),
        "{problem}"
    );
    let plain = from_aws(image(Some(ImageSource::Bytes(Blob::new([1]))), None));
    assert_eq!(
        plain,
        Content::Image(Media {
            format: "png".to_owned(),
            bytes: vec![1]
        })
    );
}

#[test]
fn a_block_that_the_sdk_could_not_read_cannot_be_sent_back() {
    let unread = Content::Other(r#"{"SDK_UNKNOWN_MEMBER":{}}"#.to_owned());
    let problem = format!("{:?}", to_aws(unread).unwrap_err());
    assert!(problem.contains("SDK_UNKNOWN_MEMBER"), "{problem}");
}

#[test]
fn a_system_prompt_takes_text_cache_points_and_guarded_content_only() {
    assert!(system_to_aws(Content::Text("Be brief.".to_owned())).is_ok());
    assert!(system_to_aws(Content::CachePoint).is_ok());
    assert!(
        system_to_aws(Content::Other(
            r#"{"cachePoint":{"type":"default","ttl":"1h"}}"#.to_owned()
        ))
        .is_ok()
    );
    assert!(
        system_to_aws(Content::Other(
            r#"{"guardContent":{"text":{"text":"mind this"}}}"#.to_owned()
        ))
        .is_ok()
    );
    let problem = format!(
        "{:?}",
        system_to_aws(Content::Image(media("png"))).unwrap_err()
    );
    assert!(problem.contains("image"), "{problem}");
}
