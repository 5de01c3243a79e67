//! How turns fail.

use serde_json::{Value, json};

use super::Stage;
use crate::harness::{Reply, Session};

fn failed(reply: &Reply, message: &str) {
    reply.assert_refused(424, "RuntimeClientError", message);
    let told = reply.json();
    let told = told["message"].as_str().unwrap_or_default();
    for secret in ["Traceback", ".py\"", "goroutine ", "    at ", "panicked at"] {
        assert!(!told.contains(secret), "a stack is for the log: {told}");
    }
}

pub(super) async fn in_an_error_cost_the_turn_alone(stage: &Stage) {
    let session = stage.session("errors");
    session.count().await;
    let message = "the cellar is empty: é";
    failed(
        &session
            .invoke(json!({ "do": "fail", "message": message }))
            .await,
        message,
    );
    assert_eq!(
        session.count().await,
        3,
        "the agent's own errors leave its memory alone"
    );
}

pub(super) async fn in_a_trap_cost_the_turn_alone(stage: &Stage) {
    let language = stage.language;
    let deeds: [(&str, bool, &str); 4] = [
        ("panic", language.catches_panics, ""),
        ("trap", false, ""),
        ("recurse", language.catches_recursion, ""),
        ("spin", false, "CPU time"),
    ];
    for (deed, is_caught, message) in deeds {
        let session: Session = stage.session(deed);
        session.ask(json!({ "do": "keep", "kib": 10 })).await;
        failed(&session.invoke(json!({ "do": deed })).await, message);
        // A caught one is a turn; any other is undone.
        let turns = Value::from(if is_caught { 3 } else { 2 });
        assert_eq!(session.count().await, turns, "{deed} in {language:?}");
        let kept = session.ask(json!({ "do": "keep", "kib": 0 })).await;
        assert_eq!(kept, json!({ "kept_bytes": 10 << 10 }), "{deed}");
    }
}
