//! Turns that compute for long, and those who must not wait for them.

use std::fs;
use std::thread::available_parallelism;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Host, Local, PROBE, Session, eventually, in_time, reference, wat};
use crate::stand_in::{Answer, StandIn};

/// Minutes of CPU time for each turn: no spinning one ends by itself.
const PATIENT: &str = "[sandbox]\nturn_cpu_ms = 3600000\n";

/// More than two ticks on any machine.
const LONG: u64 = 200_000_000;

/// Does something after having computed for long.
fn after(then: &Value) -> Value {
    json!({ "do": "after", "rounds": LONG, "then": then })
}

/// The CPU time of the server's threads for long turns, and of all others, in clock ticks.
fn spent(host: &Host) -> (u64, u64) {
    let (mut long, mut rest) = (0, 0);
    let tasks = fs::read_dir(format!("/proc/{}/task", host.process_id())).unwrap();
    for task in tasks {
        // It may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(task.unwrap().path().join("stat")) else {
            continue;
        };
        let (name, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        let time = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        if name.ends_with("long-turns") {
            assert_eq!(fields[16], "5", "they are nice");
            long += time;
        } else {
            rest += time;
        }
    }
    (long, rest)
}

#[tokio::test]
async fn a_short_turn_is_answered_while_more_guests_spin_than_there_are_cores() {
    let host = Host::builder().config(PATIENT).start();
    let agent = host.deploy("probe", PROBE).await;
    let victim = host.deploy("victim", PROBE).await.session("victim");
    assert_eq!(victim.count().await, 1);

    let cores = available_parallelism().unwrap().get();
    let spinners: Vec<_> = (0..cores * 8)
        .map(|number| agent.session(&format!("spinner-{number}")))
        .collect();
    let spinning: Vec<_> = spinners
        .iter()
        .cloned()
        .map(|session| tokio::spawn(async move { session.invoke(json!({ "do": "spin" })).await }))
        .collect();
    join_all(spinners.iter().map(Session::runs)).await;
    let first = eventually("all to be moved away", || async {
        let before = spent(&host);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let after = spent(&host);
        (after.0 - before.0 > 4 * (after.1 - before.1)).then_some(after)
    })
    .await;
    for turn in 2..40 {
        assert_eq!(victim.count().await, turn);
    }
    eventually("the long turns to go on", || async {
        (spent(&host).0 > first.0).then_some(())
    })
    .await;

    join_all(spinners.iter().map(Session::stop)).await;
    for stopped in join_all(spinning).await {
        let refused = stopped.unwrap();
        refused.assert_refused(
            424,
            "RuntimeClientError",
            "the session ended while the turn ran",
        );
    }
    assert_eq!(victim.count().await, 40);
}

#[tokio::test]
async fn a_long_turn_is_like_any_other() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("It is 10."));
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);

    assert_eq!(session.ask(after(&json!({ "do": "count" }))).await, 2);
    assert!(spent(&host).0 > 0, "it was moved away");
    let answer = session.ask(after(&json!({ "do": "model", "prompt": "How much?" })));
    assert_eq!(answer.await["text"], "It is 10.");
    let slept = session.ask(after(&json!({ "do": "sleep", "ms": 1 }))).await;
    assert_eq!(slept["slept_ms"], 1);
    let kept = session
        .ask(after(&json!({ "do": "keep", "kib": 4096 })))
        .await;
    assert_eq!(kept["kept_bytes"], 4 << 20);
    let streamed = session
        .invoke(after(&json!({ "do": "stream", "n": 3 })))
        .await;
    assert_eq!(streamed.status, 200);
    assert_eq!(streamed.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    let failed = session
        .invoke(after(&json!({ "do": "fail", "message": "no" })))
        .await;
    failed.assert_refused(424, "RuntimeClientError", "no");
    for (deed, message) in [
        ("trap", "the agent trapped: wasm trap: wasm `unreachable`"),
        ("panic", "the agent trapped"),
    ] {
        let broken = session.invoke(after(&json!({ "do": deed }))).await;
        broken.assert_refused(424, "RuntimeClientError", message);
    }
    assert_eq!(
        session.count().await,
        8,
        "a fault leaves no mark, and all else does"
    );
    let shown = session.inspect().await;
    let receipts = shown["receipts"].as_array().unwrap();
    let outcomes: Vec<_> = receipts.iter().map(|receipt| &receipt["outcome"]).collect();
    let expected = [
        "answered",
        "answered",
        "answered",
        "answered",
        "answered",
        "answered",
        "agent-error",
        "faulted",
        "faulted",
        "answered",
    ];
    assert_eq!(outcomes, expected);
    assert!(
        receipts[4]["memoryBytes"].as_u64() > Some(4 << 20),
        "{shown}"
    );
    assert_eq!(receipts[2]["models"]["calls"], 1, "{shown}");
}

#[tokio::test]
async fn a_long_turn_ends_with_its_cpu_time() {
    let host = Host::builder()
        .config("[sandbox]\nturn_cpu_ms = 200\n")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let refused = session.invoke(json!({ "do": "spin" })).await;
    let message = "the agent used more than 200 ms of CPU time in one turn";
    refused.assert_refused(424, "RuntimeClientError", message);
    assert_eq!(session.count().await, 2);
}

#[tokio::test]
async fn a_long_turn_can_be_stopped_and_makes_room_at_once() {
    // Room for two cells: one is the victim's.
    let config = format!("{PATIENT}max_live_sessions = 2\n[sessions]\ndurability = \"none\"\n");
    let host = Host::builder().config(&config).start();
    let agent = host.deploy("probe", PROBE).await;
    let victim = agent.session("victim");
    assert_eq!(victim.count().await, 1);
    for _ in 0..5 {
        let session = agent.session("spinner");
        let before = spent(&host).0;
        let spinning = session.invoke(json!({ "do": "spin" }));
        let stopping = async {
            session.runs().await;
            eventually("it to be moved away", || async {
                (spent(&host).0 > before).then_some(())
            })
            .await;
            session.stop().await
        };
        let (refused, stopped) = tokio::join!(spinning, stopping);
        assert_eq!(stopped.status, 200);
        let message = "the session ended while the turn ran: it was stopped";
        refused.assert_refused(424, "RuntimeClientError", message);
        let next = agent.session("next");
        assert_eq!(next.count().await, 1, "there is room for another");
        assert_eq!(next.stop().await.status, 200);
    }
    assert_eq!(victim.count().await, 2);
}

#[tokio::test]
async fn a_long_turn_is_given_up_when_its_time_is_over() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let spinning = session.invoke(json!({ "do": "spin" }));
    let passing = async {
        session.runs().await;
        local.advance(900);
    };
    let (refused, ()) = in_time("the refusal", async { tokio::join!(spinning, passing) }).await;
    refused.assert_refused(424, "RuntimeClientError", "the turn took longer than 900 s");
    assert_eq!(session.count().await, 2, "what it knew before is not lost");
    local.stop().await;
}

#[tokio::test]
async fn a_long_turn_is_told_again_after_a_crash() {
    let mut host = Host::builder().alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.ask(after(&json!({ "do": "count" }))).await, 1);
    let long = json!({ "do": "after", "rounds": 5 * LONG, "then": { "do": "count" } });
    let before = spent(&host).0;
    let cut = tokio::spawn({
        let session = session.clone();
        async move { session.invocation(long.to_string()).send().await }
    });
    session.runs().await;
    eventually("the turn to be moved away", || async {
        (spent(&host).0 > before).then_some(())
    })
    .await;
    host.kill();
    assert!(cut.await.unwrap().is_err(), "its caller is told nothing");
    host.start_again();
    let session = agent.of(&host).session("first");
    assert_eq!(
        session.count().await,
        3,
        "the turn that was cut is finished first"
    );
    let mut again = session.replay(json!({})).await.json_of(200);
    assert_eq!(again["matches"].take(), true, "{again}");
}

#[tokio::test]
async fn an_agent_that_starts_for_long_starts() {
    let host = Host::builder().start();
    let slow = wat::agent(
        r#"(data (i32.const 1024) "\"hello\"")
        (global $round (mut i32) (i32.const 0))
        (func $start
            (loop $more
                (global.set $round (i32.add (global.get $round) (i32.const 1)))
                (br_if $more (i32.lt_u (global.get $round) (i32.const 200000000)))))
        (start $start)
        (func (export "invoke") (param i32) (result i32)
            (call $answer (i32.const 1024) (i32.const 7)))"#,
    );
    host.push(&reference("slow"), slow).await;
    let agent = host.create_with("slow", json!({})).await;
    let runtime = agent.built().await;
    assert_eq!(runtime["status"], "READY", "{runtime}");
    let sessions = ["first", "second"].map(|name| agent.session(name));
    let answers = join_all(sessions.iter().map(|session| session.ask(json!({})))).await;
    assert_eq!(answers, ["hello", "hello"]);
    assert!(spent(&host).0 > 0, "it was moved away");
}

#[tokio::test]
async fn who_has_as_many_computing_turns_as_may_be_is_refused_at_once_and_nobody_else() {
    let host = Host::builder()
        .config(&format!("{PATIENT}[sessions]\ncomputing_turns = 3\n"))
        .start();
    let greedy = host.guest("greedy", "").await.deploy("probe", PROBE).await;
    let other = host.guest("other", "").await.deploy("probe", PROBE).await;
    let (other, own) = (other.session("other"), greedy.session("own"));
    assert_eq!(other.count().await, 1);
    assert_eq!(own.count().await, 1);

    let mut spinners: Vec<Session> = Vec::new();
    let mut spinning = Vec::new();
    let refused = loop {
        let answer = own.invoke(json!({ "do": "count" })).await;
        if answer.status != 200 {
            break answer;
        }
        let session = greedy.session(&format!("spinner-{}", spinners.len()));
        spinners.push(session.clone());
        spinning.push(tokio::spawn({
            let session = session.clone();
            async move { session.invoke(json!({ "do": "spin" })).await }
        }));
        // One that is refused never runs.
        eventually("the turn to run, or not", || async {
            let shown = session.look().await;
            let runs = shown.status == 200 && shown.json()["phase"] == "running";
            (runs || spinning.last().is_some_and(|turn| turn.is_finished())).then_some(())
        })
        .await;
        assert!(spinners.len() < 1_000, "nobody is ever refused");
    };
    let message = "the account has 3 turns that compute at this moment";
    refused.assert_refused(429, "ThrottlingException", message);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(other.count().await, 2, "another tenant is served");

    join_all(spinners.iter().map(Session::stop)).await;
    join_all(spinning).await;
    assert_eq!(own.invoke(json!({ "do": "count" })).await.status, 200);
}

#[tokio::test]
async fn a_server_takes_as_many_turns_as_it_may_and_refuses_the_next_at_once() {
    let host = Host::builder()
        .config("[sessions]\nmax_turns = 3\n")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let sleepers = ["first", "second", "third"].map(|name| agent.session(name));
    let sleeping: Vec<_> = sleepers
        .iter()
        .cloned()
        .map(|session| {
            let sleep = json!({ "do": "sleep", "ms": 3_600_000 });
            tokio::spawn(async move { session.invoke(sleep).await })
        })
        .collect();
    join_all(sleepers.iter().map(Session::runs)).await;
    let session = agent.session("fourth");
    let refused = session.invoke(json!({ "do": "count" })).await;
    let message = "the server has 3 turns that run or wait, as many as it takes";
    refused.assert_refused(429, "ThrottlingException", message);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(sleepers[0].stop().await.status, 200);
    eventually("a place", || async {
        let answer = session.invoke(json!({ "do": "count" })).await;
        (answer.status == 200).then_some(())
    })
    .await;
    join_all(sleepers.iter().map(Session::stop)).await;
    join_all(sleeping).await;
}
