//! Clients that send or read too slowly.

use std::time::Duration;

use serde_json::json;

use super::{LOW, stage};
use crate::harness::{Raw, Session, eventually, invocation};

/// How many bytes of this the server takes, one after the other and with pauses, before it closes the connection; and what it
/// says meanwhile.
async fn drip(raw: &mut Raw, bytes: &[u8], pause: Duration) -> String {
    let mut pause = tokio::time::interval(pause);
    let mut bytes = bytes.iter();
    let mut said = Vec::new();
    loop {
        tokio::select! {
            some = raw.some() => match some {
                Some(some) => said.extend(some),
                None => return String::from_utf8(said).unwrap(),
            },
            _ = pause.tick() => if let Some(byte) = bytes.next() {
                // Whether it arrives shows in what is said.
                raw.send([*byte]).await;
            }
        }
    }
}

#[tokio::test]
async fn h1_heads_that_come_byte_by_byte_are_closed_and_others_are_served() {
    let (host, _, mut witness) = stage(LOW).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut raw = Raw::open(&host).await;
        clients.spawn(async move {
            let endless = [&b"GET /healthz/ready HTTP/1.1\r\nx: "[..], &[b'x'; 10_000]].concat();
            drip(&mut raw, &endless, Duration::from_millis(200)).await
        });
    }
    witness.answers().await;
    while let Some(said) = clients.join_next().await {
        assert_eq!(said.unwrap(), "", "there is no request to answer");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h1_a_head_on_a_connection_that_was_used_before_is_closed_as_well() {
    let (host, _, witness) = stage(&LOW.replace("idle_timeout_seconds = 1", "")).await;
    let mut raw = Raw::open(&host).await;
    let whole = "GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(raw.send(whole).await);
    raw.until("ready\n", 1).await;
    // Idle it may be for longer than a head may take.
    assert!(raw.send("GET /healthz/re").await);
    assert_eq!(raw.rest().await, "");
    witness.survived(&host).await;
}

#[tokio::test]
async fn h2_bodies_that_come_byte_by_byte_are_given_up_and_cost_no_memory() {
    let (host, agent, mut witness) = stage(LOW).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..20 {
        let session = agent.session(&format!("slow-{number}"));
        let mut raw = Raw::open(&host).await;
        let head = invocation(&session, "content-length: 100000000\r\n");
        assert!(raw.send(head).await);
        clients.spawn(
            async move { drip(&mut raw, &[b' '; 10_000], Duration::from_millis(100)).await },
        );
    }
    witness.answers().await;
    witness.memory_is_flat(&host);
    while let Some(said) = clients.join_next().await {
        let said = said.unwrap();
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("RequestTimeoutException"), "{said}");
        assert!(said.contains("connection: close"), "{said}");
        assert!(said.contains("x-amzn-requestid: "), "{said}");
    }
    assert_eq!(agent.session("slow-0").look().await.status, 404);
    witness.survived(&host).await;
}

/// Each of them keeps the rate, and none is too large.
#[tokio::test]
async fn h2_large_bodies_hold_no_more_memory_than_there_is_for_all() {
    let (host, agent, witness) = stage("[server]\npayload_mib = 32\n").await;
    const BYTES: usize = 20_000_000;
    let session = |number: usize| agent.session(&format!("large-{number}"));
    let mut payload = r#"{"do":"count"}"#.to_owned();
    payload.extend(std::iter::repeat_n(' ', BYTES - payload.len()));
    let mut held = Vec::new();
    for number in 0..4 {
        let mut raw = Raw::open(&host).await;
        let head = format!("connection: close\r\ncontent-length: {BYTES}\r\n");
        assert!(raw.send(invocation(&session(number), &head)).await);
        // No system has buffers for half of it: the server has read the rest.
        assert!(raw.send(&payload[..BYTES - 1]).await);
        held.push(raw);
    }
    let mut refused = 0;
    for raw in &mut held {
        assert!(raw.send(" ").await);
        let said = raw.rest().await;
        if said.starts_with("HTTP/1.1 429 ") {
            refused += 1;
            assert!(said.contains("payloads of nearly 32 MiB"), "{said}");
            assert!(said.to_lowercase().contains("retry-after: 1"), "{said}");
        } else {
            assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        }
    }
    assert!((1..4).contains(&refused), "{refused} were refused");
    // All of it is given back.
    for number in 4..7 {
        let turn = session(number).invocation(payload.clone());
        assert_eq!(host.send(turn).await.status, 200);
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h2_a_body_that_keeps_the_rate_may_take_as_long_as_it_needs() {
    let (host, agent, witness) = stage(LOW).await;
    let session = agent.session("steady");
    let payload = json!({ "do": "echo", "value": "x".repeat(3_000) }).to_string();
    let mut raw = Raw::open(&host).await;
    let length = payload.len();
    assert!(
        raw.send(invocation(
            &session,
            &format!("content-length: {length}\r\n")
        ))
        .await
    );
    // Three times the grace, at a little more than the rate.
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    for part in payload.as_bytes().chunks(110) {
        pause.tick().await;
        assert!(raw.send(part).await);
    }
    let answer = raw.until("xxx\"", 1).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(raw);
    witness.survived(&host).await;
}

/// A turn whose answer is more than anybody keeps on its way. It has begun when this returns.
async fn unread(session: &Session, raw: &mut Raw) {
    let chunks: Vec<String> = (0..120).map(|_| "x".repeat(100_000)).collect();
    let payload = json!({ "do": "raw", "chunks": chunks, "rest": "" }).to_string();
    let length = payload.len();
    let head = invocation(session, &format!("content-length: {length}\r\n"));
    assert!(raw.send(head).await);
    assert!(raw.send(payload).await);
    eventually("the turn", || async {
        (session.look().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn h3_a_client_that_reads_nothing_is_cut_off_and_its_turn_is_recorded_once() {
    let (host, agent, mut witness) = stage(LOW).await;
    let session = agent.session("unread");
    let mut raw = Raw::narrow(&host).await;
    unread(&session, &mut raw).await;
    witness.answers().await;
    // This waits for the turn before it, which waits for a reader until there is none any more.
    assert_eq!(session.count().await, 2);
    let shown = session.inspect().await;
    assert_eq!(shown["turns"], 2, "{shown}");
    let receipts = shown["receipts"].as_array().unwrap();
    let outcomes: Vec<_> = receipts.iter().map(|receipt| &receipt["outcome"]).collect();
    assert_eq!(outcomes, ["answered", "answered"], "{shown}");
    let got = raw.rest().await;
    assert!(got.len() < 12_000_000, "it was cut off");
    drop(raw);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h3_a_client_that_reads_slowly_but_does_read_gets_everything() {
    let (host, agent, witness) = stage(LOW).await;
    let session = agent.session("slow");
    let mut raw = Raw::narrow(&host).await;
    unread(&session, &mut raw).await;
    // Something now and then, for longer than nothing may be read.
    let mut pause = tokio::time::interval(Duration::from_millis(10));
    let mut got = 0;
    for _ in 0..250 {
        pause.tick().await;
        got += raw.some().await.expect("it is not cut off").len();
    }
    while got < 12_000_000 {
        got += raw.some().await.expect("it is not cut off").len();
    }
    drop(raw);
    eventually("the end of the turn", || async {
        (session.inspect().await["phase"] == "idle").then_some(())
    })
    .await;
    witness.survived(&host).await;
}
