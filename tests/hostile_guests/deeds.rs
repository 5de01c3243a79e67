//! Agents that do one deed, and what must come of it.

use serde_json::{Value, json};

use crate::harness::wat::PRELUDE;
use crate::harness::{Agent, Session, wat};
use wit_component::StringEncoding;

/// A core module that answers `true` to a payload that is no object, and does a deed on one that is.
pub(super) fn module(deed: &str, items: &str) -> String {
    format!(
        r#"(module {items}
        (data (i32.const 1024) "true")
        (func (export "invoke") (param $call i32) (result i32)
            (local $i i32) (local $n i32)
            (if (i32.eq (i32.load8_u (i32.load (local.get $call))) (i32.const 123)) (then {deed}))
            (call $answer (i32.const 1024) (i32.const 4)))
        {PRELUDE})"#
    )
}

/// Imports come first in a module.
pub(super) fn agent(deed: &str, items: &str) -> Vec<u8> {
    wat::component(&module(deed, items))
}

/// With more imports and exports in its world.
pub(super) fn wider(world: &str, deed: &str, items: &str) -> Vec<u8> {
    wat::wider(world, StringEncoding::UTF8, &module(deed, items))
}

/// The deed costs its turn, in these words, and breaks this limit; and the session goes on as if it had not been.
pub(super) async fn breaks(session: &Session, limit: Option<&str>, message: &str) {
    let error = format!("Received error (500) from runtime: {message}");
    breaks_off(session, json!({}), "faulted", limit, &error).await;
}

/// The same for whatever payload brings it about, and the whole message.
pub(super) async fn breaks_off(
    session: &Session,
    payload: Value,
    outcome: &str,
    limit: Option<&str>,
    message: &str,
) {
    let reply = session.invoke(payload).await;
    reply.assert_refused(424, "RuntimeClientError", message);
    assert_eq!(reply.json()["message"], message);
    let shown = session.inspect().await;
    assert_eq!(shown["phase"], "idle", "{shown}");
    let receipt = shown["receipts"].as_array().and_then(|all| all.last());
    let receipt = receipt.expect("the turn has a receipt");
    assert_eq!(receipt["request"], reply.header("x-amzn-requestid"));
    assert_eq!(receipt["outcome"], outcome, "{receipt}");
    assert_eq!(
        receipt.get("limit"),
        limit.map(Value::from).as_ref(),
        "{receipt}"
    );
    assert_eq!(
        session.ask(json!(1)).await,
        true,
        "the next turn is none the worse"
    );
}

/// The agent was not built, and its owner is told why.
pub(super) async fn is_refused(agent: &Agent, reason: &str) {
    let runtime = agent.built().await;
    assert_eq!(runtime["status"], "CREATE_FAILED", "{runtime}");
    let told = runtime["failureReason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
}
