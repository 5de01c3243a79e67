//! Agents that want all the memory there is.

use futures::future::join_all;
use serde_json::{Value, json};

use super::deeds::{agent, breaks, is_refused};
use super::{deployed, stage};
use crate::harness::{reference, wat};

#[tokio::test]
async fn g8_memory_that_is_refused_a_million_times_costs_the_agents_own_time() {
    let (host, witness) = stage("[sandbox]\nmemory_mib = 16\n").await;
    let deed = "
        (loop $full (br_if $full (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
        (if (i32.ne (memory.size) (i32.const 256)) (then (unreachable)))
        (loop $again
            (if (i32.ne (i32.const -1) (memory.grow (i32.const 1))) (then (unreachable)))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 1000000))))";
    let growing = deployed(&host, "growing", agent(deed, "")).await;
    let session = growing.session("first");
    assert_eq!(session.ask(json!({})).await, true);
    assert_eq!(session.ask(json!(1)).await, true);
    assert_eq!(session.inspect().await["memoryBytes"], 16 << 20);

    let deed = "(if (i32.eq (i32.const -1) (memory.grow (i32.const 256))) (then (unreachable)))";
    let needing = deployed(&host, "needing", agent(deed, "")).await;
    let message = "the agent needs more than 16 MiB of memory";
    breaks(&needing.session("first"), Some("memory"), message).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g9_memories_count_together() {
    let (host, witness) = stage("[sandbox]\nmemory_mib = 96\n").await;
    let one = "(module (memory 1024))";
    // The agent's own memory gets what the other one leaves: 96 MiB are 1,536 pages.
    let deed = "(drop (memory.grow (i32.const 510)))
        (if (i32.ne (memory.size) (i32.const 512)) (then (unreachable)))
        (if (i32.ne (i32.const -1) (memory.grow (i32.const 1))) (then (unreachable)))";
    let two = wat::with_modules(&agent(deed, ""), &[one]);
    let session = deployed(&host, "two", two).await.session("first");
    assert_eq!(session.ask(json!({})).await, true);
    assert_eq!(session.inspect().await["memoryBytes"], 96 << 20);

    let both = wat::with_modules(&agent("", ""), &["(module (memory 1535))"]);
    host.push(&reference("both"), both).await;
    let reason = "100728832 bytes of memory at the start, and at most 100663296 are taken";
    is_refused(&host.create("both").await, reason).await;

    let forty = wat::with_modules(&agent("", ""), &[one; 40]);
    host.push(&reference("forty"), forty).await;
    let reason = "bytes of memory at the start, and at most 100663296 are taken";
    is_refused(&host.create("forty").await, reason).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g10_g11_memories_and_tables_that_are_too_large_from_the_start_are_refused() {
    let (host, witness) = stage("").await;
    let whole = wat::component(&super::deeds::module("", "").replace(
        r#"(memory (export "memory") 2)"#,
        r#"(memory (export "memory") 65536)"#,
    ));
    host.push(&reference("whole"), whole).await;
    let reason = "4294967296 bytes of memory at the start, and at most 268435456 are taken";
    is_refused(&host.create("whole").await, reason).await;
    let table = agent("", "(table 10000000 funcref)");
    host.push(&reference("table"), table).await;
    let reason = "10000000 elements of tables at the start, and at most 100000 are taken";
    is_refused(&host.create("table").await, reason).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g11_a_table_grows_as_far_as_it_may_and_all_tables_count_together() {
    let (host, witness) = stage("").await;
    let deed = "
        (loop $full
            (local.set $n (table.size))
            (br_if $full (i32.ne (i32.const -1) (table.grow (ref.null func) (i32.const 100)))))
        (if (i32.ne (local.get $n) (i32.const 20000)) (then (unreachable)))
        (loop $again
            (if (i32.ne (i32.const -1) (table.grow (ref.null func) (i32.const 1))) (then (unreachable)))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 1000000))))";
    let table = "(table 0 funcref)";
    let growing = deployed(&host, "growing", agent(deed, table)).await;
    let session = growing.session("first");
    assert_eq!(session.ask(json!({})).await, true);
    assert_eq!(session.ask(json!(1)).await, true);

    let deed = "(drop (table.grow (ref.null func) (i32.const 20001))) (unreachable)";
    let needing = deployed(&host, "needing", agent(deed, table)).await;
    let message = "the agent needs more than 20000 elements in one table";
    breaks(&needing.session("first"), Some("table"), message).await;

    let six = wat::with_modules(&agent("", ""), &["(module (table 20000 funcref))"; 6]);
    host.push(&reference("six"), six).await;
    let reason = "120000 elements of tables at the start, and at most 100000 are taken";
    is_refused(&host.create("six").await, reason).await;
    witness.survived(&host).await;
}

/// Writes to every page of so many MiB, and keeps them.
fn touching(mib: u32) -> Vec<u8> {
    let deed = format!(
        "(if (i32.eq (i32.const -1) (memory.grow (i32.const {}))) (then (unreachable)))
        (local.set $i (i32.const 131072))
        (loop $next
            (i32.store (local.get $i) (i32.const 1))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4096)))
                (i32.shl (i32.sub (memory.size) (i32.const 1)) (i32.const 16)))))",
        mib * 16
    );
    agent(&deed, "")
}

#[tokio::test]
async fn g12_more_sessions_than_the_memory_has_room_for_are_refused_and_nobody_is_killed() {
    const LIMIT_MIB: u64 = 1_200;
    let config = format!(
        "[sandbox]\nmax_live_sessions = 200\nserver_memory_mib = {LIMIT_MIB}\n[sessions]\ndurability = \"none\"\n"
    );
    let (host, mut witness) = stage(&config).await;
    let touching = deployed(&host, "touching", touching(96)).await;
    let names: Vec<String> = (0..40).map(|number| format!("session-{number}")).collect();
    let sessions: Vec<_> = names.iter().map(|name| touching.session(name)).collect();
    let replies = join_all(sessions.iter().map(|session| session.invoke(json!({})))).await;
    let mut answered = 0;
    for reply in &replies {
        if reply.status == 200 {
            answered += 1;
            continue;
        }
        let message = "the server has no memory left; try again later";
        reply.assert_refused(429, "ThrottlingException", message);
        assert_eq!(reply.header("retry-after"), "1");
    }
    assert!((1..40).contains(&answered), "{answered}");
    witness.answers().await;
    let most = host.peak_mib();
    assert!(
        most < LIMIT_MIB + 400,
        "{most} MiB, with a limit of {LIMIT_MIB}"
    );

    for session in &sessions {
        session.stop().await;
    }
    assert_eq!(touching.session("later").ask(json!({})).await, true);
    touching.session("later").stop().await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g13_filling_all_memory_in_a_loop_ends_with_its_cpu_time_and_others_go_on_meanwhile() {
    let (host, mut witness) = stage("[sandbox]\nturn_cpu_ms = 1000\n").await;
    let deed = "(drop (memory.grow (i32.const 4000)))
        (loop
            (memory.fill (i32.const 131072) (i32.const 7) (i32.const 262000000))
            (memory.copy (i32.const 131073) (i32.const 131072) (i32.const 262000000))
            (br 0))";
    let filling = deployed(&host, "filling", agent(deed, "")).await;
    let sessions: Vec<_> = ["first", "second", "third"]
        .map(|name| filling.session(name))
        .into();
    let spent = "the agent used more than 1000 ms of CPU time in one turn";
    let fillers = join_all(
        sessions
            .iter()
            .map(|session| breaks(session, Some("cpu-time"), spent)),
    );
    let meanwhile = async {
        for _ in 0..10 {
            witness.answers().await;
        }
    };
    tokio::join!(fillers, meanwhile);
    let charged: Vec<Value> = join_all(sessions.iter().map(|session| session.inspect()))
        .await
        .iter()
        .map(|shown| shown["receipts"][0]["cpuUs"].clone())
        .collect();
    // A tick of 10 ms and an operation that cannot be cut may come on top.
    for charged in charged {
        assert!(
            (1_000_000..4_000_000).contains(&charged.as_u64().unwrap()),
            "{charged}"
        );
    }
    witness.survived(&host).await;
}
