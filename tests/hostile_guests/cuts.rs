//! Callers who leave at every moment: what they had asked for goes on and is remembered, and nothing is left of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::stage;
use crate::harness::{
    Host, PROBE, Raw, Session, Witness, eventually, in_time, invocation, reference,
};
use crate::stand_in::{Answer, StandIn};

fn request(session: &Session, deed: &str) -> String {
    let length = format!("content-length: {}\r\n", deed.len());
    format!("{}{deed}", invocation(session, &length))
}

/// Everything below a folder, but what the journal has.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut folders = vec![folder.to_owned()];
    let mut files = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("journal") => {}
                true => folders.push(path),
                false => drop(files.insert(path.display().to_string())),
            }
        }
    }
    files
}

#[tokio::test]
async fn g28_a_request_that_is_cut_anywhere_is_no_turn() {
    let (host, witness) = stage("").await;
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("cut");
    let whole = request(&session, r#"{"do":"count"}"#);
    let cuts = (0..whole.len()).step_by(7).map(|at| {
        let part = whole[..at].to_owned();
        let host = &host;
        async move {
            let mut raw = Raw::open(host).await;
            assert!(raw.send(part).await);
        }
    });
    join_all(cuts).await;
    assert_eq!(session.count().await, 1, "none of them was a turn");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g28_a_stream_whose_reader_leaves_at_any_piece_goes_on_to_its_end() {
    let (host, witness) = stage("").await;
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("stream");
    let deed = json!({ "do": "stream", "n": 8, "pause_ms": 5 }).to_string();
    for pieces in 0..8 {
        let mut raw = Raw::open(&host).await;
        assert!(raw.send(request(&session, &deed)).await);
        raw.until("HTTP/1.1 200 ", 1).await;
        if pieces > 0 {
            // With the head some pieces may have come already.
            let mut more = Raw::open(&host).await;
            assert!(more.send(request(&session, &deed)).await);
            more.until("data: ", pieces).await;
        }
    }
    // Seven readers had a second one behind them.
    assert_eq!(session.count().await, 8 + 7 + 1);
    let shown = session.inspect().await;
    let receipts = shown["receipts"].as_array().unwrap();
    let answered = receipts
        .iter()
        .all(|receipt| receipt["outcome"] == "answered");
    assert!(answered, "{shown}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g28_a_model_is_waited_for_when_its_asker_has_left() {
    let stand_in = StandIn::start().await;
    let host = Host::builder().bedrock(&stand_in).start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    let agent = host.deploy("probe", PROBE).await;
    let sessions: Vec<Session> = (0..12)
        .map(|number| agent.session(&format!("asker-{number}")))
        .collect();
    let deeds = ["model", "model-stream"];
    for (number, session) in sessions.iter().enumerate() {
        let answer = Answer::text("late").takes(Duration::from_millis(50));
        // Otherwise it would be kept for the next call.
        stand_in.push(answer.header("connection", "close"));
        let deed = json!({ "do": deeds[number % 2], "prompt": "go on" }).to_string();
        let mut raw = Raw::open(&host).await;
        assert!(raw.send(request(session, &deed)).await);
        in_time("the call", stand_in.arrived(number + 1)).await;
    }
    for session in &sessions {
        assert_eq!(session.count().await, 2, "the turn was taken to its end");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g28_a_stop_ends_what_waits_for_a_model_that_never_answers() {
    let stand_in = StandIn::start().await;
    let host = Host::builder().bedrock(&stand_in).start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    let agent = host.deploy("probe", PROBE).await;
    for number in 0..8 {
        let session = agent.session(&format!("stopped-{number}"));
        stand_in.push(Answer::text("never").hold());
        let deed = json!({ "do": "model", "prompt": "go on" }).to_string();
        let mut raw = Raw::open(&host).await;
        assert!(raw.send(request(&session, &deed)).await);
        in_time("the call", stand_in.arrived(number + 1)).await;
        drop(raw);
        assert_eq!(session.stop().await.status, 200);
        assert_eq!(session.count().await, 1, "a fresh world");
    }
    // The model is not waited for any longer.
    in_time("the calls to be given up", stand_in.cut(8)).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn g28_uploads_that_are_cut_leave_no_file() {
    let (host, witness) = stage("").await;
    let data = host.folder().join("data");
    let before = files(&data);
    let path = format!(
        "/kellion/v1/artifacts?reference={}",
        reference("cut").replace('/', "%2F").replace(':', "%3A")
    );
    let cuts = (0..20).map(|number| {
        let head =
            format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2000000\r\n\r\n");
        let host = &host;
        async move {
            let mut raw = Raw::open(host).await;
            assert!(raw.send(head).await);
            // The server may have refused it by then; either way it has to clear up.
            raw.send(vec![b'x'; number * 100_000]).await;
        }
    });
    join_all(cuts).await;
    eventually("the files to go", || async {
        (files(&data) == before).then_some(())
    })
    .await;
    witness.survived(&host).await;
}
