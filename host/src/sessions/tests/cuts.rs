//! Turns that are dropped in the middle, and those that end in a panic: the session is where its journal says, and what the
//! turn had of the server's is given back.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::journal::Durability;
use crate::sessions::{Sessions, TurnError};
use crate::tenants::{Policy, Quotas};

/// Drops what runs at its await of this number; what it gave, if it ended before.
async fn cut<T>(future: impl Future<Output = T>, awaits: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = awaits;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

async fn performed(
    shared: &Shared,
    record: &Record,
    life: &mut Life,
    number: u64,
    mut performance: Performance,
) -> TurnEnd {
    performance.begin(number, shared.clock.now());
    let halt = Arc::new(Halt::default());
    let end = perform(shared, record, life, &mut performance, &halt).await;
    performance.conclude(shared, record, life, end).await
}

fn nobody() -> Arc<super::super::outlet::Source> {
    Arc::new(outlet(None, None).0)
}

#[tokio::test]
async fn g28_a_turn_that_is_dropped_at_any_await_is_finished_later_or_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, deployment) = rooms(folder.path());
    let prompt = |how: &str| json!({ "do": how, "prompt": "go on" });
    let deeds = [
        prompt("model"),
        prompt("model-stream"),
        prompt("agent"),
        json!({ "do": "stream", "n": 3, "pause_ms": 5 }),
    ];
    let mut session = 100;
    for deed in deeds {
        let (mut awaits, mut was, mut was_not) = (0, 0, 0);
        loop {
            session += 1;
            let record = record(&shared, &key(session));
            let woken = Life::wake(&shared, &record, &deployment, &Owner::default()).await;
            let (mut life, _) = woken.unwrap_or_else(|error| panic!("{error}"));
            let count = || json!({ "do": "count" }).to_string();
            assert!(turn(&shared, &record, &mut life, 1, count()).await);
            let dropped = turn(&shared, &record, &mut life, 2, deed.to_string());
            let ended = cut(dropped, awaits).await;
            drop(life);

            let mut life = taken_up(&shared, &record, &deployment).await;
            let mut turns = life.past.len() as u64;
            if let Some(open) = life.open.take() {
                let open = Performance::resumed(open, nobody());
                let end = performed(&shared, &record, &mut life, 2, open).await;
                let fine = matches!(end, TurnEnd::Answered(_) | TurnEnd::AgentError(_));
                assert!(fine, "{deed}, dropped at await {awaits}");
                turns += 1;
            }
            match turns {
                1 => was_not += 1,
                _ => was += 1,
            }
            let last = Performance::new(invocation(count()), Instant::now(), nobody());
            let last = performed(&shared, &record, &mut life, turns + 1, last).await;
            let TurnEnd::Answered(counted) = last else {
                panic!("{deed}, dropped at await {awaits}: the session does not go on")
            };
            let counted: Value = serde_json::from_slice(&counted).unwrap();
            assert_eq!(counted, turns + 1, "{deed}, dropped at await {awaits}");
            if ended.is_some() {
                break;
            }
            awaits += 1;
        }
        assert!(was > 0 && was_not > 0, "{deed}: {was} and {was_not}");
    }
    shared.journal.close().await;
}

/// Panics whatever it is asked.
struct Broken;

impl Provider for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn converse(&self, _: Request) -> BoxFuture<'_, Result<Response, Error>> {
        panic!("a detail of the inside")
    }

    fn converse_stream(&self, _: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        async { panic!("a detail of the inside") }.boxed()
    }

    fn count_tokens(&self, _: Request) -> BoxFuture<'_, Result<u64, Error>> {
        panic!("a detail of the inside")
    }

    fn invoke_model(&self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        panic!("a detail of the inside")
    }
}

#[tokio::test]
async fn g27_a_panic_gives_back_the_place_of_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (mut shared, deployment) = rooms(folder.path());
    shared.provider = Arc::new(Broken);
    shared.clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let mut deployment = Arc::into_inner(deployment).unwrap();
    deployment.durability = Some(Durability::None);
    let deployment = Arc::new(deployment);
    let sessions = Sessions(Arc::new(shared));
    let policy = Arc::new(Policy {
        quotas: Quotas {
            concurrent_turns: Some(1),
            ..Quotas::default()
        },
        ..Policy::default()
    });
    for round in 0..20 {
        for how in ["model", "model-stream", "count-tokens"] {
            let deed = json!({ "do": how, "prompt": "go on" }).to_string();
            let invocation = Invocation {
                policy: Arc::clone(&policy),
                ..invocation(deed)
            };
            let key = key(round % 3);
            let tenant = key.agent.tenant.clone();
            let answer = sessions
                .invoke(key, Arc::clone(&deployment), invocation)
                .await;
            let error = answer.err();
            assert_eq!(error, Some(TurnError::Internal), "{how}, round {round}");
            assert_eq!(sessions.usage(&tenant).await.unwrap().turns, 0);
        }
    }
}
