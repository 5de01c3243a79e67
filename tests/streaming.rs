//! Answers that are sent while they are made.

use std::sync::Arc;

use reqwest::Response;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{Host, PROBE, Session, in_time};
use crate::stand_in::{Answer, StandIn};

/// A stream of the words `one two three` of which each needs permits: the first two for the first word.
fn paced() -> (Answer, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    (
        Answer::text("one two three").paced(Arc::clone(&permits)),
        permits,
    )
}

async fn open_stream(session: &Session) -> Response {
    let payload = json!({ "do": "model-stream", "prompt": "Count" });
    let request = session.invocation(payload.to_string());
    in_time("the head of the answer", request.send())
        .await
        .expect("the server answers")
}

async fn next_piece(response: &mut Response) -> Option<String> {
    let piece = in_time("a piece of the answer", response.chunk()).await;
    let piece = piece.expect("the answer does not break")?;
    Some(String::from_utf8(piece.into()).expect("text"))
}

#[tokio::test]
async fn pieces_reach_the_caller_while_the_next_ones_do_not_exist_yet() {
    let bedrock = StandIn::start().await;
    let (answer, permits) = paced();
    bedrock.push(answer);
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;

    permits.add_permits(2);
    let mut response = open_stream(&agent.session("first")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    // The stand-in has not released the second word: only a piece sent at once can be here.
    assert_eq!(
        next_piece(&mut response).await.as_deref(),
        Some("data: \"one \"\n\n")
    );
    permits.add_permits(1);
    assert_eq!(
        next_piece(&mut response).await.as_deref(),
        Some("data: \"two \"\n\n")
    );
    permits.add_permits(10);
    assert_eq!(
        next_piece(&mut response).await.as_deref(),
        Some("data: \"three\"\n\n")
    );
    assert_eq!(next_piece(&mut response).await, None);
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_the_session_as_if_it_had_listened() {
    let bedrock = StandIn::start().await;
    let (answer, permits) = paced();
    bedrock.push(answer);
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");

    permits.add_permits(2);
    let mut response = open_stream(&session).await;
    next_piece(&mut response).await;
    drop(response);
    permits.add_permits(10);

    assert_eq!(session.count().await, 2);
    let receipts = session.inspect().await["receipts"].take();
    assert_eq!(receipts[0]["outcome"], "answered", "{receipts}");
    assert_eq!(receipts[0]["models"]["outputTokens"], 5, "{receipts}");
}

#[tokio::test]
async fn an_agent_that_fails_in_the_middle_of_events_sends_one_more_event_and_ends_cleanly() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let reply = session
        .invoke(json!({ "do": "stream", "n": 2, "message": "enough" }))
        .await;

    assert_eq!(reply.status, 200);
    let frames: Vec<Value> = reply
        .text()
        .split_terminator("\n\n")
        .map(|frame| frame.strip_prefix("data: ").expect("a frame"))
        .map(|frame| serde_json::from_str(frame).expect("JSON"))
        .collect();
    assert_eq!(frames[..2], [json!(1), json!(2)]);
    assert_eq!(frames[2]["error"], "enough");
    assert_eq!(frames.len(), 3);
    assert_eq!(session.count().await, 2, "the session goes on");
}

#[tokio::test]
async fn an_answer_in_pieces_and_its_rest_are_one_body_of_the_agents_content_type() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let reply = agent
        .session("first")
        .invoke(json!({ "do": "raw", "chunks": ["a", "bc"], "rest": "d" }))
        .await;
    assert_eq!(
        (reply.status, reply.header("content-type"), reply.text()),
        (200, "text/plain", "abcd")
    );
}

#[tokio::test]
async fn a_session_that_is_stopped_breaks_its_stream_off_at_once() {
    let bedrock = StandIn::start().await;
    let (answer, permits) = paced();
    bedrock.push(answer);
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");

    permits.add_permits(2);
    let mut response = open_stream(&session).await;
    next_piece(&mut response).await;
    assert_eq!(session.stop().await.status, 200);

    let broken = in_time("the end of the stream", response.chunk()).await;
    assert!(
        broken.is_err(),
        "a broken answer must not look whole: {broken:?}"
    );
    // The model's answer is not waited for either.
    in_time("the cancelled call", bedrock.cut(1)).await;
    assert_eq!(session.count().await, 1, "the same id is a fresh world");
}

#[tokio::test]
async fn a_call_that_is_made_again_while_it_runs_joins_its_turn() {
    let bedrock = StandIn::start().await;
    let (answer, permits) = paced();
    bedrock.push(answer);
    let host = Host::builder().bedrock(&bedrock).start();
    let session = host.deploy("probe", PROBE).await.session("retried");
    let call = || {
        let payload = json!({ "do": "model-stream", "prompt": "Count" });
        let request = session.invocation(payload.to_string());
        request.header("amz-sdk-invocation-id", "one-call").send()
    };

    permits.add_permits(2);
    let mut first = in_time("the first attempt", call()).await.unwrap();
    let piece = next_piece(&mut first).await;
    // Its client waits no longer and tries again, as AWS SDKs do after a minute.
    drop(first);
    let mut second = in_time("the second attempt", call()).await.unwrap();
    assert_eq!(
        next_piece(&mut second).await,
        piece,
        "the stream comes again from its start"
    );
    permits.add_permits(10);
    while next_piece(&mut second).await.is_some() {}

    assert_eq!(bedrock.calls().converse_stream, 1, "no turn runs twice");
    assert_eq!(session.inspect().await["turns"], 1);
}
