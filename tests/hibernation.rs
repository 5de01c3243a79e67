//! Sessions that leave memory while they wait, and come back as if they had not.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Host, Local, PROBE, Session, eventually, in_time};
use crate::stand_in::{Answer, StandIn};

async fn rests(session: &Session) {
    eventually("the session to leave memory", || async {
        (session.inspect().await["awake"] == false).then_some(())
    })
    .await;
}

fn images(data: &Path) -> Vec<std::path::PathBuf> {
    let bodies = std::fs::read_dir(data.join("journal/bodies")).unwrap();
    bodies.map(|body| body.unwrap().path()).collect()
}

#[tokio::test]
async fn an_idle_session_leaves_memory_and_comes_back_with_all_it_knew() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    let kept = session.ask(json!({ "do": "keep", "kib": 200 })).await;
    let printed = session.invoke(json!({ "do": "print", "message": "before" }));
    let request = printed.await.header("x-amzn-requestid").to_owned();
    let before = session.inspect().await;
    assert_eq!(before["awake"], true);

    for round in 0..3 {
        local.advance(29);
        assert_eq!(session.inspect().await["awake"], true);
        local.advance(1);
        rests(&session).await;
        let resting = session.inspect().await;
        for member in ["phase", "since", "started", "turns", "version", "models"] {
            if round == 0 {
                assert_eq!(resting[member], before[member], "{member}");
            }
        }
        assert!(session.log(&request).await.contains(&"before".to_owned()));
        assert_eq!(session.count().await, 4 + 2 * round);
        let more = session.ask(json!({ "do": "keep", "kib": 0 })).await;
        assert_eq!(more, kept, "the memory that it wrote is there");
    }
    let receipts = session.inspect().await["receipts"].clone();
    assert_eq!(receipts.as_array().unwrap().len(), 9, "{receipts}");
    assert_eq!(images(local.data()).len(), 1, "one image, the newest");
    local.stop().await;
}

#[tokio::test]
async fn the_idle_time_goes_on_while_a_session_rests() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    local.advance(30);
    rests(&session).await;
    local.advance(869);
    assert_eq!(session.inspect().await["phase"], "idle");
    local.advance(60);
    assert_eq!(session.ended().await["reason"], "idle");
    assert_eq!(session.count().await, 1);
    local.stop().await;
}

#[tokio::test]
async fn more_sessions_than_fit_into_memory_all_go_on() {
    let host = Host::builder()
        .config("[sandbox]\nmax_live_sessions = 4")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let sessions: Vec<_> = (0..40)
        .map(|number| agent.session(&format!("session-{number}")))
        .collect();
    for round in 1..=3 {
        let counts = sessions.chunks(4).map(|some| async move {
            let counts = some.iter().map(Session::count);
            futures::future::join_all(counts).await
        });
        for counts in counts {
            let counts = in_time("the counts", counts).await;
            assert!(counts.iter().all(|count| *count == round), "{counts:?}");
        }
    }
    let awake = host.sessions().await;
    let awake = awake.iter().filter(|session| session["awake"] == true);
    assert!(awake.count() <= 4);
}

#[tokio::test]
async fn who_has_waited_longest_makes_room_first() {
    let local = Local::with(|config| config.sandbox.max_live_sessions = 3).await;
    let agent = local.deploy("probe", PROBE).await;
    let [first, second, third, fourth] =
        ["first", "second", "third", "fourth"].map(|name| agent.session(name));
    for session in [&first, &second, &third, &first] {
        session.count().await;
        local.advance(1);
    }
    fourth.count().await;
    rests(&second).await;
    for session in [&first, &third, &fourth] {
        assert_eq!(session.inspect().await["awake"], true);
    }
    assert_eq!(second.count().await, 2);
    rests(&third).await;
    local.stop().await;
}

#[tokio::test]
async fn above_its_memory_limit_the_server_lets_idle_sessions_go() {
    let host = Host::builder().config("[sessions]\nmemory_mib = 1").start();
    let agent = host.deploy("probe", PROBE).await;
    let sessions = ["first", "second", "third"].map(|name| agent.session(name));
    for round in 1..=2 {
        for session in &sessions {
            assert_eq!(session.count().await, round);
        }
        for session in &sessions {
            rests(session).await;
        }
    }
}

#[tokio::test]
async fn a_session_that_no_image_can_hold_stays_until_there_is_no_room_and_then_is_replayed() {
    let bedrock = StandIn::start().await;
    let host = Host::builder()
        .bedrock(&bedrock)
        .config("[sandbox]\nmax_live_sessions = 2\n[sessions]\nhibernate_seconds = 0")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let [holds, also_holds, third] =
        ["holds", "also-holds", "third"].map(|name| agent.session(name));
    for session in [&holds, &also_holds] {
        bedrock.push(Answer::text("one two three"));
        session.count().await;
        session
            .ask(json!({ "do": "model-hold", "prompt": "Count" }))
            .await;
    }
    for session in [&holds, &also_holds] {
        assert_eq!(session.inspect().await["awake"], true, "it holds a stream");
    }

    third.count().await;
    rests(&holds).await;
    assert_eq!(holds.count().await, 3);
    assert_eq!(holds.ask(json!({ "do": "release" })).await, 1);
    assert_eq!(bedrock.calls().converse_stream, 2);
}

#[tokio::test]
async fn an_image_that_is_lost_or_damaged_is_no_loss() {
    let mut host = Host::builder()
        .config("[sessions]\nhibernate_seconds = 0")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let [lost, damaged] = ["lost", "damaged"].map(|name| agent.session(name));
    for session in [&lost, &damaged] {
        for turn in 1..=3 {
            assert_eq!(session.count().await, turn);
        }
        rests(session).await;
        host.kill();
        for image in images(&host.folder().join("data")) {
            if session.id == lost.id {
                std::fs::remove_file(image).unwrap();
            } else {
                let mut bytes = std::fs::read(&image).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(image, bytes).unwrap();
            }
        }
        host.start_again();
        assert_eq!(session.count().await, 4);
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_gone_from_disk_after_its_retention_however_it_ended() {
    let local = Local::with(|config| config.journal.retention_seconds = 3_600).await;
    let [stopped, idle, old, deleted] = ["stopped", "idle", "old", "deleted"];
    let mut agents = Vec::new();
    for end in [stopped, idle, old, deleted] {
        let lives = json!({ "idleRuntimeSessionTimeout": 600, "maxLifetime": 600 });
        let lives = if end == idle || end == old {
            lives
        } else {
            json!({})
        };
        let lives = json!({ "lifecycleConfiguration": lives });
        let agent = local.deploy_with(end, PROBE, lives).await;
        let session = agent.session("first");
        let echo = json!({ "do": "echo", "value": secret(end).repeat(1_000) });
        session.ask(echo).await;
        agents.push((end, agent, session));
    }
    local.advance(30);
    for (_, _, session) in &agents {
        rests(session).await;
    }
    for (end, agent, session) in &agents {
        match *end {
            "stopped" => {
                session.count().await;
                assert_eq!(session.stop().await.status, 200);
            }
            // Busy until its lifetime is over, not idle.
            "old" => assert_eq!(session.count().await, 2),
            "deleted" => {
                local.delete(&agent.path("")).await.json_of(202);
            }
            _ => {}
        }
    }
    local.advance(570);
    for (end, reason) in [
        (stopped, "stopped"),
        (idle, "idle"),
        (old, "lifetime"),
        (deleted, "deleted"),
    ] {
        let of = agents.iter().find(|(name, ..)| *name == end).unwrap();
        let ended = of.2.ended().await;
        // Both times are over at once; which one is named first is the server's choice.
        assert!(
            ended["reason"] == reason || (end == idle && ended["reason"] == "lifetime"),
            "{end}: {ended}"
        );
        assert!(is_on_disk(local.data(), &secret(end)), "{end}");
    }
    local.advance(3_700);
    for (end, agent, session) in &agents {
        eventually("the session to be gone", || async {
            (session_status(&local, &agent.id, &session.id).await == 404).then_some(())
        })
        .await;
        eventually("its traces to be gone", || async {
            (!is_on_disk(local.data(), &secret(end))).then_some(())
        })
        .await;
    }
    local.stop().await;
}

fn secret(of: &str) -> String {
    format!("a secret of the {of} one ")
}

#[tokio::test]
async fn turns_before_an_image_are_let_go_and_count_all_the_same() {
    let local = Local::with(|config| config.journal.retention_seconds = 60).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let question = json!({ "do": "model", "prompt": "Hello" });
    session.ask(question).await;
    session.count().await;
    session.count().await;
    let before = session.inspect().await;
    local.advance(30);
    rests(&session).await;
    local.advance(120);
    let journal = format!(
        "/kellion/v1/agents/{}/sessions/{}/journal",
        agent.id, session.id
    );
    eventually("the records to be gone", || async {
        let journal = local.get(&journal).await.json_of(200);
        (!journal["trimmed"].is_null()).then_some(())
    })
    .await;
    let after = session.inspect().await;
    for member in [
        "phase",
        "since",
        "turns",
        "models",
        "memoryBytes",
        "started",
    ] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(
        session.count().await,
        4,
        "it knows what its records tell no more"
    );
    assert_eq!(session.inspect().await["turns"], 4);
    local.stop().await;
}

async fn session_status(local: &Local, agent: &str, session: &str) -> u16 {
    let path = format!("/kellion/v1/agents/{agent}/sessions/{session}");
    local.get(&path).await.status
}

fn is_on_disk(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        // It may go away while it is looked for.
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn a_session_that_records_much_is_imaged_sooner() {
    let host = Host::builder().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let large = json!({ "do": "echo", "value": "x".repeat(6 << 20) });
    let images = async || {
        let journal = session.journal().await;
        let records = journal["records"].as_array().unwrap();
        let images = records.iter().filter(|record| record["record"] == "image");
        images.count()
    };
    assert_eq!(session.invoke(large.clone()).await.status, 200);
    assert_eq!(session.count().await, 2);
    assert_eq!(images().await, 0, "12 MiB are recorded");
    assert_eq!(session.invoke(large).await.status, 200);
    // The turn is answered before its image is taken, and the next one waits for that.
    assert_eq!(session.count().await, 4);
    assert_eq!(images().await, 1, "and 24 MiB");
}

#[tokio::test]
async fn a_busy_session_is_imaged_now_and_then() {
    let mut host = Host::builder()
        .config("[sessions]\nturns_per_image = 5")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    for turn in 1..=12 {
        assert_eq!(session.count().await, turn);
    }
    assert_eq!(images(&host.folder().join("data")).len(), 1);
    host.kill();
    host.start_again();
    assert_eq!(session.count().await, 13);
    let shown: Value = session.inspect().await;
    assert_eq!(shown["turns"], 13);
    assert_eq!(shown["receipts"].as_array().unwrap().len(), 13);
}
