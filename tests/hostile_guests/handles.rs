//! Agents that keep handles, drop them twice, or make them up.

use serde_json::json;

use super::{deployed, stage};
use crate::harness::wat;

const POLLABLES: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))"#;

/// An agent that does this, and answers 1.
fn doing(deed: &str) -> Vec<u8> {
    wat::agent(&format!(
        r#"{POLLABLES}
        (import "wasi:io/streams@0.2.0" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
        (import "kellion:agent/response@0.1.0" "forward" (func $forward (param i32 i32 i32)))
        (data (i32.const 1024) "1")
        (func (export "invoke") (param i32) (result i32)
            (local $handle i32)
            {deed}
            (call $answer (i32.const 1024) (i32.const 1)))"#
    ))
}

#[tokio::test]
async fn g26_handles_that_are_never_dropped_end_at_their_number() {
    let (host, witness) = stage("").await;
    let keeping = doing("(loop $again (drop (call $timer (i64.const 0))) (br $again))");
    let agent = deployed(&host, "keeping", keeping).await;
    let session = agent.session("first");
    let reply = session.invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent holds more than 1024 handles",
    );
    let again = session.invoke(json!({})).await;
    again.assert_refused(424, "RuntimeClientError", "the agent holds more than 1024");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g26_handles_that_are_dropped_make_room() {
    let (host, witness) = stage("").await;
    let polite = doing(
        "(loop $again
            (call $drop (call $timer (i64.const 0)))
            (local.set $handle (i32.add (local.get $handle) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $handle) (i32.const 100000))))",
    );
    let agent = deployed(&host, "polite", polite).await;
    assert_eq!(agent.session("first").ask(json!({})).await, 1);
    witness.survived(&host).await;
}

#[tokio::test]
async fn g26_handles_that_are_not_there_trap_whatever_is_done_with_them() {
    let (host, witness) = stage("").await;
    let timer = "(local.set $handle (call $timer (i64.const 0)))";
    let cases = [
        (
            "twice",
            format!("{timer} (call $drop (local.get $handle)) (call $drop (local.get $handle))"),
            "unknown handle index 1",
        ),
        (
            "after",
            format!("{timer} (call $drop (local.get $handle)) (call $block (local.get $handle))"),
            "unknown handle index 1",
        ),
        (
            "forged",
            format!("{timer} (call $block (i32.const 2))"),
            "unknown handle index 2",
        ),
        (
            "huge",
            "(call $drop (i32.const -1))".to_owned(),
            "unknown handle index 4294967295",
        ),
        (
            "nought",
            "(call $block (i32.const 0))".to_owned(),
            "unknown handle index 0",
        ),
        (
            "type",
            format!(
                "{timer} (call $write (local.get $handle) (i32.const 0) (i32.const 1) (i32.const 16))"
            ),
            "handle index 1 used with the wrong type",
        ),
        (
            "stream",
            format!("{timer} (call $forward (local.get $handle) (i32.const 0) (i32.const 4096))"),
            "handle index 1 used with the wrong type",
        ),
    ];
    for (name, deed, reason) in cases {
        let agent = deployed(&host, name, doing(&deed)).await;
        let reply = agent.session("first").invoke(json!({})).await;
        let told = format!("the agent trapped: {reason}");
        reply.assert_refused(424, "RuntimeClientError", &told);
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g26_a_handle_of_one_session_is_none_of_another() {
    let (host, witness) = stage("").await;
    // A payload of one byte opens a timer; a longer one uses it.
    let sharing = doing(
        "(if (i32.eq (i32.load offset=4 (local.get 0)) (i32.const 1))
            (then (drop (call $timer (i64.const 0))))
            (else (call $block (i32.const 1))))",
    );
    let agent = deployed(&host, "sharing", sharing).await;
    let [first, second] = ["first", "second"].map(|name| agent.session(name));
    assert_eq!(first.ask(json!(1)).await, 1);
    let reply = second.invoke(json!(22)).await;
    let told = "the agent trapped: unknown handle index 1";
    reply.assert_refused(424, "RuntimeClientError", told);
    assert_eq!(first.ask(json!(22)).await, 1, "its own is still there");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g26_more_zeroes_than_a_stream_takes_are_never_made() {
    let (host, witness) = stage("").await;
    let zeroes = wat::agent(
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.write-zeroes" (func $zeroes (param i32 i64 i32)))
        (func (export "invoke") (param i32) (result i32)
            (call $zeroes (call $stdout) (i64.const 1099511627776) (i32.const 16))
            (unreachable))"#,
    );
    let agent = deployed(&host, "zeroes", zeroes).await;
    let reply = agent.session("first").invoke(json!({})).await;
    // What it would carry is charged before it is looked at.
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 10000000 calls of the host in one turn",
    );
    witness.survived(&host).await;
}
