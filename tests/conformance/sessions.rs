//! What an agent remembers, and what it is told of its surroundings.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::Stage;
use crate::harness::eventually;

pub(super) async fn continue_and_are_alone(stage: &Stage) {
    let (first, second) = (stage.session("first"), stage.session("second"));
    for turn in 1..=3 {
        assert_eq!(first.count().await, turn);
    }
    assert_eq!(second.count().await, 1);
    let kept = |kib: u32| json!({ "kept_bytes": kib << 10 });
    assert_eq!(
        first.ask(json!({ "do": "keep", "kib": 100 })).await,
        kept(100)
    );
    assert_eq!(
        first.ask(json!({ "do": "keep", "kib": 28 })).await,
        kept(128)
    );
    assert_eq!(second.ask(json!({ "do": "keep", "kib": 1 })).await, kept(1));
    assert_eq!(first.count().await, 6);
}

pub(super) async fn know_their_context(stage: &Stage) {
    let session = stage.session("context");
    // Who opens a session for a user takes all its turns for this user.
    let for_user = || {
        session
            .invocation(json!({ "do": "context" }).to_string())
            .header(
                "x-amzn-bedrock-agentcore-runtime-user-id",
                "joerg@example.com",
            )
    };
    let request = for_user()
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("x-tenant", "blue")
        .header("x-other", "red");
    let reply = stage.host.send(request).await;
    let mut context = reply.json_of(200);
    assert!(context["deadline_ms"].take().is_u64());
    assert!(context["traceparent"].take().is_string() || context["traceparent"].is_null());
    assert_eq!(
        context,
        json!({
            "session_id": session.id, "request_id": reply.header("x-amzn-requestid"), "turn": 1,
            "agent_name": "probe", "agent_version": "1", "endpoint": "DEFAULT", "tenant_id": "000000000000",
            "user_id": "joerg@example.com", "headers": [{ "name": "x-tenant", "value": "blue" }],
            "content_type": "application/json", "accept": "application/json",
            "deadline_ms": null, "traceparent": null,
        })
    );
    let next = stage.host.send(for_user()).await.json_of(200);
    assert_eq!(next["turn"], 2);
    let session = stage.session("configuration");
    let config = |name: &str| json!({ "do": "config", "name": name });
    assert_eq!(session.ask(config("GREETING")).await, "Grüß Gott");
    assert_eq!(session.ask(config("ABSENT")).await, json!(null));
    let remaining = session.ask(json!({ "do": "remaining" })).await;
    assert_eq!(remaining, json!({ "tokens": null, "money_micros": null }));
}

pub(super) async fn know_time_and_chance(stage: &Stage) {
    let (first, second) = (stage.session("one"), stage.session("two"));
    let random = json!({ "do": "random" });
    let drawn = [
        first.ask(random.clone()).await,
        first.ask(random.clone()).await,
        second.ask(random).await,
    ];
    for (at, number) in drawn.iter().enumerate() {
        let digits = number.as_str().expect("text");
        assert!(digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        assert!(!drawn[..at].contains(number), "{drawn:?}");
    }
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis()
    };
    let before = now();
    let told = first.ask(json!({ "do": "clock" })).await["now_ms"]
        .as_u64()
        .expect("a number");
    let after = now();
    // Languages may cut their clock to whole milliseconds.
    assert!(
        (before - 1..=after + 1).contains(&u128::from(told)),
        "{before} {told} {after}"
    );
    let slept = first.ask(json!({ "do": "sleep", "ms": 20 })).await;
    assert_eq!(slept, json!({ "slept_ms": 20 }));
}

pub(super) async fn replay(stage: &Stage) {
    let session = stage.session("replayed");
    for payload in [
        json!({ "do": "random" }),
        json!({ "do": "clock" }),
        json!({ "do": "agent", "prompt": "How much is 2X5?" }),
        json!({ "do": "stream", "n": 3, "message": "enough" }),
        json!({ "do": "print", "message": "hello" }),
        json!({ "do": "fail", "message": "no" }),
        json!({ "do": "trap" }),
        json!({ "do": "random" }),
        json!({ "do": "agent", "prompt": "and that plus 34?" }),
    ] {
        session.invoke(payload).await;
    }
    let told = session.replay(json!({})).await.json_of(200);
    assert_eq!(told["matches"], true, "{told:#}");
    assert_eq!(told["turns"].as_array().map(Vec::len), Some(9), "{told:#}");
}

pub(super) async fn rest_and_wake(stage: &Stage) {
    let session = stage.session("resting");
    session.count().await;
    session.ask(json!({ "do": "keep", "kib": 300 })).await;
    session
        .ask(json!({ "do": "print", "message": "stdio is open" }))
        .await;
    session
        .ask(json!({ "do": "agent", "prompt": "How much is 2X5?" }))
        .await;
    for round in 0..2 {
        eventually("the session to leave memory", || async {
            (session.inspect().await["awake"] == false).then_some(())
        })
        .await;
        assert_eq!(session.count().await, 5 + 3 * round);
        let kept = session.ask(json!({ "do": "keep", "kib": 0 })).await;
        assert_eq!(kept, json!({ "kept_bytes": 300 << 10 }));
        session
            .ask(json!({ "do": "print", "message": "it still is" }))
            .await;
    }
    let answer = session
        .ask(json!({ "do": "agent", "prompt": "and that plus 34?" }))
        .await;
    assert!(
        answer.as_str().is_some_and(|text| text.contains("44")),
        "{answer}"
    );
    let told = session.replay(json!({})).await.json_of(200);
    assert_eq!(told["matches"], true, "{told:#}");
}

pub(super) async fn survive_kill_9(stage: &mut Stage) {
    let session = stage.session("killed");
    session.count().await;
    session.ask(json!({ "do": "keep", "kib": 100 })).await;
    session
        .ask(json!({ "do": "agent", "prompt": "How much is 2X5?" }))
        .await;
    let drawn = session.ask(json!({ "do": "random" })).await;
    stage.host.kill();
    stage.host.start_again();
    assert_eq!(session.count().await, 5);
    let kept = session.ask(json!({ "do": "keep", "kib": 0 })).await;
    assert_eq!(kept, json!({ "kept_bytes": 100 << 10 }));
    assert_ne!(session.ask(json!({ "do": "random" })).await, drawn);
    let answer = session
        .ask(json!({ "do": "agent", "prompt": "and that plus 34?" }))
        .await;
    assert!(
        answer.as_str().is_some_and(|text| text.contains("44")),
        "{answer}"
    );
}
