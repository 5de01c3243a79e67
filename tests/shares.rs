//! What an account leaves for others, whatever it does: live sessions, and memory.

use futures::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{Agent, Host, PROBE, Reply, Session, eventually};
use crate::stand_in::{Answer, StandIn};

/// Of the machine's, in MiB.
const MEMORY: u32 = 1_200;

/// What a session holds, in MiB.
const LARGE: u32 = 96;

async fn deployed(host: &Host, account: &str) -> Agent {
    let client = host.guest(account, "").await;
    client.deploy("probe", PROBE).await
}

/// A turn that only waits.
fn waiting(session: &Session) -> JoinHandle<Reply> {
    let session = session.clone();
    tokio::spawn(async move {
        let sleep = json!({ "do": "sleep", "ms": 3_600_000 });
        session.invoke(sleep).await
    })
}

async fn keep(session: &Session) -> Reply {
    let keep = json!({ "do": "keep", "kib": LARGE << 10 });
    session.invoke(keep).await
}

/// As a client that tries again when it is told to.
async fn served(session: &Session) {
    eventually("the other account to be served", || async {
        let reply = session.invoke(json!({ "do": "count" })).await;
        if reply.status == 200 {
            return Some(());
        }
        reply.assert_refused(429, "ThrottlingException", "");
        None
    })
    .await;
}

/// The status of a turn that may be refused.
async fn count_or_not(session: &Session) -> u16 {
    session.invoke(json!({ "do": "count" })).await.status
}

#[tokio::test]
async fn an_account_whose_sessions_are_all_at_work_leaves_live_sessions_for_others() {
    let host = Host::builder()
        .config("[sandbox]\nmax_live_sessions = 8\n")
        .start();
    let greedy = deployed(&host, "greedy").await;
    let other = deployed(&host, "other").await.session("other");
    let sessions: Vec<_> = (0..6)
        .map(|number| greedy.session(&format!("waiting-{number}")))
        .collect();
    let turns: Vec<_> = sessions.iter().map(waiting).collect();
    join_all(sessions.iter().map(Session::runs)).await;

    let one_more = greedy.session("one-more");
    let refused = one_more.invoke(json!({ "do": "count" })).await;
    let message = "the account has 6 live sessions, as many as leave room for others";
    refused.assert_refused(429, "ThrottlingException", message);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(other.count().await, 1);

    sessions[0].stop().await;
    assert_eq!(one_more.count().await, 1, "it makes room by itself");
    assert_eq!(other.count().await, 2);
    join_all(sessions.iter().map(Session::stop)).await;
    join_all(turns).await;
}

#[tokio::test]
async fn an_account_that_has_its_share_of_live_sessions_makes_room_among_its_own() {
    let host = Host::builder()
        .config("[sandbox]\nmax_live_sessions = 8\n")
        .start();
    let other = deployed(&host, "other").await.session("other");
    assert_eq!(other.count().await, 1);
    let many = deployed(&host, "many").await;
    let sessions: Vec<_> = (0..20)
        .map(|number| many.session(&format!("session-{number}")))
        .collect();
    for turn in [1, 2] {
        for session in &sessions {
            assert_eq!(session.count().await, turn);
        }
    }
    // The one that was idle for longest of all is somebody else's.
    assert_eq!(other.inspect().await["awake"], true);
    assert_eq!(other.count().await, 2);
}

#[tokio::test]
async fn memory_that_waiting_turns_hold_is_taken_back_when_another_account_needs_it() {
    let config = format!("[sandbox]\nserver_memory_mib = {MEMORY}\n");
    let host = Host::builder().config(&config).start();
    let greedy = deployed(&host, "greedy").await;
    let other = deployed(&host, "other").await;
    let sessions: Vec<_> = (0..30)
        .map(|number| greedy.session(&format!("large-{number}")))
        .collect();
    // All of them live before any of them is large.
    join_all(sessions.iter().map(Session::count)).await;
    let turns = join_all(sessions.iter().map(|session| async move {
        let kept = keep(session).await.status == 200;
        let turn = waiting(session);
        eventually("the turn to run, or not", || async {
            let shown = session.look().await;
            let runs = shown.status == 200 && shown.json()["phase"] == "running";
            (runs || turn.is_finished()).then_some(())
        })
        .await;
        (kept, turn)
    }))
    .await;
    let holding: Vec<_> = turns
        .into_iter()
        .filter_map(|(kept, turn)| (kept && !turn.is_finished()).then_some(turn))
        .collect();
    assert!(holding.len() > 4, "{} hold what they have", holding.len());

    for number in 0..6 {
        let session = other.session(&format!("other-{number}"));
        served(&session).await;
        assert_eq!(keep(&session).await.json_of(200)["kept_bytes"], LARGE << 20);
    }
    join_all(sessions.iter().map(Session::stop)).await;
    let replies = join_all(holding).await.into_iter().map(Result::unwrap);
    // One that had to wake first may have been refused for another reason.
    let message = "the server has no memory left; try again later";
    let taken = |reply: &Reply| reply.status == 429 && reply.text().contains(message);
    let count = replies.filter(taken).count();
    assert!(count > 0, "nothing was taken back");
}

#[tokio::test]
async fn answers_that_nobody_reads_take_no_more_memory_than_there_is_for_them() {
    let host = Host::builder()
        .config("[sessions]\npassage_mib = 64\n")
        .start();
    let client = host.guest("greedy", "").await;
    let greedy = client.deploy("probe", PROBE).await;
    let other = deployed(&host, "other").await.session("other");
    let large = json!({ "do": "echo", "value": "x".repeat(12 << 20) });
    let mut unread = Vec::new();
    let refused = loop {
        let session = greedy.session(&format!("session-{}", unread.len()));
        let response = client.begin(session.invocation(large.to_string())).await;
        if response.status() != 200 {
            break Reply::read(response).await.unwrap();
        }
        unread.push(response);
        assert!(unread.len() < 64, "nobody is ever refused");
    };
    // Of 48 MiB; what nobody has taken is as large as at first.
    assert_eq!(unread.len(), 3);
    let message = "the account's answers and questions on their way take as much memory as leaves room for others";
    refused.assert_refused(429, "ThrottlingException", message);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(other.count().await, 1);
    let reply = other
        .invoke(json!({ "do": "echo", "value": "x".repeat(2 << 20) }))
        .await;
    assert_eq!(reply.status, 200, "something is left for another");

    for response in unread {
        assert_eq!(response.bytes().await.unwrap().len(), (12 << 20) + 2);
    }
    let session = greedy.session("later");
    eventually("room", || async {
        (session.invoke(large.clone()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn questions_that_wait_for_a_model_take_no_more_memory_than_there_is_for_them() {
    let bedrock = StandIn::start().await;
    let host = Host::builder()
        .bedrock(&bedrock)
        .config("[sessions]\npassage_mib = 64\n")
        .start();
    let agent = host.deploy("probe", PROBE).await;
    let question = json!({ "do": "model", "prompt": "x".repeat(6 << 20) });
    // A question takes three times what it says: three of these have room.
    let sessions: Vec<_> = (0..3)
        .map(|number| agent.session(&format!("session-{number}")))
        .collect();
    sessions
        .iter()
        .for_each(|_| bedrock.push(Answer::text("late").hold()));
    let asking: Vec<_> = sessions
        .iter()
        .cloned()
        .map(|session| {
            let question = question.clone();
            tokio::spawn(async move { session.invoke(question).await })
        })
        .collect();
    eventually("three to be asked", || async {
        (bedrock.calls().total() == 3).then_some(())
    })
    .await;
    let message = "Received error (500) from runtime: the model is throttled: the account's answers and questions on their way";
    let refused = agent.session("fourth").invoke(question).await;
    refused.assert_refused(424, "RuntimeClientError", message);
    bedrock.push(Answer::text("soon"));
    let small = json!({ "do": "model", "prompt": "x" });
    assert_eq!(agent.session("small").ask(small).await["text"], "soon");

    join_all(sessions.iter().map(Session::stop)).await;
    join_all(asking).await;
}

#[tokio::test]
async fn large_sessions_that_wake_at_once_take_no_more_memory_than_there_is_for_it() {
    const SESSIONS: u64 = 10;
    let config = "[sandbox]\nmax_live_sessions = 4\n[sessions]\npassage_mib = 200\n";
    let host = Host::builder().config(config).start();
    let agent = deployed(&host, "large").await;
    let sessions: Vec<_> = (0..SESSIONS)
        .map(|number| agent.session(&format!("large-{number}")))
        .collect();
    // Three live at a time; each that comes makes another one rest.
    for session in &sessions {
        assert_eq!(keep(session).await.status, 200);
    }
    let woken = join_all(sessions.iter().map(count_or_not)).await;
    assert!(woken.contains(&200), "{woken:?}");
    // Three cells, and what passes. All images are 960 MiB, and stand in memory twice when they become cells.
    let most = host.peak_mib();
    assert!(most < 3 * u64::from(LARGE) + 2 * 200 + 300, "{most} MiB");
    for session in &sessions {
        served(session).await;
    }
}

#[tokio::test]
async fn memory_of_sessions_that_could_not_come_back_is_taken_when_another_account_needs_it() {
    let config =
        format!("[sandbox]\nserver_memory_mib = {MEMORY}\n[sessions]\ndurability = \"none\"\n");
    let host = Host::builder().config(&config).start();
    let greedy = deployed(&host, "greedy").await;
    let other = deployed(&host, "other").await;
    let sessions: Vec<_> = (0..30)
        .map(|number| greedy.session(&format!("large-{number}")))
        .collect();
    join_all(sessions.iter().map(Session::count)).await;
    join_all(sessions.iter().map(keep)).await;

    for number in 0..2 {
        let session = other.session(&format!("other-{number}"));
        served(&session).await;
        assert_eq!(keep(&session).await.json_of(200)["kept_bytes"], LARGE << 20);
    }
    eventually("a large session to end", || async {
        for session in &sessions {
            let shown = session.look().await;
            if shown.status == 200 && shown.json()["reason"] == "memory" {
                return Some(());
            }
        }
        None
    })
    .await;
}
