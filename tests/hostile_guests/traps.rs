//! Traps where the host has called back: in the middle of handing something over, and after the answer. The instance is gone,
//! and the next turn finds the memory of the last good one.

use serde_json::{Value, json};

use super::{deployed, stage};
use crate::harness::{Session, wat};

/// An agent that counts its turns in its memory and answers with that. A payload `1`, `2`… makes this turn do the deed of
/// that number in its allocator, or after its answer.
fn counting() -> Vec<u8> {
    let prelude = wat::PRELUDE.replace(
        "(local.set $at (i32.and",
        r#"(if (i32.eq (global.get $deed) (i32.const 49)) (then (unreachable)))
        (if (i32.eq (global.get $deed) (i32.const 50)) (then
            (call $log (i32.const 1) (i32.const 1024) (i32.const 4))))
        (if (i32.eq (global.get $deed) (i32.const 51)) (then
            (call $config (i32.const 1024) (i32.const 4) (i32.const 1536))))
        (if (i32.eq (global.get $deed) (i32.const 52)) (then (loop (br 0))))
        (if (i32.eq (global.get $deed) (i32.const 53)) (then (return (i32.const -8))))
        (local.set $at (i32.and"#,
    );
    assert_ne!(prelude, wat::PRELUDE);
    let module = format!(
        r#"(module
        (import "kellion:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
        (import "kellion:agent/session@0.1.0" "config" (func $config (param i32 i32 i32)))
        (data (i32.const 1024) "NAME")
        (global $deed (mut i32) (i32.const 0))
        (global $later (mut i32) (i32.const 0))
        (func (export "invoke") (param $arguments i32) (result i32)
            (local $first i32)
            ;; The count stands in memory, so that it would show if this memory was kept.
            (i32.store8 (i32.const 2048) (i32.add (i32.load8_u (i32.const 2048)) (i32.const 1)))
            (i32.store8 (i32.const 2049) (i32.add (i32.load8_u (i32.const 2048)) (i32.const 48)))
            (local.set $first (i32.load8_u (i32.load (local.get $arguments))))
            (if (i32.and (i32.ge_u (local.get $first) (i32.const 49))
                         (i32.le_u (local.get $first) (i32.const 53)))
                (then
                    (global.set $deed (local.get $first))
                    ;; Its answer is a text, for which the host asks the allocator.
                    (call $config (i32.const 1024) (i32.const 4) (i32.const 1536))))
            (if (i32.ge_u (local.get $first) (i32.const 55))
                (then (global.set $later (local.get $first))))
            (call $answer (i32.const 2049) (i32.const 1)))
        (func (export "cabi_post_invoke") (param i32)
            (if (i32.eq (global.get $later) (i32.const 55)) (then (unreachable)))
            (if (i32.eq (global.get $later) (i32.const 56)) (then
                (call $log (i32.const 1) (i32.const 1024) (i32.const 4))))
            (if (i32.eq (global.get $later) (i32.const 57)) (then (loop (br 0)))))
        {prelude})"#
    );
    wat::component(&module)
}

async fn count(session: &Session) -> Value {
    session.ask(json!("?")).await
}

#[tokio::test]
async fn g29_a_trap_while_the_host_calls_back_costs_its_turn_alone() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 300\n").await;
    host.push(&crate::harness::reference("counting"), counting())
        .await;
    let environment = json!({ "environmentVariables": { "NAME": "a value to be handed over" } });
    let agent = host.create_with("counting", environment).await;
    assert_eq!(agent.built().await["status"], "READY");
    // (What the payload begins with, what its caller is told.)
    let deeds = [
        ("1", "the agent trapped"),
        ("2", "the agent trapped"),
        ("3", "the agent trapped"),
        (
            "4",
            "the agent used more than 300 ms of CPU time in one turn",
        ),
        ("5", "the agent trapped"),
        ("7", "the agent trapped"),
        ("8", "the agent trapped"),
        (
            "9",
            "the agent used more than 300 ms of CPU time in one turn",
        ),
    ];
    for (deed, told) in deeds {
        let session = agent.session(&format!("session-{deed}"));
        assert_eq!(count(&session).await, 1);
        assert_eq!(count(&session).await, 2);
        for turns in [3, 4] {
            let reply = host.send(session.invocation(deed)).await;
            reply.assert_refused(424, "RuntimeClientError", told);
            assert_eq!(count(&session).await, turns, "after {deed}");
        }
        let shown = session.inspect().await;
        let outcome = |turn: usize| shown["receipts"][turn]["outcome"].clone();
        let outcomes: Vec<Value> = (0..6).map(outcome).collect();
        let (good, bad) = ("answered", "faulted");
        assert_eq!(json!(outcomes), json!([good, good, bad, good, bad, good]));
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g29_without_a_journal_a_trap_in_the_middle_is_the_end() {
    let (host, witness) = stage("[sessions]\ndurability = \"none\"\n").await;
    let agent = deployed(&host, "counting", counting()).await;
    for deed in ["7", "8"] {
        let session = agent.session(&format!("session-{deed}"));
        assert_eq!(count(&session).await, 1);
        let reply = host.send(session.invocation(deed)).await;
        reply.assert_refused(424, "RuntimeClientError", "the agent trapped");
        assert_eq!(session.ended().await["reason"], "broken");
        assert_eq!(count(&session).await, 1, "nothing of it is left");
    }
    witness.survived(&host).await;
}
