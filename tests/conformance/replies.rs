//! What comes out.

use serde_json::{Value, json};

use super::Stage;
use crate::harness::Reply;

/// The events of a stream.
fn events(reply: &Reply) -> Vec<Value> {
    let frames = reply.text().split_terminator("\n\n");
    let data = frames.map(|frame| frame.strip_prefix("data: ").expect("a frame"));
    data.map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

fn is_event_stream(reply: &Reply) {
    assert_eq!(reply.status, 200, "{reply:?}");
    let content_type = reply.header("content-type");
    assert!(
        content_type.starts_with("text/event-stream"),
        "{content_type}"
    );
}

pub(super) async fn stream(stage: &Stage) {
    let session = stage.session("stream");
    let whole = session.invoke(json!({ "do": "stream", "n": 5 })).await;
    is_event_stream(&whole);
    assert_eq!(events(&whole), [1, 2, 3, 4, 5].map(Value::from));

    let cut = session
        .invoke(json!({ "do": "stream", "n": 2, "message": "enough" }))
        .await;
    is_event_stream(&cut);
    let told = events(&cut);
    assert_eq!(told[..2], [json!(1), json!(2)]);
    assert_eq!(told[2]["error"], "enough", "{told:?}");
    assert_eq!(told.len(), 3, "{told:?}");

    let empty = session.invoke(json!({ "do": "stream", "n": 0 })).await;
    is_event_stream(&empty);
    assert_eq!(events(&empty), [] as [Value; 0]);

    let early = session
        .invoke(json!({ "do": "stream", "n": 0, "message": "at once" }))
        .await;
    match early.status {
        // Whoever has begun to stream has said 200 already.
        200 => assert_eq!(events(&early)[0]["error"], "at once", "{early:?}"),
        _ => early.assert_refused(424, "RuntimeClientError", "at once"),
    }
    assert_eq!(session.count().await, 5);
}

pub(super) async fn have_any_content_type(stage: &Stage) {
    let session = stage.session("raw");
    let raw = json!({ "do": "raw", "chunks": ["a", "bc"], "rest": "d" });
    let reply = session.invoke(raw).await;
    assert_eq!(
        (reply.status, reply.header("content-type"), reply.text()),
        (200, "text/plain", "abcd")
    );
}

pub(super) async fn of_models(stage: &Stage) {
    let session = stage.session("models");
    let answer = session
        .ask(json!({ "do": "model", "prompt": "Who am I?" }))
        .await;
    assert_eq!(answer["text"], "Hello! You have not told me your name.");
    assert!(
        answer["usage"]["input_tokens"].as_u64() > Some(0),
        "{answer}"
    );
    assert!(
        answer["usage"]["output_tokens"].as_u64() > Some(0),
        "{answer}"
    );

    let stream = json!({ "do": "model-stream", "prompt": "Who am I?" });
    let reply = session.invoke(stream).await;
    is_event_stream(&reply);
    let pieces = events(&reply);
    let text: String = pieces
        .iter()
        .map(|piece| piece.as_str().expect("text"))
        .collect();
    assert_eq!(text, "Hello! You have not told me your name.");
    assert!(pieces.len() > 3, "{pieces:?}");

    let held = session
        .invoke(json!({ "do": "model-hold", "prompt": "Who am I?" }))
        .await;
    assert_eq!(held.status, 200, "{held:?}");
    assert_eq!(session.count().await, 4);
}

pub(super) async fn of_agents_with_tools(stage: &Stage) {
    let session = stage.session("agents");
    let ask = |prompt: &str| json!({ "do": "agent", "prompt": prompt });
    let first = session.ask(ask("How much is 2X5?")).await;
    assert!(
        first.as_str().is_some_and(|text| text.contains("is 10")),
        "{first}"
    );
    let second = session.ask(ask("and that plus 34?")).await;
    assert!(
        second.as_str().is_some_and(|text| text.contains("44")),
        "{second}"
    );
    let other = stage.session("others").ask(ask("and that plus 34?")).await;
    assert!(
        other
            .as_str()
            .is_some_and(|text| text.contains("no earlier result")),
        "{other}"
    );
}

pub(super) async fn are_logged(stage: &Stage) {
    let session = stage.session("prints");
    let message = "seen: é😀";
    let reply = session
        .invoke(json!({ "do": "print", "message": message }))
        .await;
    assert_eq!(reply.json_of(200), message);
    let log = session.log(reply.header("x-amzn-requestid")).await;
    let seen = log.iter().filter(|line| line.contains(message)).count();
    assert!(seen >= 6, "stdout, stderr and four levels: {log:?}");
}
