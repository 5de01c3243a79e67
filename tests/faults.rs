//! Agents that break, and agents that mean harm: the caller is told, the session goes on as if the turn had not been, and
//! nobody else notices.

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::harness::{Host, Local, PROBE, Reply, Session, TUTORIAL, eventually, in_time};
use crate::stand_in::{Answer, StandIn};

/// A turn that breaks, seen from everywhere: by its caller, in its receipt, in its session's log, and by the next turn.
async fn breaks(session: &Session, deed: Value, message: &str) {
    assert_eq!(session.count().await, 1);
    let refused = session.invoke(deed).await;
    refused.assert_refused(424, "RuntimeClientError", message);
    let request = refused.header("x-amzn-requestid");

    let shown = session.inspect().await;
    assert_eq!(shown["phase"], "idle", "{shown}");
    let receipt = &shown["receipts"][1];
    assert_eq!(receipt["request"], request, "{shown}");
    assert_eq!(receipt["outcome"], "faulted", "{shown}");
    let reason = message.rsplit(": ").next().unwrap_or(message);
    let log = session.log(request).await;
    assert!(
        log.iter().any(|entry| entry.contains(reason)),
        "{reason:?} is not in the log: {log:?}"
    );

    assert_eq!(session.count().await, 2, "what it knew before is not lost");
}

#[tokio::test]
async fn a_fault_costs_its_own_turn_and_no_other() {
    let host = Host::builder()
        .config("[sandbox]\nturn_cpu_ms = 200\ntransfer_mib = 1\nmemory_mib = 32")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let canary = host.deploy("canary", PROBE).await.session("canary");
    assert_eq!(canary.count().await, 1);

    // (Its name, the deed, what the caller is told.)
    let faults = [
        (
            "panic",
            json!({ "do": "panic" }),
            "Received error (500) from runtime: the agent trapped",
        ),
        (
            "trap",
            json!({ "do": "trap" }),
            "the agent trapped: wasm trap: wasm `unreachable`",
        ),
        (
            "recurse",
            json!({ "do": "recurse" }),
            "the agent trapped: wasm trap",
        ),
        (
            "spin",
            json!({ "do": "spin" }),
            "the agent used more than 200 ms of CPU time in one turn",
        ),
        (
            "large",
            json!({ "do": "large", "bytes": 2 << 20 }),
            "the agent handed over more than 1 MiB in one call",
        ),
        (
            "memory",
            json!({ "do": "echo", "value": "x".repeat(33 << 20) }),
            "the agent needs more than 32 MiB of memory",
        ),
    ];
    for (turn, (name, deed, message)) in faults.into_iter().enumerate() {
        breaks(&agent.session(name), deed, message).await;
        assert_eq!(canary.count().await, turn + 2, "after {name}");
    }
}

#[tokio::test]
async fn without_a_journal_a_fault_ends_its_session() {
    let host = Host::builder()
        .config("[sessions]\ndurability = \"none\"")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let refused = session.invoke(json!({ "do": "trap" })).await;
    refused.assert_refused(424, "RuntimeClientError", "the agent trapped");
    let ended = session.ended().await;
    assert_eq!(ended["reason"], "broken", "{ended}");
    assert_eq!(ended["receipts"][1]["outcome"], "faulted", "{ended}");
    let log = session.log(refused.header("x-amzn-requestid")).await;
    assert!(log[0].contains("unreachable"), "{log:?}");
    assert_eq!(session.count().await, 1, "the same id is a fresh world");
}

#[tokio::test]
async fn a_turn_that_takes_too_long_is_given_up() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);

    let sleeping = session.invoke(json!({ "do": "sleep", "ms": 3_600_000 }));
    let passing = async {
        running(&session).await;
        local.advance(900);
    };
    let (refused, ()) = in_time("the refusal", async { tokio::join!(sleeping, passing) }).await;
    refused.assert_refused(
        424,
        "RuntimeClientError",
        "Received error (504) from runtime: the turn took longer than 900 s",
    );
    let shown = session.inspect().await;
    assert_eq!(shown["receipts"][1]["outcome"], "abandoned", "{shown}");
    assert_eq!(session.count().await, 2, "what it knew before is not lost");
    local.stop().await;
}

async fn running(session: &Session) {
    eventually("the turn to run", || async {
        (session.inspect().await["phase"] == "running").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_finds_memory_refused_may_go_on() {
    let host = Host::builder().config("[sandbox]\nmemory_mib = 16").start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let filled = session.ask(json!({ "do": "fill" })).await;
    assert_eq!(filled["refused"], true, "{filled}");
    assert!(filled["mib"].as_u64() < Some(16), "{filled}");
    assert_eq!(session.count().await, 2);
    let memory = session.inspect().await["memoryBytes"].as_u64();
    assert!(memory <= Some(16 << 20), "{memory:?}");
}

#[tokio::test]
async fn the_cpu_time_of_one_turn_is_not_charged_to_the_next() {
    let host = Host::builder()
        .config("[sandbox]\nturn_cpu_ms = 1000")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    // Each is far below the limit, all together are above it.
    for _ in 0..400 {
        let filled = session.ask(json!({ "do": "fill", "mib": 100 })).await;
        assert_eq!(filled["refused"], false, "{filled}");
    }
    assert_eq!(session.count().await, 401);
}

#[tokio::test]
async fn an_agent_sees_nothing_of_the_machine() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let reach = agent.session("first").ask(json!({ "do": "env" })).await;
    assert_eq!(reach["variables"], json!({}));
    assert_eq!(reach["arguments"], json!([]));
    for attempt in ["root", "passwd", "written", "connected", "resolved"] {
        assert!(reach[attempt]["Err"].is_string(), "{attempt}: {reach}");
    }
}

#[tokio::test]
async fn what_an_agent_prints_is_found_by_the_request() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let first = session
        .invoke(json!({ "do": "print", "message": "one" }))
        .await;
    let second = session
        .invoke(json!({ "do": "print", "message": "two" }))
        .await;
    // Printed to stdout and stderr, and logged at four levels.
    assert_eq!(
        session.log(first.header("x-amzn-requestid")).await,
        ["one"; 6]
    );
    assert_eq!(
        session.log(second.header("x-amzn-requestid")).await,
        ["two"; 6]
    );
    assert!(session.log("unknown").await.is_empty());
}

#[tokio::test]
async fn turns_of_one_session_run_one_after_another() {
    let host = Host::builder()
        .config("[sessions]\nwaiting_turns = 32")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let counts = join_all((0..20).map(|_| session.count())).await;
    let mut counts: Vec<u64> = counts.iter().filter_map(Value::as_u64).collect();
    counts.sort_unstable();
    assert_eq!(counts, Vec::from_iter(1..=20));
}

#[tokio::test]
async fn a_full_mailbox_refuses_the_turn_and_a_stop_sends_the_waiting_ones_away() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("").hold());
    let host = Host::builder()
        .bedrock(&bedrock)
        .config("[sessions]\nwaiting_turns = 2")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");

    let held = session.invoke(json!({ "do": "model", "prompt": "Hello" }));
    let crowd = async {
        in_time("the model call", bedrock.arrived(1)).await;
        let count = || session.invoke(json!({ "do": "count" }));
        let mut crowd = FuturesUnordered::from_iter((0..3).map(|_| count()));
        // Two wait as long as the model does: only a refusal can come back.
        let refused = in_time("the refusal", crowd.next()).await;
        refused.expect("three were sent").assert_refused(
            429,
            "ThrottlingException",
            "the session has 2 turns waiting",
        );
        assert!(crowd.next().now_or_never().is_none());
        assert_eq!(session.stop().await.status, 200);
        crowd.collect::<Vec<Reply>>().await
    };
    let (held, waited) = in_time("the answers", async { tokio::join!(held, crowd) }).await;
    held.assert_refused(424, "RuntimeClientError", "it was stopped");
    for reply in waited {
        reply.assert_refused(409, "RetryableConflictException", "please retry");
    }
    assert_eq!(session.count().await, 1, "the same id is a fresh world");
}

#[tokio::test]
async fn a_server_full_of_live_sessions_refuses_one_more_until_one_ends() {
    // With durability an idle one would make room.
    let host = Host::builder()
        .config("[sandbox]\nmax_live_sessions = 2\n[sessions]\ndurability = \"none\"")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let [first, second, third] = ["first", "second", "third"].map(|name| agent.session(name));
    first.count().await;
    second.count().await;

    let payload = json!({ "do": "count" });
    third.invoke(payload.clone()).await.assert_refused(
        429,
        "ThrottlingException",
        "all 2 live sessions are in use",
    );
    assert_eq!(first.count().await, 2, "who lives goes on");

    assert_eq!(second.stop().await.status, 200);
    let answered = host
        .until(200, || third.invocation(payload.to_string()))
        .await;
    assert_eq!(answered.json(), 1);
}

#[tokio::test]
async fn a_broken_agent_does_not_disturb_a_tutorial_beside_it() {
    let host = Host::builder()
        .config("[sandbox]\nturn_cpu_ms = 100")
        .start();
    let probe = host.deploy("probe", PROBE).await;
    let tutorial = host.deploy("tutorial", TUTORIAL).await;
    let pupil = tutorial.session("pupil");
    pupil.prompt(1, "How much is 2X5?").await;

    let spinners = ["a", "b", "c", "d"].map(|name| probe.session(name));
    let spinning = join_all(
        spinners
            .iter()
            .map(|session| session.invoke(json!({ "do": "spin" }))),
    );
    let (spun, answer) = tokio::join!(spinning, pupil.prompt(1, "and that plus 34?"));
    assert_eq!(answer, "Hello Maira! 10 + 34 is 44.");
    for reply in spun {
        reply.assert_refused(424, "RuntimeClientError", "100 ms of CPU time");
    }
}

#[tokio::test]
async fn who_replaces_the_executable_leaves_the_server_that_runs_whole() {
    let host = Host::builder()
        .prelude("cp \"$0\" own; exec ./own \"$@\"")
        .start();
    let own = host.folder().join("own");
    std::fs::remove_file(&own).expect("it is ours");
    std::fs::write(&own, "another edition").expect("the folder is writable");
    let session = host.deploy("probe", PROBE).await.session("one");
    assert_eq!(session.count().await, 1);
}
