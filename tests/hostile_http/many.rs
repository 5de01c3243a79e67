//! Clients that ask too much at a time: of heads, of connections, of a session.

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{LOW, stage};
use crate::harness::{
    Host, PROBE, Raw, Reply, Session, Witness, eventually, invocation, session_id,
};
use crate::stand_in::{Answer, StandIn};

#[tokio::test]
async fn h4_heads_beyond_the_bounds_are_refused() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("large");
    let lines = |count: usize, size: usize| -> String {
        let value = "x".repeat(size);
        (0..count).map(|n| format!("x-{n}: {value}\r\n")).collect()
    };
    for (headers, status) in [
        (lines(90, 10), 200),
        (lines(2, 15_000), 200),
        (lines(300, 10), 431),
        (lines(99, 10), 431),
        (lines(1, 64 * 1024), 431),
        (lines(2, 20_000), 431),
        (lines(64, 1024), 431),
    ] {
        let count = r#"{"do":"echo","value":1}"#;
        let more = format!(
            "{headers}connection: close\r\ncontent-length: {}\r\n",
            count.len()
        );
        let request = format!("{}{count}", invocation(&session, &more));
        let answer = Raw::open(&host).await.ask(request).await;
        let wanted = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&wanted), "{status}: {answer}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h4_a_baggage_beyond_its_published_maximum_is_refused() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("baggage");
    for (size, status) in [(8_192, 200), (8_193, 400)] {
        let request = session.invocation(r#"{"do":"count"}"#);
        let reply = host.send(request.header("baggage", "x".repeat(size))).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h7_requests_that_come_at_once_are_answered_one_by_one() {
    let (host, _, witness) = stage(LOW).await;
    let mut raw = Raw::open(&host).await;
    let one = "GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(raw.send(one.repeat(500)).await);
    let answers = raw.until("ready\n", 500).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 500);
    assert_eq!(raw.rest().await, "", "then it is closed, being idle");
    witness.survived(&host).await;
}

#[tokio::test]
async fn h7_a_client_that_says_nothing_more_is_let_go() {
    let (host, agent, witness) = stage(LOW).await;
    let mut half = Raw::open(&host).await;
    assert!(half.send("GET /healthz/ready HTTP/1.1\r\nhost: lo").await);
    half.finish().await;
    half.rest().await;
    // In the middle of a body that it has announced.
    let session = agent.session("half");
    let mut body = Raw::open(&host).await;
    let head = invocation(&session, "content-length: 1000\r\n");
    assert!(body.send(format!("{head}{{\"do\"")).await);
    body.finish().await;
    body.rest().await;
    assert_eq!(session.look().await.status, 404, "there was no turn");
    witness.survived(&host).await;
}

#[tokio::test]
async fn h7_more_connections_than_there_is_room_for_give_way_to_those_that_ask() {
    let (host, _, mut witness) = stage("[server]\nmax_connections = 20\n").await;
    // Half of them were used once, the others never.
    let mut idle = Vec::new();
    for number in 0..60 {
        let mut raw = Raw::open(&host).await;
        if number < 10 {
            assert!(
                raw.send("GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n")
                    .await
            );
            raw.until("ready\n", 1).await;
        }
        idle.push(raw);
    }
    witness.answers().await;
    let held = witness.more_sockets(&host);
    assert!(held <= 20, "{held} connections are open");
    drop(idle);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h7_an_address_leaves_connections_for_others() {
    let host = Host::builder()
        .config("[server]\nmax_connections = 12\n")
        .start();
    let client = host.guest("greedy", "").await;
    let agent = client.deploy("probe", PROBE).await;
    // Each has a connection that cannot be closed for another.
    let sessions: Vec<_> = (0..7)
        .map(|number| agent.session(&format!("waiting-{number}")))
        .collect();
    let waiting: Vec<_> = sessions
        .iter()
        .cloned()
        .map(|session| {
            let sleep = json!({ "do": "sleep", "ms": 3_600_000 });
            tokio::spawn(async move { session.invoke(sleep).await })
        })
        .collect();
    for session in &sessions {
        session.runs().await;
    }
    let ask = "GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut served = Vec::new();
    loop {
        let mut raw = Raw::open(&host).await;
        if !raw.send(ask).await || raw.some().await.is_none() {
            break;
        }
        served.push(raw);
        assert!(served.len() < 5, "nobody is ever refused");
    }
    let mut other = Raw::open_from(&host, [127, 0, 0, 2]).await;
    assert!(other.send(ask).await);
    let answer = other.until("live\n", 1).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    // They hang up: there is room again.
    drop(served);
    waiting.iter().for_each(JoinHandle::abort);
    eventually("room for another", || async {
        let mut raw = Raw::open(&host).await;
        let served = raw.send(ask).await && raw.some().await.is_some();
        served.then_some(())
    })
    .await;
}

#[tokio::test]
async fn h7_connections_leave_the_descriptors_that_the_server_needs_itself() {
    let host = Host::builder().prelude("ulimit -n 300").start();
    let agent = host.deploy("probe", PROBE).await;
    let mut witness = Witness::of(&host, &agent).await;
    let mut idle = Vec::new();
    for _ in 0..120 {
        idle.push(Raw::open(&host).await);
    }
    witness.answers().await;
    // Files are opened for this one.
    assert_eq!(
        host.deploy("other", PROBE)
            .await
            .session("new")
            .count()
            .await,
        1
    );
    drop(idle);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h8_a_body_that_would_be_refused_is_not_asked_for() {
    let (host, agent, witness) = stage(LOW).await;
    let session = agent.session("expecting");
    let count = r#"{"do":"count"}"#;
    let more = "content-length: 14\r\nexpect: 100-continue\r\nconnection: close\r\n";
    let head = invocation(&session, more);
    let foreign = head.replace("host: localhost", "host: rebound.example.com");
    let refused = Raw::open(&host).await.ask(foreign).await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(!refused.contains("100 Continue"), "{refused}");
    let unknown = head.replace("%2Fprobe-", "%2Fother-");
    let refused = Raw::open(&host).await.ask(unknown).await;
    assert!(refused.starts_with("HTTP/1.1 404 "), "{refused}");

    let mut welcome = Raw::open(&host).await;
    assert!(welcome.send(head).await);
    let asked = welcome.until("\r\n\r\n", 1).await;
    assert!(asked.starts_with("HTTP/1.1 100 Continue"), "{asked}");
    let answer = welcome.ask(count).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn h8_a_body_is_not_asked_of_a_caller_without_a_key() {
    let host = Host::start();
    let client = host.guest("guest", "").await;
    let agent = client.deploy("probe", PROBE).await;
    let witness = Witness::of(&host, &agent).await;
    let session = agent.session("expecting");
    let digest = "0".repeat(64);
    let scope = "AKIANOBODY/20260101/us-west-2/bedrock-agentcore/aws4_request";
    let stranger = format!(
        "x-amz-date: 20260101T000000Z\r\nx-amz-content-sha256: {digest}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential={scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={digest}\r\n"
    );
    for headers in ["", stranger.as_str()] {
        let more = "content-length: 100000000\r\nexpect: 100-continue\r\nconnection: close\r\n";
        let head = invocation(&session, &format!("{headers}{more}"));
        let refused = Raw::open(&host).await.ask(head).await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        assert!(!refused.contains("100 Continue"), "{refused}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h16_turns_of_one_session_that_come_at_once_are_never_interleaved() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("crowded");
    let replies = join_all((0..30).map(|_| session.invoke(json!({ "do": "count" })))).await;
    let mut counted: Vec<u64> = Vec::new();
    for reply in replies {
        match reply.status {
            200 => counted.push(reply.json().as_u64().unwrap()),
            409 => reply.assert_refused(409, "RetryableConflictException", ""),
            _ => reply.assert_refused(429, "ThrottlingException", ""),
        }
    }
    counted.sort_unstable();
    let turns = u64::try_from(counted.len()).unwrap();
    assert!(turns > 0);
    assert_eq!(counted, (1..=turns).collect::<Vec<_>>());
    assert_eq!(session.count().await, turns + 1);
    witness.survived(&host).await;
}

/// Stops a session as the AWS SDKs do: again, when the server says that it is just ending.
async fn stopped(session: &Session) -> Reply {
    loop {
        let stop = session.stop().await;
        if stop.status != 409 {
            return stop;
        }
        stop.assert_refused(409, "RetryableConflictException", "");
    }
}

#[tokio::test]
async fn h20_a_stop_ends_a_running_turn_and_says_so_once() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("").hold());
    let host = Host::builder().bedrock(&bedrock).start();
    let agent = host.deploy("probe", PROBE).await;
    let witness = Witness::of(&host, &agent).await;
    let session = agent.session("stopped");
    let running = session.invoke(json!({ "do": "model", "prompt": "Hello" }));
    let stopping = async {
        bedrock.arrived(1).await;
        join_all((0..5).map(|_| stopped(&session))).await
    };
    let (cut, stops) = tokio::join!(running, stopping);
    cut.assert_refused(424, "RuntimeClientError", "it was stopped");
    let stopped = stops.iter().filter(|stop| stop.status == 200).count();
    assert!(stopped >= 1, "{stops:?}");
    for stop in stops.iter().filter(|stop| stop.status != 200) {
        stop.assert_refused(404, "ResourceNotFoundException", "no such session");
    }
    assert_eq!(session.ended().await["reason"], "stopped");
    let nobody = agent.session_of_id(&session_id("of-somebody-else"));
    let foreign = nobody.stop().await;
    foreign.assert_refused(404, "ResourceNotFoundException", "no such session");
    assert_eq!(session.count().await, Value::from(1), "a fresh world");
    witness.survived(&host).await;
}
