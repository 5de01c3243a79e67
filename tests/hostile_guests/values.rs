//! Agents that hand over what makes no sense, or too much of it.

use serde_json::json;
use wit_component::StringEncoding;

use super::deeds::{agent, breaks, module};
use super::{deployed, stage};
use crate::harness::wat;

const LOG: &str = r#"(import "kellion:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
const WRITE: &str =
    r#"(import "kellion:agent/response@0.1.0" "write" (func $write (param i32 i32) (result i32)))"#;
const OUTSIDE: &str = "list pointer/length out of bounds of memory";
const TOO_MUCH: &str = "the agent handed over more than 16 MiB in one call";

#[tokio::test]
async fn g16_an_answer_that_lies_outside_its_memory_costs_its_turn() {
    let (host, witness) = stage("").await;
    let answers = [
        (
            "endless",
            "(return (call $answer (i32.const 1024) (i32.const -1)))",
            OUTSIDE,
        ),
        (
            "outside",
            "(return (call $answer (i32.const -16) (i32.const 32)))",
            OUTSIDE,
        ),
        (
            "pointer",
            "(return (i32.const -16))",
            "pointer out of bounds of memory",
        ),
        (
            "askew",
            "(return (i32.const 33))",
            "return pointer not aligned",
        ),
        (
            "case",
            "(i32.store8 (i32.const 32) (i32.const 9)) (return (i32.const 32))",
            "invalid expected discriminant",
        ),
    ];
    for (name, deed, message) in answers {
        let lying = deployed(&host, name, agent(deed, "")).await;
        let message = format!("the agent trapped: {message}");
        breaks(&lying.session("first"), None, &message).await;
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g17_a_list_that_names_the_same_bytes_again_and_again_counts_each_time() {
    let (host, witness) = stage("").await;
    let count =
        r#"(import "kellion:agent/model@0.1.0" "count-tokens" (func $count (param i32 i32)))"#;
    // A request of nothing but stop sequences, which stand at byte 48 of it.
    let ask = |sequences: u32, length: u32| {
        format!(
            "(drop (memory.grow (i32.const 400)))
            (loop $next
                (i32.store (i32.add (i32.const 200000) (i32.mul (local.get $i) (i32.const 8))) (i32.const 131072))
                (i32.store (i32.add (i32.const 200004) (i32.mul (local.get $i) (i32.const 8))) (i32.const {length}))
                (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {sequences}))))
            (i32.store (i32.const 4144) (i32.const 200000))
            (i32.store (i32.const 4148) (i32.const {sequences}))
            (call $count (i32.const 4096) (i32.const 8192))"
        )
    };
    for (name, sequences, length) in [("long", 1_000, 60_000), ("empty", 1_000_000, 0)] {
        let aliasing = agent(&ask(sequences, length), count);
        let aliasing = deployed(&host, name, aliasing).await;
        breaks(&aliasing.session("first"), Some("transfer"), TOO_MUCH).await;
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g18_text_that_is_none_costs_its_turn() {
    let (host, witness) = stage("").await;
    let say = "(call $log (i32.const 1) (i32.const 2048) (i32.const 4))";
    let wrong = [
        (
            "half",
            StringEncoding::UTF8,
            r"\f0\9f\98\ff",
            say,
            "invalid utf-8 sequence of 3 bytes from index 0",
        ),
        (
            "surrogate",
            StringEncoding::UTF8,
            r"\ed\a0\80x",
            say,
            "invalid utf-8 sequence of 1 bytes from index 0",
        ),
        (
            "high",
            StringEncoding::UTF16,
            r"\00\d8a\00b\00c\00",
            say,
            "unpaired surrogate found: d800",
        ),
        (
            "low",
            StringEncoding::UTF16,
            r"a\00\00\dcb\00c\00",
            say,
            "unpaired surrogate found: dc00",
        ),
    ];
    for (name, strings, text, deed, message) in wrong {
        let items = format!(r#"{LOG} (data (i32.const 2048) "{text}")"#);
        let broken = wat::wider("", strings, &module(deed, &items));
        let broken = deployed(&host, name, broken).await;
        let message = format!("the agent trapped: {message}");
        breaks(&broken.session("first"), None, &message).await;
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g18_strange_text_is_text() {
    let (host, witness) = stage("").await;
    let say = "(call $log (i32.const 1) (i32.const 2048) (i32.const 4))";
    let tagged = "(call $log (i32.const 1) (i32.const 2048) (i32.const 0x80000002))";
    let strange = [
        ("nul", StringEncoding::UTF8, r"a\00b\1b", say, "a\0b\u{1b}"),
        (
            "pair",
            StringEncoding::UTF16,
            r"=\d8\00\dea\00b\00",
            say,
            "\u{1f600}ab",
        ),
        (
            "latin",
            StringEncoding::CompactUTF16,
            r"caf\e9",
            say,
            "café",
        ),
        (
            "tagged",
            StringEncoding::CompactUTF16,
            r"=\d8\00\de",
            tagged,
            "\u{1f600}",
        ),
    ];
    for (name, strings, text, deed, logged) in strange {
        let items = format!(r#"{LOG} (data (i32.const 2048) "{text}")"#);
        let speaking = wat::wider("", strings, &module(deed, &items));
        let session = deployed(&host, name, speaking).await.session("first");
        assert_eq!(session.ask(json!({})).await, true, "{name}");
        assert_eq!(session.whole_log().await, [logged], "{name}");
    }
    // 10 MB without an end of line.
    let deed = "(drop (memory.grow (i32.const 200)))
        (memory.fill (i32.const 131072) (i32.const 120) (i32.const 10000000))
        (call $log (i32.const 1) (i32.const 131072) (i32.const 10000000))";
    let long = deployed(&host, "long", agent(deed, LOG)).await;
    let session = long.session("first");
    assert_eq!(session.ask(json!({})).await, true);
    let log = session.whole_log().await;
    assert_eq!(log.len(), 1);
    assert!(log[0].starts_with("xxx") && log[0].len() < 256 << 10);
    witness.survived(&host).await;
}

#[tokio::test]
async fn g19_more_than_one_call_may_carry_costs_its_turn() {
    let (host, witness) = stage("").await;
    let grow = "(drop (memory.grow (i32.const 400)))";
    let large = [
        (
            "answer",
            "(return (call $answer (i32.const 0) (i32.const 16777217)))",
        ),
        (
            "chunk",
            "(drop (call $write (i32.const 0) (i32.const 16777217)))",
        ),
        (
            "entry",
            "(call $log (i32.const 1) (i32.const 131072) (i32.const 16777217))",
        ),
    ];
    for (name, deed) in large {
        let large = agent(&format!("{grow} {deed}"), &format!("{LOG} {WRITE}"));
        let large = deployed(&host, name, large).await;
        breaks(&large.session("first"), Some("transfer"), TOO_MUCH).await;
    }
    witness.survived(&host).await;
}
