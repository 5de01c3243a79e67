//! Agents that do not end: on every way into them, CPU time and the turn's time are bounded.

use serde_json::json;

use super::deeds::{agent, breaks, breaks_off, is_refused, module, wider};
use super::{deployed, stage};
use crate::harness::{reference, wat};

const SPENT: &str = "the agent used more than 200 ms of CPU time in one turn";
const START_SPENT: &str = "the agent used more than 200 ms of CPU time to start";
const SPIN: &str = "(loop (br 0))";

/// The clock stands at the beginning of 2026 in a trial start, and is later in every session.
const IN_A_SESSION: &str = r#"(i64.gt_u (call $now) (i64.const 1767225601000000000))"#;
const NOW: &str = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))"#;
const CLOCKS: &str = "import wasi:clocks/monotonic-clock@0.2.0;";

#[tokio::test]
async fn g1_a_loop_in_a_turn_ends_with_its_cpu_time() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    let spinning = deployed(&host, "spinning", agent(SPIN, "")).await;
    let session = spinning.session("first");
    assert_eq!(session.ask(json!(1)).await, true);
    breaks(&session, Some("cpu-time"), SPENT).await;
    let shown = session.inspect().await;
    let time = |turn: usize| shown["receipts"][turn]["cpuUs"].as_u64().unwrap();
    assert!((200_000..2_000_000).contains(&time(1)), "{shown}");
    assert!(time(0) > 0 && time(0) < 200_000, "{shown}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g2_g3_a_loop_in_a_start_ends_with_its_cpu_time() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    let starts = [
        ("g2", "(start $begin)", "(func $begin"),
        ("g3", "", r#"(func (export "_initialize")"#),
    ];
    for (name, start, function) in starts {
        let always = module("", &format!("{start} {function} {SPIN})"));
        host.push(&reference(name), wat::component(&always)).await;
        let looping = host.create(name).await;
        is_refused(&looping, &format!("a trial start failed: {START_SPENT}")).await;

        // In the trial it behaves.
        let items = format!("{NOW} {start} {function} (if {IN_A_SESSION} (then {SPIN})))");
        let later = format!("{name}_later");
        let later = deployed(&host, &later, wider(CLOCKS, "", &items)).await;
        let session = later.session("first");
        let message = format!("Received error (500) from runtime: {START_SPENT}");
        for _ in 0..2 {
            let reply = session.invoke(json!(1)).await;
            reply.assert_refused(424, "RuntimeClientError", &message);
            assert_eq!(reply.json()["message"], message);
        }
        // It never began.
        assert_eq!(session.look().await.status, 404);
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g3_a_start_that_waits_for_ever_is_refused() {
    let (host, witness) = stage("").await;
    let items = format!(
        r#"{WAITING}
        (func (export "_initialize") (call $block (call $timer (i64.const -1))))"#
    );
    host.push(&reference("waiting"), wider(POLL, "", &items))
        .await;
    let waiting = host.create("waiting").await;
    let reason =
        "a trial start failed: the agent trapped: the agent waits for ever while it starts";
    is_refused(&waiting, reason).await;
    witness.survived(&host).await;
}

/// How an allocation of this size loops; no other does.
const LOOPING_ALLOCATOR: &str = r#"
    (func $own (param $size i32) (if (i32.eq (local.get $size) (i32.const 4321)) (then (loop (br 0)))))"#;

/// The prelude's allocator, which asks another function first.
fn with_allocator(module: &str) -> Vec<u8> {
    let asks = "(param $size i32) (result i32)\n        (local $at i32)";
    assert!(module.contains(asks));
    wat::component(&module.replace(asks, &format!("{asks} (call $own (local.get $size))")))
}

#[tokio::test]
async fn g4_a_loop_in_the_allocator_ends_with_its_cpu_time() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    // When the payload is written into its memory,
    let payload = with_allocator(&module("", LOOPING_ALLOCATOR));
    let payload = deployed(&host, "payload", payload).await;
    let session = payload.session("first");
    let told = format!("Received error (500) from runtime: {SPENT}");
    let large = json!("x".repeat(4_319));
    breaks_off(&session, large, "faulted", Some("cpu-time"), &told).await;
    // and when a host function answers.
    let imports = r#"(import "kellion:agent/session@0.1.0" "config" (func $config (param i32 i32 i32)))
        (data (i32.const 2048) "BIG")"#;
    let asks = "(call $config (i32.const 2048) (i32.const 3) (i32.const 3072))";
    let answer = with_allocator(&module(asks, &format!("{imports} {LOOPING_ALLOCATOR}")));
    host.push(&reference("answer"), answer).await;
    let environment = json!({ "environmentVariables": { "BIG": "x".repeat(4_321) } });
    let answer = host.create_with("answer", environment).await;
    assert_eq!(answer.built().await["status"], "READY");
    breaks(&answer.session("first"), Some("cpu-time"), SPENT).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g5_a_loop_after_the_answer_ends_with_its_cpu_time() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    let items = r#"(global $bad (mut i32) (i32.const 0))
        (func (export "cabi_post_invoke") (param i32) (if (global.get $bad) (then (loop (br 0)))))"#;
    let looping = agent("(global.set $bad (i32.const 1))", items);
    let looping = deployed(&host, "looping", looping).await;
    breaks(&looping.session("first"), Some("cpu-time"), SPENT).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g6_a_loop_in_a_destructor_ends_with_its_cpu_time_and_holds_up_no_end() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    let world = "export things: interface { resource thing { constructor(); } }";
    let items = r#"
        (import "[export]things" "[resource-new]thing" (func $new (param i32) (result i32)))
        (import "[export]things" "[resource-drop]thing" (func $drop (param i32)))
        (func (export "things#[constructor]thing") (result i32) (call $new (i32.const 1)))
        (func (export "things#[dtor]thing") (param i32) (loop (br 0)))"#;
    let dropping = wider(world, "(call $drop (call $new (i32.const 1)))", items);
    let dropping = deployed(&host, "dropping", dropping).await;
    breaks(&dropping.session("first"), Some("cpu-time"), SPENT).await;

    // One that is left is not called when its session ends, so nothing waits for it.
    let leaving = wider(world, "(drop (call $new (i32.const 1)))", items);
    let leaving = deployed(&host, "leaving", leaving).await;
    let session = leaving.session("first");
    assert_eq!(session.ask(json!({})).await, true);
    assert_eq!(session.stop().await.status, 200);
    assert_eq!(session.ended().await["reason"], "stopped");
    assert_eq!(session.ask(json!(1)).await, true);
    witness.survived(&host).await;
}

const POLL: &str = "import wasi:io/poll@0.2.0; import wasi:clocks/monotonic-clock@0.2.0;";
const WAITING: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $close (param i32)))"#;

#[tokio::test]
async fn g7_a_turn_that_waits_for_ever_ends_with_its_time() {
    let (host, witness) = stage("[sessions]\nturn_seconds = 2\n").await;
    let too_long = "Received error (504) from runtime: the turn took longer than 2 s";
    let waits = [
        ("never", "(call $block (call $timer (i64.const -1)))"),
        (
            "ages",
            "(call $block (call $timer (i64.const 1000000000000000000)))",
        ),
        (
            "naps",
            "(loop (local.set $i (call $timer (i64.const 1000000))) (call $block (local.get $i))
                (call $close (local.get $i)) (br 0))",
        ),
    ];
    let turns = waits.map(|(name, deed)| {
        let waiting = wider(POLL, deed, WAITING);
        let host = &host;
        async move {
            let agent = deployed(host, name, waiting).await;
            let session = agent.session("first");
            breaks_off(
                &session,
                json!({}),
                "abandoned",
                Some("wall-time"),
                too_long,
            )
            .await;
        }
    });
    futures::future::join_all(turns).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn the_text_harness_makes_agents_that_answer() {
    let (host, witness) = stage("").await;
    let polite = wat::agent(
        r#"(data (i32.const 1024) "\"hello\"")
        (func (export "invoke") (param i32) (result i32)
            (call $answer (i32.const 1024) (i32.const 7)))"#,
    );
    let agent = deployed(&host, "polite", polite).await;
    assert_eq!(agent.session("first").ask(json!({})).await, "hello");
    witness.survived(&host).await;
}
