//! Whatever a session does, a replay of its records does: in another process, with the same answers and the same memory.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio_util::task::TaskTracker;

use super::halt::Halt;
use super::life::Life;
use super::outlet::outlet;
use super::past::Past;
use super::performance::{Performance, TurnEnd, perform};
use super::record::Record;
use super::{Config, Invocation, Owner, SessionLog, Shared};
use crate::agents::{self, Agents, Deployment, Habits, Lifecycle};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::contract::EventStream;
use crate::contract::model::{
    Content, Delta, Error, ErrorKind, Event, Request, Response, StopReason, Usage,
};
use crate::grants::Grant;
use crate::ids::{AgentKey, Digest, EndpointName, RequestId, SessionKey, Version};
use crate::journal::{self, Journal};
use crate::models::Provider;
use crate::sandbox::tests::stage::{Chance, PROBE, Stage};

mod cuts;

const TURNS: u64 = 30;
const SESSIONS: u64 = 6;

/// Time goes by with each look, and at once where somebody waits.
#[derive(Debug, Default)]
struct Leaping(Mutex<u64>);

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += 3;
        Timestamp::from_millis(1_800_000_000_000 + *now)
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'static, ()> {
        let mut now = self.0.lock().unwrap();
        *now = until
            .as_millis()
            .saturating_sub(1_800_000_000_000)
            .max(*now);
        async {}.boxed()
    }
}

/// A provider that never says the same twice, so that nobody can ask it what it said.
#[derive(Debug, Default)]
struct Fickle(AtomicU64);

impl Fickle {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn answer(&self, request: &Request) -> Result<Response, Error> {
        let number = self.next();
        if number % 5 == 4 {
            return Err(Error {
                kind: ErrorKind::Throttled,
                message: format!("too much, {number}"),
                retry_after_ms: Some(number),
                usage: None,
            });
        }
        Ok(Response {
            content: vec![Content::Text(format!("answer {number}"))],
            stop_reason: StopReason::EndTurn,
            usage: Usage {
                input_tokens: number,
                output_tokens: 1,
                cache_read_tokens: 0,
                cache_write_tokens: 0,
            },
            latency_ms: number,
            model: request.model.clone(),
            extra: None,
        })
    }
}

impl Provider for Fickle {
    fn name(&self) -> &'static str {
        "fickle"
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        async move { self.answer(&request) }.boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        async move {
            let response = self.answer(&request)?;
            let words = (0..self.next() % 4).map(|word| {
                Ok(Event::Delta(Delta::Text(format!(
                    "{word} of {}",
                    self.next()
                ))))
            });
            let mut events: Vec<_> = words.collect();
            // Some streams break.
            events.push(match self.next() % 3 {
                0 => self.answer(&request).map(Event::Done),
                _ => Ok(Event::Done(response)),
            });
            Ok(stream::iter(events).boxed())
        }
        .boxed()
    }

    fn count_tokens(&self, _: Request) -> BoxFuture<'_, Result<u64, Error>> {
        async move { Ok(self.next()) }.boxed()
    }

    fn invoke_model(&self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        async move { Ok(format!("{{\"said\": {}}}", self.next()).into_bytes()) }.boxed()
    }
}

/// All that sessions need, on this folder, with one agent that nobody deployed.
fn rooms(folder: &Path) -> (Shared, Arc<Deployment>) {
    let Stage { sandbox, program } = Stage::with(&PROBE);
    let sandbox = Arc::new(sandbox);
    let clock: Arc<dyn Clock> = Arc::new(Leaping::default());
    let places = agents::Config {
        data: folder.join("agents"),
        compiler: folder.join("none"),
        ..agents::Config::default()
    };
    let limits = agents::Limits::default();
    let agents = Agents::open(
        &places,
        limits,
        Arc::new(|_| Arc::default()),
        &agents::ProgramKey::new(&[7; 32]),
        Arc::clone(&sandbox),
        // What agents do now and then would be done without end.
        Arc::new(ManualClock::new(clock.now())),
    )
    .unwrap();
    let journal = journal::Config::default();
    let journal = Journal::open(&folder.join("journal"), &journal, Arc::clone(&clock)).unwrap();
    let deployment = Deployment {
        agent: key(0).agent,
        agent_name: "probe".parse().unwrap(),
        version: Version::FIRST,
        lifecycle: Lifecycle::default(),
        environment: [("NAME".to_owned(), "value".to_owned())].into(),
        request_headers: Vec::new(),
        authorizer: None,
        durability: None,
        grant: Grant::default(),
        artifact: Digest::of(b"probe"),
        program,
        habits: Habits::default(),
    };
    let shared = Shared {
        config: Config::default(),
        sandbox,
        provider: Arc::new(Fickle::default()),
        agents,
        journal,
        clock,
        actors: TaskTracker::new(),
        directory: Mutex::default(),
        counts: super::quota::Counts::default(),
        journeys: super::passage::Passages::new(1 << 30),
        talk: super::passage::Passages::new(1 << 30),
        reads: super::passage::Passages::new(1 << 30),
        images: super::passage::Passages::new(1 << 30),
        tally: super::tally::Tally::new(&crate::telemetry::Telemetry::default()),
    };
    (shared, Arc::new(deployment))
}

fn key(number: u64) -> SessionKey {
    SessionKey {
        agent: AgentKey {
            tenant: "000000000000".parse().unwrap(),
            agent: "probe-0123456789".parse().unwrap(),
        },
        session: format!("session-{number:032}").parse().unwrap(),
    }
}

fn record(shared: &Shared, key: &SessionKey) -> Record {
    let log = SessionLog::new(Arc::clone(&shared.clock), 1 << 20);
    Record::new(
        key.clone(),
        Version::FIRST,
        Owner::default(),
        shared.clock.now(),
        log,
    )
}

/// The session as its records have it.
async fn taken_up(shared: &Shared, record: &Record, deployment: &Arc<Deployment>) -> Life {
    let loaded = shared.journal.load(&record.key).await.unwrap();
    let mut history = loaded.live.unwrap();
    let past = Past::take(&mut history).unwrap();
    let deployment = Arc::clone(deployment);
    Life::resume(
        shared,
        record,
        deployment,
        past,
        history,
        Default::default(),
    )
    .0
}

async fn digest(shared: &Shared, record: &Record, life: &mut Life) -> String {
    let cell = life.take_cell(shared, record).await;
    let mut cell = cell.unwrap_or_else(|_| panic!("{} cannot be taken up", record.key.session));
    let digest = cell.memory_digest().await.unwrap();
    life.cell = Some(cell);
    format!("{digest:02x?}")
}

fn invocation(deed: String) -> Invocation {
    Invocation {
        request: RequestId::random(),
        invocation: None,
        endpoint: EndpointName::default_endpoint(),
        payload: Bytes::from(deed),
        owner: Owner::default(),
        policy: Arc::default(),
        headers: Vec::new(),
        content_type: None,
        accept: None,
        traceparent: None,
    }
}

/// One turn, as an actor performs it; whether the session's instance can go on.
async fn turn(
    shared: &Shared,
    record: &Record,
    life: &mut Life,
    number: u64,
    deed: String,
) -> bool {
    // Nobody reads.
    let (source, _) = outlet(None, None);
    let invocation = invocation(deed);
    let mut performance = Performance::new(invocation, Instant::now(), Arc::new(source));
    performance.begin(number, shared.clock.now());
    let halt = Arc::new(Halt::default());
    let end = perform(shared, record, life, &mut performance, &halt).await;
    match performance.conclude(shared, record, life, end).await {
        TurnEnd::Answered(_) | TurnEnd::AgentError(_) => true,
        TurnEnd::Faulted(_) => false,
        TurnEnd::Abandoned { .. } | TurnEnd::Unrecorded(_) | TurnEnd::Diverged(_) => {
            panic!("turn {number} did not end by itself")
        }
    }
}

/// Plays random sessions; what their memory is like at the end.
async fn play(folder: &Path) -> Vec<String> {
    let (shared, deployment) = rooms(folder);
    let mut digests = Vec::new();
    for session in 0..SESSIONS {
        let mut chance = Chance(session);
        let record = record(&shared, &key(session));
        let woken = Life::wake(&shared, &record, &deployment, &Owner::default()).await;
        let (mut life, _) = woken.unwrap_or_else(|error| panic!("{error}"));
        for number in 1..=TURNS {
            let deed = match chance.below(12) {
                0 => "{\"do\": \"trap\"}".to_owned(),
                _ => chance.deed().to_string(),
            };
            if !turn(&shared, &record, &mut life, number, deed).await {
                drop(life);
                life = taken_up(&shared, &record, &deployment).await;
            }
        }
        digests.push(digest(&shared, &record, &mut life).await);
    }
    shared.journal.close().await;
    digests
}

/// What the memory of the same sessions is like after a replay, which compares every answer by itself.
async fn replay(folder: &Path) -> Vec<String> {
    let (shared, deployment) = rooms(folder);
    let mut digests = Vec::new();
    for session in 0..SESSIONS {
        let record = record(&shared, &key(session));
        let mut life = taken_up(&shared, &record, &deployment).await;
        digests.push(digest(&shared, &record, &mut life).await);
    }
    digests
}

#[tokio::test]
async fn whatever_a_session_does_its_replay_in_another_process_does() {
    const CHILD: &str = "KELLION_TEST_REPLAY";
    if let Some(folder) = std::env::var_os(CHILD) {
        println!("replayed {:?}.", replay(Path::new(&folder)).await);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let played = play(folder.path()).await;
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "sessions::tests::whatever_a_session_does_its_replay_in_another_process_does",
        ])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let expected = format!("replayed {played:?}.");
    assert!(said.contains(&expected), "{said}\n, not {expected}");
    assert!(played.windows(2).all(|pair| pair[0] != pair[1]));
}
