//! Credentials that expire, from a source that is slow.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{goes_on, witness};
use crate::grants::{MODEL, fails, question, session};
use crate::harness::{Host, PROBE, eventually};
use crate::stand_in::StandIn;

/// A stand-in for the endpoint that gives a container its credentials.
struct Source {
    uri: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    /// One answer takes one.
    permits: Semaphore,
    asked: AtomicUsize,
    answering: AtomicUsize,
    most: AtomicUsize,
}

impl Source {
    async fn start() -> Self {
        let shared = Arc::new(Shared {
            permits: Semaphore::new(0),
            asked: AtomicUsize::new(0),
            answering: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/", get(credentials))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            uri,
            shared,
            server,
        }
    }

    fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Good for a second at first, later for an hour.
async fn credentials(
    State(shared): State<Arc<Shared>>,
) -> ([(&'static str, &'static str); 1], Json<Value>) {
    let asked = shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let answering = shared.answering.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(answering, Ordering::SeqCst);
    shared.permits.acquire().await.unwrap().forget();
    shared.answering.fetch_sub(1, Ordering::SeqCst);
    let good_for = if asked == 1 { 1 } else { 3_600 };
    let end = SystemTime::now() + Duration::from_secs(good_for);
    let end = end.duration_since(UNIX_EPOCH).unwrap();
    let end = aws_smithy_types::DateTime::from_secs(i64::try_from(end.as_secs()).unwrap());
    let end = end
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap();
    let credentials = json!({
        "AccessKeyId": format!("ASIAFORTESTS{asked:08}"),
        "SecretAccessKey": "not a secret",
        "Token": "a token",
        "Expiration": end,
    });
    ([("connection", "close")], Json(credentials))
}

#[tokio::test]
async fn m11_of_twenty_agents_whose_credentials_have_expired_one_asks_for_new_ones() {
    let bedrock = StandIn::start_closing().await;
    let source = Source::start().await;
    let host = Host::builder()
        .bedrock_unsigned(bedrock.endpoint())
        .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &source.uri)
        .start();
    let witness = witness(&host).await;
    let agent = host.deploy("probe", PROBE).await;
    source.shared.permits.add_permits(1);
    goes_on(&agent.session("first")).await;
    assert_eq!(source.asked(), 1);

    // They have ended, and new ones take their time.
    let asking: Vec<_> = (0..20)
        .map(|number| {
            let session = agent.session(&format!("s{number}"));
            tokio::spawn(async move { goes_on(&session).await })
        })
        .collect();
    eventually("new credentials to be asked for", || async {
        (source.asked() == 2).then_some(())
    })
    .await;
    eventually("twenty turns to wait", || async {
        let sessions = host.sessions().await;
        let running = sessions
            .iter()
            .filter(|session| session["phase"] == "running")
            .count();
        (running == 20).then_some(())
    })
    .await;
    assert_eq!(bedrock.calls().total(), 1);
    source.shared.permits.add_permits(100);
    for turn in asking {
        turn.await.unwrap();
    }
    assert_eq!(bedrock.calls().total(), 21);
    assert_eq!(source.asked(), 2);
    assert_eq!(source.shared.most.load(Ordering::SeqCst), 1);
    let signed = bedrock.requests();
    let by = signed[1].headers["authorization"].to_str().unwrap();
    assert!(by.contains("ASIAFORTESTS00000002"), "{by}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn m11_a_source_of_credentials_that_does_not_answer_is_an_error_and_no_hang() {
    let bedrock = StandIn::start_closing().await;
    let source = Source::start().await;
    let host = Host::builder()
        .config(super::IMPATIENT)
        .bedrock_unsigned(bedrock.endpoint())
        .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &source.uri)
        .start();
    let witness = witness(&host).await;
    let session = session(&host, "").await;
    fails(&session, question(MODEL), "the model took too long").await;
    super::stream_fails(&session, "the model took too long").await;
    assert_eq!(bedrock.calls().total(), 0);
    source.shared.permits.add_permits(100);
    goes_on(&session).await;
    witness.survived(&host).await;
}
