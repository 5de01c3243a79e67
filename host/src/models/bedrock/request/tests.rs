use aws_sdk_bedrockruntime::types::{CountTokensInput, ToolChoice as AwsToolChoice};

use super::parts;
use crate::contract::model::{
    Content, Error, Guardrail, Inference, Message, Request, Role, Tool, ToolChoice, ToolOutput,
    ToolResult,
};

fn request() -> Request {
    Request {
        model: "m".to_owned(),
        system: Vec::new(),
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text("Hello".to_owned())],
        }],
        inference: Inference {
            max_tokens: None,
            temperature: None,
            top_p: None,
            stop_sequences: Vec::new(),
        },
        tools: Vec::new(),
        tool_choice: None,
        guardrail: None,
        extra: None,
    }
}

fn tool(schema: &str) -> Tool {
    Tool {
        name: "t".to_owned(),
        description: None,
        input_schema: schema.to_owned(),
    }
}

fn refusal(request: Request) -> String {
    Error::from(parts(request).unwrap_err()).message
}

#[test]
fn what_is_not_asked_for_is_not_sent() {
    let parts = parts(request()).unwrap();
    assert!(parts.system.is_none() && parts.inference.is_none() && parts.tools.is_none());
    assert!(parts.guardrail.is_none() && parts.extra.is_none());
}

#[test]
fn a_request_keeps_its_parts() {
    let mut full = request();
    full.system = vec![Content::Text("Be brief.".to_owned())];
    full.inference.stop_sequences = vec!["END".to_owned()];
    full.tools = vec![tool("{}")];
    full.extra = Some(r#"{"k":1}"#.to_owned());
    full.guardrail = Some(Guardrail {
        id: "g".to_owned(),
        version: "1".to_owned(),
    });

    let mut parts = parts(full).unwrap();

    assert_eq!(parts.stream_guardrail().unwrap().guardrail_identifier, "g");
    let CountTokensInput::Converse(count) = parts.into_count() else {
        panic!("a conversation is counted as one")
    };
    assert_eq!(
        (
            count.system().len(),
            count.messages().len(),
            count.tool_config().unwrap().tools().len()
        ),
        (1, 1, 1)
    );
    assert!(count.additional_model_request_fields().is_some());
}

#[test]
fn a_guardrail_serves_both_ways_of_answering() {
    let guarded = || Request {
        guardrail: Some(Guardrail {
            id: "g".to_owned(),
            version: "7".to_owned(),
        }),
        ..request()
    };
    let whole = parts(guarded()).unwrap().guardrail().unwrap();
    let stream = parts(guarded()).unwrap().stream_guardrail().unwrap();
    assert_eq!(
        (whole.guardrail_identifier(), whole.guardrail_version()),
        ("g", "7")
    );
    assert_eq!(
        (stream.guardrail_identifier(), stream.guardrail_version()),
        ("g", "7")
    );
}

#[test]
fn every_tool_choice_has_its_counterpart() {
    let chosen = |choice| {
        let request = Request {
            tools: vec![tool("{}")],
            tool_choice: choice,
            ..request()
        };
        parts(request).unwrap().tools.unwrap().tool_choice
    };
    assert_eq!(chosen(None), None);
    assert!(matches!(
        chosen(Some(ToolChoice::Auto)),
        Some(AwsToolChoice::Auto(_))
    ));
    assert!(matches!(
        chosen(Some(ToolChoice::Any)),
        Some(AwsToolChoice::Any(_))
    ));
    let Some(AwsToolChoice::Tool(named)) = chosen(Some(ToolChoice::Tool("t".to_owned()))) else {
        panic!("no tool named")
    };
    assert_eq!(named.name(), "t");
}

#[test]
fn a_demand_for_a_tool_needs_tools() {
    assert!(
        parts(Request {
            tool_choice: Some(ToolChoice::Auto),
            ..request()
        })
        .is_ok()
    );
    assert!(
        refusal(Request {
            tool_choice: Some(ToolChoice::Any),
            ..request()
        })
        .starts_with("tool-choice:")
    );
    let named = refusal(Request {
        tool_choice: Some(ToolChoice::Tool("hammer".to_owned())),
        ..request()
    });
    assert!(named.contains("hammer"), "{named}");
}

#[test]
fn refusals_say_where_what_and_which_value() {
    let mut broken = request();
    broken.messages.push(Message {
        role: Role::Assistant,
        content: vec![],
    });
    let result = ToolResult {
        tool_use_id: "t".to_owned(),
        content: vec![ToolOutput::Json("{".to_owned())],
        is_error: false,
    };
    broken.messages.push(Message {
        role: Role::User,
        content: vec![Content::Text(String::new()), Content::ToolResult(result)],
    });
    let message = refusal(broken);
    assert!(
        message.starts_with("messages[2]: content[1]: content[0]: this is not JSON"),
        "{message}"
    );

    let message = refusal(Request {
        tools: vec![tool("{}"), tool("[]")],
        ..request()
    });
    assert!(message.starts_with("tools[1]: input-schema:"), "{message}");
    let message = refusal(Request {
        extra: Some("1".to_owned()),
        ..request()
    });
    assert!(message.starts_with("extra:"), "{message}");
    let message = refusal(Request {
        model: " ".to_owned(),
        ..request()
    });
    assert!(message.starts_with("model:"), "{message}");
    let mut greedy = request();
    greedy.inference.max_tokens = Some(u32::MAX);
    let message = refusal(greedy);
    assert!(message.contains("4294967295"), "{message}");
}
