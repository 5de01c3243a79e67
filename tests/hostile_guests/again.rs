//! Turns that met a bound, told again.

use serde_json::json;

use super::{deployed, stage};
use crate::harness::{Host, wat};

/// Counts its turns in memory, and looks at the clock as often as its payload has bytes, times a thousand; logs as often.
fn looking() -> Vec<u8> {
    wat::agent(
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
        (import "kellion:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
        (global $turns (mut i32) (i32.const 48))
        (func (export "invoke") (param i32) (result i32)
            (local $looks i32)
            (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
            (i32.store8 (i32.const 1024) (global.get $turns))
            (loop $again
                (drop (call $now))
                (call $log (i32.const 1) (i32.const 1024) (i32.const 1))
                (local.set $looks (i32.add (local.get $looks) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $looks)
                    (i32.mul (i32.const 1000) (i32.load offset=4 (local.get 0))))))
            (call $answer (i32.const 1024) (i32.const 1)))"#,
    )
}

#[tokio::test]
async fn a_turn_that_met_a_bound_meets_it_again_and_its_session_goes_on() {
    let config = "[sandbox]\nturn_host_calls = 10000\nturn_log_kib = 1\n";
    let (mut host, witness) = stage(config).await;
    let agent = deployed(&host, "looking", looking()).await;
    let session = agent.session("first");
    assert_eq!(session.ask(json!(1)).await, 1);
    let limit = "the agent made more than 10000 calls of the host in one turn";
    for _ in 0..2 {
        let reply = session.invoke(json!("long")).await;
        reply.assert_refused(424, "RuntimeClientError", limit);
    }
    assert_eq!(session.ask(json!(22)).await, 2, "what they did is undone");
    for turn in 1..=4 {
        let replay = session.replay(json!({ "turn": turn })).await.json_of(200);
        assert_eq!(replay["matches"], true, "{replay}");
    }
    let log = session.whole_log().await;
    let dropped = |n: u32| {
        format!(
            "{n} more lines were dropped: one turn may log 1 KiB, see turn_log_kib in [sandbox]"
        )
    };
    // 15 lines are kept of each turn.
    assert_eq!(log[15], dropped(985));
    assert_eq!(log[log.len() - 1], dropped(1_985));
    witness.survived(&host).await;

    // From the journal alone, it is where it was.
    host.kill();
    host.start_again();
    let session = agent.of(&host).session("first");
    assert_eq!(session.ask(json!(1)).await, 3);
    assert_eq!(session.whole_log().await[15], log[15]);
}

#[tokio::test]
async fn a_bound_that_is_tighter_by_now_does_not_touch_what_was() {
    let (mut host, _) = stage("").await;
    let agent = deployed(&host, "looking", looking()).await;
    let session = agent.session("first");
    assert_eq!(session.ask(json!("long")).await, 1);
    assert_eq!(session.ask(json!("long")).await, 2);
    host.kill();
    host.start_again_as(Host::builder().config("[sandbox]\nturn_host_calls = 3000\n"));
    let session = agent.of(&host).session("first");
    let limit = "the agent made more than 3000 calls of the host in one turn";
    let reply = session.invoke(json!("long")).await;
    reply.assert_refused(424, "RuntimeClientError", limit);
    assert_eq!(session.ask(json!(1)).await, 3);
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
}
