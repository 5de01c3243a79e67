//! A sandbox with a guest in it, and an outside that is scripted.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::super::{
    Birth, Capabilities, Cell, Config, Fault, Image, LogSink, NotImageable, NotRestored, Program,
    Sandbox, Seed,
};
use super::MEMORY_MIB;
use crate::clock::Timestamp;
use crate::contract::EventStream;
use crate::contract::log::Level;
use crate::contract::model::{
    Content, Delta, Error, ErrorKind, Event, Request, Response, StopReason, Usage,
};
use crate::contract::session::Budget;
use crate::contract::types::{AgentError, Context};

/// The guests, compiled once for all tests of the process.
pub(crate) static PROBE: Guest = Guest::new(env!("KELLION_PROBE_WASM"));
pub(crate) static TUTORIAL: Guest = Guest::new(env!("KELLION_TUTORIAL_WASM"));
pub(crate) static ECHO: Guest = Guest::new(env!("KELLION_ECHO_WASM"));

pub(crate) struct Guest {
    component: &'static str,
    compiled: OnceLock<Vec<u8>>,
}

impl Guest {
    pub(crate) const fn new(component: &'static str) -> Self {
        Self {
            component,
            compiled: OnceLock::new(),
        }
    }

    pub(crate) fn component(&self) -> Vec<u8> {
        std::fs::read(self.component).unwrap()
    }

    fn compiled(&self) -> &[u8] {
        self.compiled
            .get_or_init(|| super::super::compile(&self.component(), MEMORY_MIB).unwrap())
    }
}

/// A sandbox of its own, with one program.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) program: Program,
}

impl Stage {
    pub(crate) fn with(guest: &Guest) -> Self {
        Self::of(guest.compiled(), Self::limits())
    }

    /// With other limits.
    pub(crate) fn limited(guest: &Guest, limits: Config) -> Self {
        let compiled = super::super::compile(&guest.component(), limits.memory_mib).unwrap();
        Self::of(&compiled, limits)
    }

    pub(crate) fn of(compiled: &[u8], limits: Config) -> Self {
        let sandbox = Sandbox::new(limits).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(compiled).unwrap();
        let program = sandbox.load(file.as_file()).unwrap();
        Self { sandbox, program }
    }

    pub(crate) fn limits() -> Config {
        Config {
            max_live_sessions: 8,
            memory_mib: MEMORY_MIB,
            ..Config::default()
        }
    }

    /// The session that an image of these bytes is of, after so many turns.
    pub(crate) async fn restore(&self, image: &Bytes, turns: u64) -> Result<Session, NotRestored> {
        let log = Arc::new(Log::default());
        let image = Image::decode(image).unwrap();
        // Actors run on any thread: boxing asks for a future that may.
        let cell = Cell::restore(&self.sandbox, &self.program, log.clone(), &image).boxed();
        Ok(Session {
            cell: cell.await?,
            log,
            turns,
        })
    }

    /// A session that was born with this seed.
    pub(crate) async fn session(&self, seed: u64) -> Session {
        let log = Arc::new(Log::default());
        let cell = Cell::start(&self.sandbox, &self.program, log.clone(), &birth(seed)).await;
        Session {
            cell: cell.unwrap(),
            log,
            turns: 0,
        }
    }
}

pub(crate) const START: Timestamp = Timestamp::from_millis(1_780_000_000_000);

pub(crate) fn birth(seed: u64) -> Birth {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Birth {
        seed: Seed::from_bytes(bytes),
        at: START,
    }
}

pub(crate) struct Session {
    pub(crate) cell: Cell,
    pub(crate) log: Arc<Log>,
    pub(crate) turns: u64,
}

/// All that came out of one turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) answer: Result<Result<Vec<u8>, AgentError>, Fault>,
    pub(crate) log: Vec<String>,
    pub(crate) outside: Told,
}

impl Outcome {
    pub(crate) fn json(&self) -> Value {
        match &self.answer {
            Ok(Ok(answer)) => serde_json::from_slice(answer).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

impl Session {
    pub(crate) async fn image(&mut self) -> Result<Bytes, NotImageable> {
        Ok(self.cell.capture().boxed().await?.encode())
    }

    pub(crate) async fn digest(&mut self) -> [u8; 32] {
        self.cell.memory_digest().boxed().await.unwrap()
    }

    pub(crate) async fn turn(&mut self, payload: &Value, at: Timestamp, script: u64) -> Outcome {
        let told = Arc::new(Mutex::new(Told::default()));
        let outside = Outside {
            chance: Chance(script),
            now: at,
            told: Arc::clone(&told),
        };
        let answer = self.turn_with(payload, at, Box::new(outside)).await;
        Outcome {
            answer,
            log: std::mem::take(&mut *self.log.0.lock().unwrap()),
            outside: told.lock().unwrap().clone(),
        }
    }

    pub(crate) async fn turn_with(
        &mut self,
        payload: &Value,
        at: Timestamp,
        outside: Box<dyn Capabilities>,
    ) -> Result<Result<Vec<u8>, AgentError>, Fault> {
        self.turns += 1;
        let payload = payload.to_string();
        self.cell
            .invoke(payload.as_bytes(), &context(self.turns, at), at, outside)
            .await
    }
}

fn context(turn: u64, at: Timestamp) -> Context {
    Context {
        session_id: "a-session-of-the-sandbox-tests-000001".to_owned(),
        request_id: format!("request-{turn}"),
        turn,
        agent_name: "probe".to_owned(),
        agent_version: "1".to_owned(),
        endpoint: "DEFAULT".to_owned(),
        tenant_id: "000000000000".to_owned(),
        user_id: None,
        headers: Vec::new(),
        content_type: Some("application/json".to_owned()),
        accept: None,
        deadline_ms: Some(at.as_millis() + 1_000_000),
        traceparent: None,
    }
}

/// Numbers that look like chance, the same ones in every process.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Something to do, for the probe.
    pub(crate) fn deed(&mut self) -> Value {
        let prompt = format!("say {}", self.below(1_000));
        match self.below(20) {
            0 => json!({ "do": "count" }),
            1 | 2 => json!({ "do": "random" }),
            3 | 4 => json!({ "do": "clock" }),
            5 => json!({ "do": "sleep", "ms": self.below(100_000) }),
            6 => json!({ "do": "print", "message": prompt }),
            7 => json!({ "do": "model", "prompt": prompt }),
            8 => json!({ "do": "model-stream", "prompt": prompt }),
            9 => json!({ "do": "model-cancel", "prompt": prompt }),
            10 => json!({ "do": "count-tokens", "prompt": prompt }),
            11 => json!({ "do": "invoke-model", "model": "m", "body": { "prompt": prompt } }),
            12 => json!({ "do": "fill", "mib": self.below(8) }),
            13 => json!({ "do": "large", "bytes": self.below(1 << 20) }),
            14 => json!({ "do": "stream", "n": self.below(5), "pause_ms": self.below(90) }),
            15 => json!({ "do": "env" }),
            16 => json!({ "do": "fail", "message": prompt }),
            17 => json!({ "do": "mutter", "message": prompt }),
            18 => json!({ "do": "keep", "kib": self.below(64) }),
            _ => json!({ "do": "context" }),
        }
    }
}

/// Where a session's prints and log entries go.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<String>>);

impl LogSink for Log {
    fn write(&self, level: Level, message: &str) {
        self.0.lock().unwrap().push(format!("{level:?} {message}"));
    }
}

/// What an outside was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) calls: Vec<String>,
    pub(crate) sleeps: Vec<Duration>,
}

/// An outside that answers from its script, and never waits.
pub(crate) struct Outside {
    chance: Chance,
    now: Timestamp,
    told: Arc<Mutex<Told>>,
}

impl Outside {
    pub(crate) fn new(script: u64, now: Timestamp) -> Self {
        Self {
            chance: Chance(script),
            now,
            told: Arc::default(),
        }
    }

    fn called(&mut self, what: String) {
        self.now = self.now + Duration::from_millis(self.chance.below(5_000));
        self.told.lock().unwrap().calls.push(what);
    }

    fn answer(&mut self, request: &Request) -> Result<Response, Error> {
        if self.chance.below(5) == 0 {
            return Err(Error {
                kind: ErrorKind::Throttled,
                message: "too much".to_owned(),
                retry_after_ms: Some(self.chance.below(100)),
                usage: None,
            });
        }
        Ok(Response {
            content: vec![Content::Text(format!("answer {}", self.chance.next()))],
            stop_reason: StopReason::EndTurn,
            usage: Usage {
                input_tokens: self.chance.below(100),
                output_tokens: self.chance.below(100),
                cache_read_tokens: 0,
                cache_write_tokens: 0,
            },
            latency_ms: self.chance.below(1_000),
            model: request.model.clone(),
            extra: None,
        })
    }
}

impl Capabilities for Outside {
    fn converse(&mut self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        self.called(format!("converse {request:?}"));
        let answer = self.answer(&request);
        async move { answer }.boxed()
    }

    fn converse_stream(&mut self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        self.called(format!("converse-stream {request:?}"));
        let events = self.answer(&request).map(|response| {
            let words = ["one ", "two ", "three"].map(|word| Delta::Text(word.to_owned()));
            let events = words.map(|word| Ok(Event::Delta(word)));
            futures::stream::iter(events.into_iter().chain([Ok(Event::Done(response))])).boxed()
        });
        async move { events }.boxed()
    }

    fn count_tokens(&mut self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        self.called(format!("count-tokens {request:?}"));
        let tokens = self.chance.below(1_000);
        async move { Ok(tokens) }.boxed()
    }

    fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        self.called(format!("invoke-model {model} {body:?}"));
        async move { Ok(body) }.boxed()
    }

    fn set_content_type(&mut self, value: String) {
        self.told.lock().unwrap().calls.push(value);
    }

    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, bool> {
        self.called(format!("write {chunk:?}"));
        let there = self.chance.below(10) > 0;
        async move { there }.boxed()
    }

    fn config(&self, _: &str) -> Option<String> {
        None
    }

    fn remaining(&self) -> Budget {
        Budget {
            tokens: None,
            money_micros: None,
        }
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        self.told.lock().unwrap().sleeps.push(duration);
        async {}.boxed()
    }
}
