//! What providers answer, or do not.

use std::time::Duration;

use serde_json::json;

use super::{IMPATIENT, Stage, goes_on, stream_fails, streamed, used};
use crate::grants::{MODEL, fails, question};
use crate::harness::{Host, Reply, eventually, in_time};
use crate::secrets::{files, holds};
use crate::stand_in::Answer;

#[tokio::test]
async fn m4_a_provider_that_refuses_is_asked_three_times_whatever_it_says_of_later() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    let refusals = [
        Answer::error(429, "ThrottlingException", "no").header("retry-after", "0"),
        Answer::error(429, "ThrottlingException", "no").header("retry-after", "1000000000"),
        Answer::error(429, "ThrottlingException", "no").header("retry-after", "soon"),
        Answer::error(500, "InternalServerException", "no"),
        Answer::error(503, "ServiceUnavailableException", "no"),
    ];
    for (number, refusal) in (1..).zip(refusals) {
        for _ in 0..3 {
            stage.bedrock.push(refusal.clone());
        }
        fails(&session, question(MODEL), "the model is ").await;
        assert_eq!(stage.bedrock.calls().total(), 3 * number);
    }
    let calls = json!({ "calls": 5, "inputTokens": 0, "outputTokens": 0 });
    assert_eq!(used(&session).await, calls);
    goes_on(&session).await;
    stage.survived().await;
}

#[tokio::test]
async fn m4_many_agents_of_a_provider_that_fails_make_no_storm() {
    let stage = Stage::start("").await;
    let agent = stage.host.deploy("probe", crate::harness::PROBE).await;
    for _ in 0..200 {
        stage
            .bedrock
            .push(Answer::error(500, "InternalServerException", "no"));
    }
    let asking = (0..20).map(|number| {
        let session = agent.session(&format!("s{number}"));
        async move { fails(&session, question(MODEL), "the model is unavailable").await }
    });
    futures::future::join_all(asking).await;
    let calls = stage.bedrock.calls().total();
    assert!((20..=60).contains(&calls), "{calls} calls");
    stage.survived().await;
}

/// A provider that says in milliseconds when to come again is waited for, but not longer than the turn may take.
#[tokio::test]
async fn m4_a_pause_that_is_asked_for_ends_with_the_turn() {
    let stage = Stage::start("").await;
    let session = stage.session("turn_seconds = 1").await;
    stage.bedrock.push(
        Answer::error(429, "ThrottlingException", "no").header("x-amz-retry-after", "1000000000"),
    );
    let reply = session.invoke(question(MODEL)).await;
    assert!(
        reply.text().contains("the turn took longer than 1 s"),
        "{reply:?}"
    );
    assert_eq!(stage.bedrock.calls().total(), 1);
    stage.survived().await;
}

#[tokio::test]
async fn m5_a_provider_that_falls_silent_is_given_up_and_the_agent_told() {
    let stage = Stage::start(IMPATIENT).await;
    let session = stage.session("output_tokens_per_session = 100").await;
    let slow = Duration::from_millis(200);
    let whole = [
        Answer::text("never").hold(),
        Answer::text("never").hang_after(0),
        Answer::text("never").trickles(slow),
    ];
    let mut cut = 0;
    for answer in whole {
        stage.bedrock.push(answer);
        fails(&session, question(MODEL), "the model took too long").await;
        cut += 1;
        in_time("the call to be cut", stage.bedrock.cut(cut)).await;
    }
    let pieces = [
        Answer::text("never").hold(),
        Answer::text("never").hang_after(0),
        Answer::text("never").hang_after(3),
        Answer::text("never").trickles(slow),
    ];
    for answer in pieces {
        stage.bedrock.push(answer);
        stream_fails(&session, "the model took too long").await;
        cut += 1;
        in_time("the call to be cut", stage.bedrock.cut(cut)).await;
    }
    // Nobody said that they cost anything, and nothing stays set aside.
    let spent = used(&session).await;
    assert_eq!(
        spent,
        json!({ "calls": 7, "inputTokens": 0, "outputTokens": 0 })
    );
    assert_eq!(
        session.ask(json!({ "do": "remaining" })).await["tokens"],
        100
    );
    goes_on(&session).await;
    stage.survived().await;
}

const MIB: usize = 1 << 20;

#[tokio::test]
async fn m7_an_answer_of_two_gigabytes_is_cut_off_and_not_held() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    let text = r#"{"output":{"message":{"role":"assistant","content":[{"text":""#;
    let piece = "x".repeat(MIB);
    // The second one is a text of 100 MB.
    for (cut, mebibytes) in [(1, 2_048), (2, 100)] {
        stage
            .bedrock
            .push(Answer::repeated(text, &piece, mebibytes));
        let part = "larger than this server accepts";
        fails(&session, question(MODEL), part).await;
        in_time("the call to be cut", stage.bedrock.cut(cut)).await;
    }
    goes_on(&session).await;
    stage.survived().await;
}

#[tokio::test]
async fn m7_a_million_tiny_events_are_cut_off() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    let event = json!({ "contentBlockIndex": 0, "delta": { "text": "x" } });
    let answer = Answer::repeated_event("contentBlockDelta", &event, 1_000_000);
    stage.bedrock.push(answer);
    let reply = session.invoke(streamed()).await;
    let end = reply.text().len().saturating_sub(300);
    let end = &reply.text()[end..];
    assert!(end.contains("error"), "{end}");
    in_time("the call to be cut", stage.bedrock.cut(1)).await;
    goes_on(&session).await;
    stage.survived().await;
}

/// An answer that the server takes and the guest has no room for.
#[tokio::test]
async fn m7_an_answer_that_is_too_large_for_the_guest_ends_its_turn_alone() {
    let stage = Stage::start("").await;
    let session = stage.session("memory_mib = 16").await;
    stage.bedrock.push(Answer::text(&"x".repeat(30 * MIB)));
    let reply = session.invoke(question(MODEL)).await;
    reply.assert_refused(424, "RuntimeClientError", "");
    goes_on(&session).await;
    stage.survived().await;
}

#[tokio::test]
async fn m7_json_a_hundred_thousand_deep_is_an_error() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    let deep = "[".repeat(100_000);
    let input = r#"{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"b","input":"#;
    for body in [format!("{input}{deep}"), deep.clone()] {
        stage
            .bedrock
            .push(Answer::raw(200, "application/json", body));
        fails(&session, question(MODEL), "the model is unavailable").await;
    }
    let own_api = json!({ "do": "invoke-model", "model": MODEL, "body": {} });
    stage
        .bedrock
        .push(Answer::raw(200, "application/json", deep.clone()));
    session.invoke(own_api).await;
    // In a stream, where it comes in pieces.
    let start = json!({ "contentBlockIndex": 0, "start": { "toolUse": { "toolUseId": "a", "name": "b" } } });
    let piece = json!({ "contentBlockIndex": 0, "delta": { "toolUse": { "input": deep } } });
    stage.bedrock.push(Answer::events(vec![
        ("messageStart", json!({ "role": "assistant" })),
        ("contentBlockStart", start),
        ("contentBlockDelta", piece),
        ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
        ("messageStop", json!({ "stopReason": "tool_use" })),
        (
            "metadata",
            json!({ "usage": { "inputTokens": 1, "outputTokens": 1, "totalTokens": 2 }, "metrics": { "latencyMs": 1 } }),
        ),
    ]));
    session.invoke(streamed()).await;
    goes_on(&session).await;
    stage.survived().await;
}

/// The server's own secrets, as long as real ones.
const KEY: &str = "AKIAIOSFODNN7CANARY1";
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYSECRET";

#[tokio::test]
async fn m9_what_a_provider_repeats_of_a_request_reaches_nobody() {
    let token = "CANARYTOKEN0123456789abcdef+/".repeat(10);
    let builder = Host::builder()
        .environment("KELLION_LOG", "debug")
        .environment("AWS_ACCESS_KEY_ID", KEY)
        .environment("AWS_SECRET_ACCESS_KEY", SECRET)
        .environment("AWS_SESSION_TOKEN", &token);
    let stage = Stage::of(builder).await;
    let session = stage.session("").await;
    let mut replies: Vec<Reply> = Vec::new();
    for (status, code) in [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (424, "ModelErrorException"),
        (418, "SomethingNew"),
    ] {
        stage.bedrock.push(Answer::echo(status, code, "you sent"));
        replies.push(session.invoke(question(MODEL)).await);
        stage.bedrock.push(Answer::echo(status, code, "you sent"));
        replies.push(session.invoke(streamed()).await);
        // No mark of a header beside it, and in the error's name.
        stage.bedrock.push(Answer::error(status, code, &token));
        replies.push(session.invoke(question(MODEL)).await);
        stage.bedrock.push(Answer::error(status, &token, "no"));
        replies.push(session.invoke(question(MODEL)).await);
    }
    for message in [token.clone(), format!("no {KEY}"), KEY.to_owned()] {
        let stream = Answer::text("one two");
        stage
            .bedrock
            .push(stream.exception_after(2, "validationException", &message));
        replies.push(session.invoke(streamed()).await);
    }
    assert!(
        replies.iter().all(|reply| reply.status != 503),
        "{replies:?}"
    );

    let signatures = stage.bedrock.requests().into_iter().map(|request| {
        let authorization = request.headers["authorization"].to_str().unwrap();
        let (_, signature) = authorization.split_once("Signature=").unwrap();
        signature.to_owned()
    });
    let mut canaries = Vec::from_iter(signatures);
    assert!(canaries.len() >= 20, "{}", canaries.len());
    canaries.extend([KEY, SECRET, &token, &token[..40]].map(str::to_owned));
    let mut kept = Vec::new();
    files(&stage.host.folder().join("data"), &mut kept);
    assert!(kept.len() > 3);
    let log = stage.host.said();
    assert!(log.contains("DEBUG"), "the log is talkative");
    for canary in &canaries {
        for reply in &replies {
            assert!(!holds(&reply.body, canary), "{canary} is in {reply:?}");
        }
        assert!(!log.contains(canary), "{canary} is in the log");
        for (name, bytes) in &kept {
            assert!(!holds(bytes, canary), "{canary} is in {name}");
        }
    }
    let shown = session.inspect().await.to_string();
    assert!(canaries.iter().all(|canary| !shown.contains(canary)));
    stage.survived().await;
}

/// 40 characters, 10 tokens; the first event is read, and the stream dropped.
fn cancelled(what: &str) -> serde_json::Value {
    json!({ "do": what, "prompt": "x".repeat(40) })
}

#[tokio::test]
async fn m12_a_stream_that_is_dropped_or_outlives_its_turn_is_aborted_and_settled_once() {
    let stage = Stage::start("").await;
    let session = stage.session("output_tokens_per_session = 100").await;
    for (number, what) in [(1, "model-cancel"), (2, "model-hold")] {
        // messageStart and two words.
        stage
            .bedrock
            .push(Answer::text("one two three").hang_after(3));
        session.ask(cancelled(what)).await;
        in_time("the call to be cut", stage.bedrock.cut(number)).await;
        let spent = used(&session).await;
        assert_eq!(spent["inputTokens"], 10 * number, "{spent}");
        assert_eq!(spent["calls"], number, "{spent}");
        let left = session.ask(json!({ "do": "remaining" })).await;
        let output = spent["outputTokens"].as_u64().unwrap();
        assert_eq!(left["tokens"], 100 - output, "nothing stays set aside");
    }
    session.ask(json!({ "do": "release" })).await;
    assert_eq!(used(&session).await["inputTokens"], 20);
    goes_on(&session).await;
    stage.survived().await;
}

#[tokio::test]
async fn m12_a_turn_that_is_stopped_or_takes_too_long_aborts_its_call() {
    let stage = Stage::start("").await;
    let session = stage.session("turn_seconds = 1").await;
    let mut cut = 0;
    for deed in [cancelled("model"), cancelled("model-stream")] {
        stage.bedrock.push(Answer::text("never").hang_after(1));
        let reply = session.invoke(deed).await;
        cut += 1;
        in_time("the call to be cut", stage.bedrock.cut(cut)).await;
        assert!(
            reply.text().contains("the turn took longer than 1 s"),
            "{reply:?}"
        );
        let spent = used(&session).await;
        assert_eq!(spent["inputTokens"], 10 * cut, "{spent}");
        assert_eq!(spent["calls"], cut, "{spent}");
    }
    stage.survived().await;
}

#[tokio::test]
async fn m12_a_session_that_is_stopped_aborts_its_call() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    for (number, deed) in [(1, "model"), (2, "model-stream")] {
        stage.bedrock.push(Answer::text("never").hang_after(1));
        let turn = {
            let (session, deed) = (session.clone(), cancelled(deed));
            tokio::spawn(async move { session.invoke(deed).await })
        };
        in_time("the call", stage.bedrock.arrived(number)).await;
        eventually("the session to be stopped", || async {
            (session.stop().await.status == 200).then_some(())
        })
        .await;
        in_time("the call to be cut", stage.bedrock.cut(number)).await;
        in_time("the turn", turn).await.unwrap();
    }
    assert_eq!(stage.bedrock.calls().total(), 2);
    stage.survived().await;
}
