//! Agents whose calls nest without end.

use serde_json::json;

use super::deeds::{agent, breaks, module};
use super::{deployed, stage};
use crate::harness::{reference, wat};

const TOO_DEEP: &str = "the agent's calls nest deeper than its 2048 KiB of stack";
const REMAINING: &str =
    r#"(import "kellion:agent/session@0.1.0" "remaining" (func $remaining (param i32)))"#;

#[tokio::test]
async fn g14_recursion_without_end_costs_its_turn() {
    let (host, witness) = stage("[sandbox]\nturn_host_calls = 1000000000000\n").await;
    let recursions = [
        ("plain", "(func $f (call $f))".to_owned()),
        (
            "indirect",
            "(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
            (func $f (call_indirect (type $t) (i32.const 0)))"
                .to_owned(),
        ),
        (
            "wide",
            format!(
                "(func $f {} (call $f) {})",
                "(local i64)".repeat(1_000),
                (0..1_000)
                    .map(|local| format!("(drop (local.get {local}))"))
                    .collect::<String>()
            ),
        ),
        // However near the end of its stack, what the host does has room.
        (
            "calling",
            format!("{REMAINING} (func $f (call $remaining (i32.const 2048)) (call $f))"),
        ),
    ];
    for (name, items) in recursions {
        let recursive = deployed(&host, name, agent("(call $f)", &items)).await;
        breaks(&recursive.session("first"), Some("stack"), TOO_DEEP).await;
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g15_recursion_in_the_allocator_costs_its_turn() {
    let (host, witness) = stage("").await;
    let items = r#"
        (import "kellion:agent/session@0.1.0" "config" (func $config (param i32 i32 i32)))
        (data (i32.const 2048) "BIG")
        (global $bad (mut i32) (i32.const 0))
        (func $ask (global.set $bad (i32.const 1))
            (call $config (i32.const 2048) (i32.const 3) (i32.const 3072)))
        (func $own (if (global.get $bad) (then (call $endless))))
        (func $endless (call $endless))
        (func $deep (param $more i32)
            (if (local.get $more)
                (then (call $deep (i32.sub (local.get $more) (i32.const 1))))
                (else (call $ask))))"#;
    let asks = "(param $size i32) (result i32)\n        (local $at i32)";
    let deeds = [
        ("flat", "(call $ask)"),
        // The stack of the guest, of the host and of the guest again are one.
        ("deep", "(call $deep (i32.const 20000))"),
    ];
    for (name, deed) in deeds {
        let recursive = module(deed, items).replace(asks, &format!("{asks} (call $own)"));
        host.push(&reference(name), wat::component(&recursive))
            .await;
        let environment = json!({ "environmentVariables": { "BIG": "large" } });
        let recursive = host.create_with(name, environment).await;
        assert_eq!(recursive.built().await["status"], "READY");
        breaks(&recursive.session("first"), Some("stack"), TOO_DEEP).await;
    }
    witness.survived(&host).await;
}
