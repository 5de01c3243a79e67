//! A stand-in for Amazon Bedrock on the loopback address: it speaks the real wire, with signed requests, JSON and
//! binary event streams, and answers from a script.
//!
//! Give it answers with [`StandIn::push`]; they are used in order, whatever the operation. When none is left it answers by
//! itself: text with `You said: …`, as slowly as models do when the text begins with `slowly`; a user's `call NAME {json}`
//! with a use of that tool, when it is offered; a tool's result with `The tool said: …`.

mod answer;
mod default;
mod frames;
mod respond;
mod server;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use self::answer::Answer;

/// What a call asks Bedrock to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// One answer, whole.
    Converse,
    /// One answer, as an event stream.
    ConverseStream,
    /// A model's own API.
    Invoke,
    /// Tokens only.
    CountTokens,
}

/// How often each operation was called, counting every attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// Calls of Converse.
    pub(crate) converse: usize,
    /// Calls of ConverseStream.
    pub(crate) converse_stream: usize,
    /// Calls of InvokeModel.
    pub(crate) invoke: usize,
    /// Calls of CountTokens.
    pub(crate) count_tokens: usize,
}

impl Calls {
    /// Calls of every kind together.
    pub(crate) fn total(&self) -> usize {
        self.converse + self.converse_stream + self.invoke + self.count_tokens
    }
}

/// A request that came with a signature, as it stood on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// What it asks for.
    pub(crate) operation: Operation,
    /// The model of the path, decoded.
    pub(crate) model: String,
    /// The caller's end of the connection that it came on.
    pub(crate) peer: SocketAddr,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, which is JSON in every operation (of InvokeModel: null when it is not).
    pub(crate) body: serde_json::Value,
}

/// What the server's tasks share with the test.
#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Recorded>>,
    script: Mutex<VecDeque<Answer>>,
    /// Whether each connection ends with its answer.
    closes: AtomicBool,
    cut: watch::Sender<usize>,
    arrived: watch::Sender<usize>,
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.requests
            .lock()
            .expect("no test panics while it holds this lock")
    }

    fn script(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.script
            .lock()
            .expect("no test panics while it holds this lock")
    }
}

/// A running stand-in; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Starts on a free port of the loopback address.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("the loopback address has a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let router = server::router(shared.clone());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            axum::serve(listener, service)
                .await
                .expect("the stand-in serves until it is dropped");
        });
        Self {
            endpoint: format!("http://{address}"),
            shared,
            server,
        }
    }

    /// Starts one that closes each connection after its answer, so that callers keep none.
    pub(crate) async fn start_closing() -> Self {
        let stand_in = Self::start().await;
        stand_in.shared.closes.store(true, Ordering::Relaxed);
        stand_in
    }

    /// Where it listens, for `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Adds an answer to the end of the script.
    pub(crate) fn push(&self, answer: Answer) {
        self.shared.script().push_back(answer);
    }

    /// How often each operation was called so far.
    pub(crate) fn calls(&self) -> Calls {
        let mut calls = Calls::default();
        for request in self.shared.requests().iter() {
            match request.operation {
                Operation::Converse => calls.converse += 1,
                Operation::ConverseStream => calls.converse_stream += 1,
                Operation::Invoke => calls.invoke += 1,
                Operation::CountTokens => calls.count_tokens += 1,
            }
        }
        calls
    }

    /// The requests so far, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.requests().clone()
    }

    /// Waits until so many requests have come in all.
    pub(crate) async fn arrived(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        arrived
            .wait_for(|arrived| *arrived >= count)
            .await
            .expect("the sender lives as long as the stand-in");
    }

    /// Waits until so many answers in all were cut off by the caller before their end.
    pub(crate) async fn cut(&self, count: usize) {
        let mut cut = self.shared.cut.subscribe();
        cut.wait_for(|cut| *cut >= count)
            .await
            .expect("the sender lives as long as the stand-in");
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}
