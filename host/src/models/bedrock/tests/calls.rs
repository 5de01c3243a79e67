use serde_json::{Value, json};

use super::stand_in::{Answer, Calls, Operation, StandIn};
use super::{ask, bedrock};
use crate::contract::model::{
    Content, ErrorKind, Guardrail, Inference, Message, Role, StopReason, Tool, ToolChoice,
    ToolOutput, ToolResult, ToolUse, Usage,
};
use crate::models::Provider as _;

fn calculator() -> Tool {
    Tool {
        name: "calculator".to_owned(),
        description: Some("Calculates".to_owned()),
        input_schema: r#"{"type":"object","properties":{"expression":{"type":"string"}}}"#
            .to_owned(),
    }
}

#[tokio::test]
async fn a_whole_answer_comes_with_its_reason_its_bill_and_its_latency() {
    let stand_in = StandIn::start().await;
    stand_in.push(
        Answer::text("Good day.")
            .usage(12, 3)
            .cached(100, 20)
            .stop_reason("max_tokens")
            .extra(json!({ "b": 1, "a": [true] })),
    );

    let response = bedrock(&stand_in).converse(ask("Hello")).await.unwrap();

    assert_eq!(response.content, [Content::Text("Good day.".to_owned())]);
    assert_eq!(response.stop_reason, StopReason::MaxTokens);
    assert_eq!(
        response.usage,
        Usage {
            input_tokens: 12,
            output_tokens: 3,
            cache_read_tokens: 100,
            cache_write_tokens: 20
        }
    );
    assert_eq!(response.latency_ms, 7);
    assert_eq!(response.model, "amazon.nova-lite-v1:0");
    assert_eq!(response.extra.as_deref(), Some(r#"{"a":[true],"b":1}"#));
}

#[tokio::test]
async fn every_part_of_a_request_stands_on_the_wire() {
    let stand_in = StandIn::start().await;
    let mut request = ask("Hello");
    request.system = vec![Content::Text("Be brief.".to_owned()), Content::CachePoint];
    request.inference = Inference {
        max_tokens: Some(99),
        temperature: Some(0.5),
        top_p: Some(0.25),
        stop_sequences: vec!["END".to_owned()],
    };
    request.tools = vec![calculator()];
    request.tool_choice = Some(ToolChoice::Tool("calculator".to_owned()));
    request.guardrail = Some(Guardrail {
        id: "g1".to_owned(),
        version: "DRAFT".to_owned(),
    });
    request.extra = Some(r#"{"top_k": 5}"#.to_owned());

    bedrock(&stand_in).converse(request).await.unwrap();

    let requests = stand_in.requests();
    let body = &requests[0].body;
    assert_eq!(requests[0].operation, Operation::Converse);
    assert_eq!(
        body["system"],
        json!([{ "text": "Be brief." }, { "cachePoint": { "type": "default" } }])
    );
    assert_eq!(
        body["messages"],
        json!([{ "role": "user", "content": [{ "text": "Hello" }] }])
    );
    assert_eq!(
        body["inferenceConfig"],
        json!({ "maxTokens": 99, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"] })
    );
    assert_eq!(
        body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]["expression"]
            ["type"],
        "string"
    );
    assert_eq!(
        body["toolConfig"]["toolChoice"],
        json!({ "tool": { "name": "calculator" } })
    );
    assert_eq!(body["guardrailConfig"]["guardrailIdentifier"], "g1");
    assert_eq!(body["guardrailConfig"]["guardrailVersion"], "DRAFT");
    assert_eq!(body["additionalModelRequestFields"], json!({ "top_k": 5 }));
}

#[tokio::test]
async fn a_tool_is_used_and_its_result_goes_back() {
    let stand_in = StandIn::start().await;
    let bedrock = bedrock(&stand_in);
    let mut request = ask(r#"call calculator {"expression":"2*5"}"#);
    request.tools = vec![calculator()];

    let first = bedrock.converse(request.clone()).await.unwrap();
    let Content::ToolUse(tool_use) = &first.content[0] else {
        panic!("no tool use: {:?}", first.content)
    };
    assert_eq!(first.stop_reason, StopReason::ToolUse);
    assert_eq!(
        (tool_use.name.as_str(), tool_use.input.as_str()),
        ("calculator", r#"{"expression":"2*5"}"#)
    );

    let result = ToolResult {
        tool_use_id: tool_use.id.clone(),
        content: vec![ToolOutput::Text("10".to_owned())],
        is_error: false,
    };
    request.messages.push(Message {
        role: Role::Assistant,
        content: first.content.clone(),
    });
    request.messages.push(Message {
        role: Role::User,
        content: vec![Content::ToolResult(result)],
    });
    let second = bedrock.converse(request).await.unwrap();

    assert_eq!(
        second.content,
        [Content::Text("The tool said: 10".to_owned())]
    );
    assert_eq!(second.stop_reason, StopReason::EndTurn);
    let sent: Value = stand_in.requests()[1].body["messages"][1]["content"][0]["toolUse"].clone();
    assert_eq!(
        sent,
        json!({ "toolUseId": tool_use.id, "name": "calculator", "input": { "expression": "2*5" } })
    );
}

#[tokio::test]
async fn what_the_contract_has_no_case_for_arrives_as_json() {
    let citations = json!({ "citationsContent": {
        "content": [{ "text": "Cells." }],
        "citations": [{ "title": "Rule", "location": { "documentPage": { "documentIndex": 0, "start": 1, "end": 2 } } }],
    } });
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::content(vec![
        citations.clone(),
        json!({ "hologram": { "depth": 3 } }),
    ]));

    let response = bedrock(&stand_in)
        .converse(ask("What is a kellion?"))
        .await
        .unwrap();

    let Content::Other(text) = &response.content[0] else {
        panic!("no other block: {:?}", response.content)
    };
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), citations);
    assert_eq!(
        response.content[1],
        Content::Other(r#"{"SDK_UNKNOWN_MEMBER":{}}"#.to_owned())
    );
}

#[tokio::test]
async fn model_ids_reach_bedrock_whole_whatever_they_hold() {
    let stand_in = StandIn::start().await;
    let arn =
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0";
    let request = crate::contract::model::Request {
        model: arn.to_owned(),
        ..ask("Hello")
    };

    let response = bedrock(&stand_in).converse(request).await.unwrap();

    assert_eq!(stand_in.requests()[0].model, arn);
    assert_eq!(response.model, arn);
}

#[tokio::test]
async fn tokens_are_counted_without_an_answer() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text("").usage(321, 0));

    let tokens = bedrock(&stand_in).count_tokens(ask("Hello")).await.unwrap();

    assert_eq!(tokens, 321);
    let sent = &stand_in.requests()[0];
    assert_eq!(
        sent.body["input"]["converse"]["messages"][0]["content"][0]["text"],
        "Hello"
    );
    assert_eq!(
        stand_in.calls(),
        Calls {
            count_tokens: 1,
            ..Calls::default()
        }
    );
}

#[tokio::test]
async fn a_models_own_api_takes_and_gives_bytes() {
    let stand_in = StandIn::start().await;
    let body = br#"{"inputText":"Hello"}"#.to_vec();

    let answer = bedrock(&stand_in)
        .invoke_model("amazon.titan-embed-text-v2:0".to_owned(), body)
        .await
        .unwrap();

    assert_eq!(
        serde_json::from_slice::<Value>(&answer).unwrap(),
        json!({ "echo": { "inputText": "Hello" } })
    );
    assert_eq!(
        stand_in.calls(),
        Calls {
            invoke: 1,
            ..Calls::default()
        }
    );
    assert_eq!(
        stand_in.requests()[0].headers["content-type"],
        "application/json"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let stand_in = StandIn::start().await;
    let bedrock = bedrock(&stand_in);
    let mut broken = ask("Hello");
    let use_without_json = ToolUse {
        id: "t".to_owned(),
        name: "n".to_owned(),
        input: "{".to_owned(),
    };
    broken.messages.push(Message {
        role: Role::Assistant,
        content: vec![Content::ToolUse(use_without_json)],
    });

    let error = bedrock.converse(broken).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(
        error
            .message
            .starts_with("messages[1]: content[0]: input: this is not JSON"),
        "{}",
        error.message
    );

    let error = bedrock
        .invoke_model(String::new(), Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(stand_in.calls().total(), 0);
}

#[tokio::test]
async fn clones_share_one_client_and_answer_at_the_same_time() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text("never").hold());
    let bedrock = bedrock(&stand_in);
    let held = tokio::spawn({
        let bedrock = bedrock.clone();
        async move { bedrock.converse(ask("first")).await }
    });
    stand_in.arrived(1).await;

    let second = bedrock.converse(ask("second")).await.unwrap();

    assert_eq!(
        second.content,
        [Content::Text("You said: second".to_owned())]
    );
    held.abort();
    stand_in.cut(1).await;
}
