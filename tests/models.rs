//! Model calls of agents, through the real AWS SDK to a stand-in for Bedrock.

use serde_json::json;

use crate::harness::{Host, PROBE, TUTORIAL, in_time};
use crate::stand_in::{Answer, Calls, StandIn};

#[tokio::test]
async fn a_turn_with_a_tool_is_two_model_calls_and_the_result_arrives() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::tool_use(
        "tooluse_1",
        "calculator",
        &json!({ "expression": "2*5" }),
    ));
    bedrock.push(Answer::text("It is 10, Maira.").usage(100, 7));
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");

    assert_eq!(
        session.prompt(1, "How much is 2X5?").await,
        "It is 10, Maira."
    );

    let calls = Calls {
        converse: 2,
        ..Calls::default()
    };
    assert_eq!(bedrock.calls(), calls);
    let [first, second] = &bedrock.requests()[..] else {
        panic!("two requests, as counted");
    };
    assert_eq!(first.model, "us.anthropic.claude-sonnet-4-20250514-v1:0");
    let asked = first.body["messages"][0]["content"][0]["text"].to_string();
    for part in ["Maira", "How much is 2X5?", &session.id] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    assert_eq!(
        second.body["messages"][2]["content"],
        json!([{ "toolResult": {
            "toolUseId": "tooluse_1", "content": [{ "text": "10" }],
        } }])
    );
    assert_eq!(
        session.inspect().await["models"],
        json!({ "calls": 2, "inputTokens": 110, "outputTokens": 12 })
    );
}

#[tokio::test]
async fn a_refused_model_call_fails_the_turn_and_leaves_the_conversation_as_it_was() {
    let bedrock = StandIn::start().await;
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");
    bedrock.push(Answer::text("Ten."));
    session.prompt(1, "How much is 2X5?").await;

    bedrock.push(Answer::error(
        403,
        "AccessDeniedException",
        "You don't have access to the model.",
    ));
    let refused = session
        .invoke(json!({ "user_id": 1, "prompt": "and that plus 34?" }))
        .await;
    refused.assert_refused(424, "RuntimeClientError", "the model call is not allowed");
    assert_eq!(bedrock.calls().total(), 2);

    bedrock.push(Answer::text("44."));
    assert_eq!(session.prompt(1, "and that plus 34?").await, "44.");
    // The first turn, its answer, and the repeated question: nothing of the failed turn.
    let last = &bedrock.requests()[2].body["messages"];
    assert_eq!(last.as_array().map(Vec::len), Some(3), "{last}");
}

#[tokio::test]
async fn a_throttled_model_call_is_tried_three_times_and_then_told_to_the_agent() {
    let bedrock = StandIn::start().await;
    for _ in 0..3 {
        bedrock.push(Answer::error(429, "ThrottlingException", "Too many tokens"));
    }
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");

    let refused = session
        .invoke(json!({ "do": "model", "prompt": "Hello" }))
        .await;
    refused.assert_refused(
        424,
        "RuntimeClientError",
        "Received error (500) from runtime: the model is throttled",
    );
    assert_eq!(bedrock.calls().converse, 3);
    assert_eq!(session.count().await, 2, "the session goes on");
}

#[tokio::test]
async fn a_model_stream_that_breaks_is_an_error_in_the_answers_stream() {
    let bedrock = StandIn::start().await;
    // messageStart and two words.
    bedrock.push(Answer::text("one two three four").break_after(3));
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;

    let session = agent.session("first");
    let reply = session
        .invoke(json!({ "do": "model-stream", "prompt": "Count" }))
        .await;
    assert_eq!(reply.status, 200);
    let frames: Vec<&str> = reply.text().split_terminator("\n\n").collect();
    assert_eq!(frames[..2], [r#"data: "one ""#, r#"data: "two ""#]);
    let error = frames[2].strip_prefix("data: ").expect("a frame");
    let error: serde_json::Value = serde_json::from_str(error).expect("the error is JSON");
    let told = error["error"].as_str().expect("it says why");
    assert!(told.contains("the model is unavailable"), "{told}");
    assert_eq!((frames.len(), bedrock.calls().total()), (3, 1));
    assert_eq!(session.count().await, 2, "the session goes on");
}

#[tokio::test]
async fn a_stream_that_the_agent_drops_is_cancelled_at_the_provider() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("one two three").hang_after(2));
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;

    let session = agent.session("first");
    session
        .ask(json!({ "do": "model-cancel", "prompt": "Count" }))
        .await;
    in_time("the cancelled call", bedrock.cut(1)).await;
}

#[tokio::test]
async fn every_kind_of_model_call_reaches_the_provider() {
    let bedrock = StandIn::start().await;
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");

    let answer = session
        .ask(json!({ "do": "model", "prompt": "Hello", "model": "amazon.nova-lite-v1:0" }))
        .await;
    assert_eq!(answer["text"], "You said: Hello");
    let tokens = session
        .ask(json!({ "do": "count-tokens", "prompt": "Hello" }))
        .await;
    assert!(tokens.as_u64() > Some(0), "{tokens}");
    let body = json!({ "inputText": "Hello" });
    let answer = session
        .ask(json!({ "do": "invoke-model", "model": "titan", "body": body }))
        .await;
    assert_eq!(answer, json!({ "echo": body }));
    let streamed = session
        .invoke(json!({ "do": "model-stream", "prompt": "Hello" }))
        .await;
    assert_eq!(
        streamed.text(),
        "data: \"You \"\n\ndata: \"said: \"\n\ndata: \"Hello\"\n\n"
    );

    let once = Calls {
        converse: 1,
        converse_stream: 1,
        invoke: 1,
        count_tokens: 1,
    };
    assert_eq!(bedrock.calls(), once);
    assert_eq!(bedrock.requests()[0].model, "amazon.nova-lite-v1:0");
}
