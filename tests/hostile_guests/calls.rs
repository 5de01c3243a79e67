//! Agents that do nothing but ask the host.

use serde_json::{Value, json};

use super::{deployed, stage};
use crate::harness::{Host, PROBE, Session, Witness, eventually, wat};
use crate::stand_in::{Answer, StandIn};

/// A turn that never ends by itself, and does this all the while.
fn for_ever(items: &str, call: &str) -> Vec<u8> {
    wat::agent(&format!(
        r#"{items}
        (func (export "invoke") (param i32) (result i32)
            (loop $again {call} (br $again))
            (unreachable))"#
    ))
}

const LOG: &str = r#"(import "kellion:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

const CLOCK: &str =
    r#"(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))"#;

const RANDOM: &str =
    r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#;

/// The outcomes of a session's turns, by their receipts.
async fn outcomes(session: &Session) -> Vec<Value> {
    let shown = session.inspect().await;
    let receipts = shown["receipts"].as_array().unwrap();
    receipts
        .iter()
        .map(|receipt| receipt["outcome"].clone())
        .collect()
}

#[tokio::test]
async fn g20_log_lines_beyond_the_bound_are_counted_and_dropped() {
    let config = "[sandbox]\nturn_host_calls = 100000\nturn_log_kib = 8\n";
    let (host, witness) = stage(config).await;
    let one_byte = for_ever(
        &format!("{LOG} (data (i32.const 1024) \"x\")"),
        "(call $log (i32.const 1) (i32.const 1024) (i32.const 1))",
    );
    let agent = deployed(&host, "logging", one_byte).await;
    let session = agent.session("first");
    let limit = "the agent made more than 100000 calls of the host in one turn";
    let reply = session.invoke(json!({})).await;
    reply.assert_refused(424, "RuntimeClientError", limit);
    let log = session.whole_log().await;
    // A byte takes 65 of the 8,192.
    let (kept, said) = log.split_at(126);
    assert_eq!(kept, ["x"; 126]);
    assert_eq!(
        said[0],
        "99874 more lines were dropped: one turn may log 8 KiB, see turn_log_kib in [sandbox]"
    );
    assert!(said[1].starts_with(limit) && said.len() == 2, "{said:?}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g20_long_log_lines_cost_as_much_as_they_carry_and_keep_within_the_ring() {
    let (host, witness) = stage("[sandbox]\nturn_host_calls = 100000\n").await;
    let long = for_ever(
        &format!(
            "{LOG} (func $start (memory.fill (i32.const 0) (i32.const 120) (i32.const 65536))) (start $start)"
        ),
        "(call $log (i32.const 1) (i32.const 0) (i32.const 65536))",
    );
    let agent = deployed(&host, "logging", long).await;
    let session = agent.session("first");
    let reply = session.invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 100000 calls of the host in one turn",
    );
    let log = session.whole_log().await;
    let bytes: usize = log.iter().map(String::len).sum();
    assert!(bytes <= 256 << 10, "{bytes} bytes");
    // 65 calls' worth each, and 63 of them fill the bound of the log.
    let said = &log[log.len() - 2];
    assert!(said.starts_with("1475 more lines were dropped: "), "{said}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g20_prints_are_bounded_as_log_lines_are() {
    let (host, witness) = stage("[sandbox]\nturn_host_calls = 100000\nturn_log_kib = 8\n").await;
    let printing = wat::agent(
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
        (data (i32.const 1024) "x\n")
        (func (export "invoke") (param i32) (result i32)
            (local $out i32)
            (local.set $out (call $stdout))
            (loop $again
                (call $write (local.get $out) (i32.const 1024) (i32.const 2) (i32.const 16))
                (br $again))
            (unreachable))"#,
    );
    let agent = deployed(&host, "printing", printing).await;
    let session = agent.session("first");
    let reply = session.invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 100000 calls of the host in one turn",
    );
    let log = session.whole_log().await;
    // One call gave the handle.
    assert!(
        log[126].starts_with("99873 more lines were dropped: "),
        "{log:?}"
    );
    assert_eq!(log.len(), 128);
    witness.survived(&host).await;
}

#[tokio::test]
async fn g20_a_loop_of_cheap_calls_is_found_computing() {
    let (host, witness) =
        stage("[sandbox]\nturn_host_calls = 1000000000000\nturn_cpu_ms = 200\n").await;
    let calling = for_ever(CLOCK, "(drop (call $now))");
    let agent = deployed(&host, "calling", calling).await;
    let reply = agent.session("first").invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent used more than 200 ms of CPU time in one turn",
    );
    witness.survived(&host).await;
}

#[tokio::test]
async fn g21_more_random_bytes_than_one_call_gives_end_the_turn() {
    let (host, witness) = stage("").await;
    let greedy = for_ever(
        RANDOM,
        "(call $random (i64.const 4294967296) (i32.const 16))",
    );
    let agent = deployed(&host, "greedy", greedy).await;
    let reply = agent.session("first").invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent trapped: the agent asked for 4294967296 random bytes at once; one call gives 65536 at most",
    );
    witness.survived(&host).await;
}

#[tokio::test]
async fn g21_a_million_calls_for_random_bytes_end_at_the_bound() {
    let (host, witness) = stage("[sandbox]\nturn_host_calls = 100000\n").await;
    // What the host hands over is put where it was before.
    let greedy = for_ever(
        RANDOM,
        "(global.set $free (i32.const 65536)) (call $random (i64.const 65536) (i32.const 16))",
    );
    let agent = deployed(&host, "greedy", greedy).await;
    let reply = agent.session("first").invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 100000 calls of the host in one turn",
    );
    witness.survived(&host).await;
}

#[tokio::test]
async fn g22_the_clock_stands_still_and_is_not_asked_for_ever() {
    let (host, witness) = stage("").await;
    let polling = wat::agent(&format!(
        r#"{CLOCK}
        (data (i32.const 1024) "true")
        (data (i32.const 1040) "false")
        (func (export "invoke") (param i32) (result i32)
            (local $first i64) (local $looks i64)
            (local.set $first (call $now))
            ;; A payload of one byte is a short turn: is each look just one nanosecond after the one before?
            (loop $again
                (local.set $looks (i64.add (local.get $looks) (i64.const 1)))
                (if (i64.ne (call $now) (i64.add (local.get $first) (local.get $looks)))
                    (then (return (call $answer (i32.const 1040) (i32.const 5)))))
                (br_if $again (i64.lt_u (local.get $looks)
                    (select (i64.const 1000) (i64.const 100000000)
                        (i32.eq (i32.load offset=4 (local.get 0)) (i32.const 1))))))
            (call $answer (i32.const 1024) (i32.const 4)))"#
    ));
    let agent = deployed(&host, "polling", polling).await;
    let session = agent.session("first");
    assert_eq!(session.ask(json!(1)).await, true);
    let reply = session.invoke(json!(100_000_000)).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 10000000 calls of the host in one turn",
    );
    assert_eq!(session.ask(json!(1)).await, true, "the session goes on");
    witness.survived(&host).await;
}

/// An agent that asks a model again and again, at most so many times, and answers with what it was told last when that is
/// an error, as JSON text. Its requests hold nothing but the name of a model.
fn asking(function: &str, times: u32) -> Vec<u8> {
    // The answer, an error: behind 8 bytes its kind, and its message at 12. Put between quotes.
    wat::agent(&format!(
        r#"(import "kellion:agent/model@0.1.0" "{function}" (func $ask (param i32 i32)))
        (data (i32.const 1024) "us.anthropic.claude-sonnet-4-20250514-v1:0")
        (func $said (result i32)
            (local $from i32) (local $length i32)
            (local.set $from (i32.load (i32.const 4108)))
            (local.set $length (i32.load (i32.const 4112)))
            (i32.store8 (i32.const 8192) (i32.const 34))
            (memory.copy (i32.const 8193) (local.get $from) (local.get $length))
            (i32.store8 (i32.add (i32.const 8193) (local.get $length)) (i32.const 34))
            (call $answer (i32.const 8192) (i32.add (local.get $length) (i32.const 2))))
        (func (export "invoke") (param i32) (result i32)
            (local $times i32)
            (i32.store (i32.const 2048) (i32.const 1024))
            (i32.store (i32.const 2052) (i32.const 42))
            (loop $again
                (global.set $free (i32.const 65536))
                (call $ask (i32.const 2048) (i32.const 4096))
                (local.set $times (i32.add (local.get $times) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $times) (i32.const {times}))))
            (if (i32.eqz (i32.load8_u (i32.const 4096)))
                (then (return (call $answer (i32.const 4096) (i32.const 0)))))
            (call $said))"#
    ))
}

/// A server whose models are the stand-in's, and another client's session on it.
async fn with_models(config: &str, bedrock: &StandIn) -> (Host, Witness) {
    let host = Host::builder().config(config).bedrock(bedrock).start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    // The connection to the models stays open.
    let asked = peaceful.session("asked");
    asked.ask(json!({ "do": "model", "prompt": "Hello" })).await;
    let witness = Witness::of(&host, &peaceful).await;
    (host, witness)
}

/// There is no recursion of model calls to be tried: an agent cannot call an agent, and a model calls nobody.
#[tokio::test]
async fn g24_more_model_calls_than_a_turn_may_make_are_told_so() {
    let bedrock = StandIn::start().await;
    for _ in 0..21 {
        bedrock.push(Answer::text("Hello."));
    }
    let (host, witness) = with_models("[sessions]\nturn_model_calls = 20\n", &bedrock).await;
    let agent = deployed(&host, "asking", asking("converse", 2_000)).await;
    let session = agent.session("first");
    let told = session.ask(json!({})).await;
    assert_eq!(
        told,
        "the budget turn_model_calls is used up: the turn has made 1999 calls, its limit is 20"
    );
    assert_eq!(bedrock.calls().converse, 21, "the others go to nobody");
    let shown = session.inspect().await;
    assert_eq!(shown["receipts"][0]["models"]["calls"], 2_000, "{shown}");
    let replay = session.replay(json!({})).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g24_who_goes_on_asking_ends_and_its_records_are_bounded() {
    let (host, witness) = stage("[sandbox]\nturn_host_calls = 500000\n").await;
    let agent = deployed(&host, "asking", asking("converse", u32::MAX)).await;
    let session = agent.session("first");
    let reply = session.invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent made more than 500000 calls of the host in one turn",
    );
    // A call that is recorded costs 1,000.
    let journal = session.journal().await;
    let records = journal["records"].as_array().unwrap().iter();
    let observed = records.filter(|record| record["record"] == "observed");
    assert_eq!(observed.count(), 500);
    assert_eq!(outcomes(&session).await, ["faulted"]);
    witness.survived(&host).await;
}

#[tokio::test]
async fn g24_streams_that_are_not_read_are_bounded_over_all_turns() {
    let bedrock = StandIn::start().await;
    for _ in 0..100 {
        bedrock.push(Answer::text("Hello."));
    }
    let (host, witness) = with_models("", &bedrock).await;
    let agent = deployed(&host, "asking", asking("converse-stream", 100)).await;
    let session = agent.session("first");
    for _ in 0..2 {
        let told = session.ask(json!({})).await;
        assert_eq!(
            told,
            "the agent has 64 streams of models open, as many as it may; drop one before you open another"
        );
        assert_eq!(bedrock.calls().converse_stream, 64);
    }
    // They go with their session.
    assert_eq!(session.stop().await.status, 200);
    eventually("the end", || async {
        (session.inspect().await["phase"] == "ended").then_some(())
    })
    .await;
    witness.survived(&host).await;
}
