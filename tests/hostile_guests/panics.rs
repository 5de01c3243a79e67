//! Mistakes of the server's own, wherever they are: each costs one turn of one session, and its caller is told nothing of
//! the inside. These servers run in this process, with a provider and a clock that panic when they are asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt as _, StreamExt as _, stream};
use kellion_host::clock::{Clock, ManualClock, Timestamp};
use kellion_host::contract::EventStream;
use kellion_host::contract::model::{Delta, Error, Event, Request, Response};
use kellion_host::journal::Durability;
use kellion_host::models::Provider;
use kellion_host::models::offline::Offline;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{Local, PROBE, Reply, Session, eventually};

/// What panics say, and nobody else may.
const DETAIL: &str = "a detail of the inside";

/// Answers offline, or panics: at once, in a while, in the middle of a stream, as the prompt wants it.
#[derive(Debug, Default)]
struct Fragile {
    calls: AtomicUsize,
    /// The next who waits for the clock panics.
    armed: Arc<AtomicBool>,
    /// A stream that is to panic in between does when this says so.
    now: Arc<Notify>,
}

impl Fragile {
    fn called(&self, request: &Request) -> String {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let prompt = format!("{:?}", request.messages);
        assert!(!prompt.contains("panic at once"), "{DETAIL}");
        self.armed
            .fetch_or(prompt.contains("panic at rest"), Ordering::Relaxed);
        prompt
    }
}

async fn later(prompt: String) {
    tokio::task::yield_now().await;
    assert!(!prompt.contains("panic later"), "{DETAIL}");
}

impl Provider for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        let prompt = self.called(&request);
        async move {
            later(prompt).await;
            Offline.converse(request).await
        }
        .boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        let prompt = self.called(&request);
        async move {
            later(prompt.clone()).await;
            if !prompt.contains("panic in between") {
                return Offline.converse_stream(request).await;
            }
            let begun = stream::iter([Ok(Event::Delta(Delta::Text("so ".to_owned())))]);
            let now = Arc::clone(&self.now);
            let broken = stream::once(async move {
                now.notified().await;
                panic!("{DETAIL}")
            });
            Ok(begun.chain(broken).boxed())
        }
        .boxed()
    }

    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        let prompt = self.called(&request);
        async move {
            later(prompt).await;
            Offline.count_tokens(request).await
        }
        .boxed()
    }

    fn invoke_model(&self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        async { panic!("{DETAIL}") }.boxed()
    }
}

/// How long an agent must not sleep.
const UNLUCKY: Duration = Duration::from_millis(666_666);

/// How long a session waits when its alarm rang this much too early.
const SHORT: Duration = Duration::from_secs(2);

/// Panics when somebody wants to sleep for an unlucky time; when it is armed, for a short one.
struct Treacherous {
    clock: ManualClock,
    armed: Arc<AtomicBool>,
}

impl Clock for Treacherous {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'static, ()> {
        let wait = until.since(self.now());
        let unlucky = wait == UNLUCKY;
        let short = wait == SHORT && self.armed.swap(false, Ordering::Relaxed);
        assert!(!unlucky && !short, "{DETAIL}");
        self.clock.sleep_until(until)
    }
}

async fn stage(durability: Durability) -> (Local, Arc<Fragile>) {
    let fragile = Arc::new(Fragile::default());
    let armed = Arc::clone(&fragile.armed);
    let clock = |clock| -> Arc<dyn Clock> { Arc::new(Treacherous { clock, armed }) };
    let configure = |config: &mut kellion_host::config::Config| {
        config.sessions.durability = durability;
        config.sandbox.max_live_sessions = 8;
    };
    let local = Local::surrounded(Arc::clone(&fragile) as _, clock, configure).await;
    (local, fragile)
}

/// Takes a last turn, and then lets the session's task panic as it waits for the next one. Its alarm is set anew when the
/// one that was set so many seconds ahead by the turn before has rung.
async fn panic_at_rest(local: &Local, fragile: &Fragile, session: &Session, alarm: u64) {
    local.advance(SHORT.as_secs());
    let last = json!({ "do": "model", "prompt": "panic at rest" });
    assert_eq!(session.invoke(last).await.status, 200);
    local.advance(alarm - SHORT.as_secs());
    eventually("the panic", || async {
        (!fragile.armed.load(Ordering::Relaxed)).then_some(())
    })
    .await;
}

fn deeds() -> Vec<Value> {
    let ask = |how: &str, prompt: &str| json!({ "do": how, "prompt": prompt });
    let mut deeds: Vec<Value> = ["model", "model-stream", "count-tokens", "agent"]
        .iter()
        .flat_map(|how| [ask(how, "panic at once"), ask(how, "panic later")])
        .collect();
    deeds.push(ask("model-hold", "panic at once"));
    deeds.push(json!({ "do": "invoke-model", "model": "m", "body": {} }));
    deeds.push(json!({ "do": "sleep", "ms": UNLUCKY.as_millis() as u64 }));
    deeds
}

fn assert_failed(reply: &Reply) {
    let message = "the server failed while it carried out the turn";
    reply.assert_refused(500, "InternalServerException", message);
    assert!(!reply.text().contains(DETAIL), "{reply:?}");
    assert!(!reply.text().contains(".rs"), "{reply:?}");
}

#[tokio::test]
async fn g27_a_panic_in_a_turn_costs_that_turn_and_the_session_goes_on() {
    let (local, _) = stage(Durability::Process).await;
    let agent = local.deploy("probe", PROBE).await;
    let canary = local.deploy("canary", PROBE).await.session("canary");
    assert_eq!(canary.count().await, 1);
    let mut canary_turns = 1;
    for (number, deed) in deeds().into_iter().enumerate() {
        let session = agent.session(&format!("session-{number}"));
        assert_eq!(session.count().await, 1);
        for again in 2..4 {
            let failed = session.invoke(deed.clone()).await;
            assert_failed(&failed);
            let shown = session.inspect().await;
            let receipts = shown["receipts"].as_array().unwrap();
            assert_eq!(receipts.last().unwrap()["outcome"], "faulted", "{shown}");
            let log = session.log(failed.header("x-amzn-requestid")).await;
            assert!(!format!("{log:?}").contains(DETAIL), "{log:?}");
            let remembered = session.count().await;
            assert_eq!(remembered, again, "{deed}: what it knew before is not lost");
        }
        canary_turns += 1;
        assert_eq!(canary.count().await, canary_turns, "after {deed}");
    }
    local.stop().await;
}

#[tokio::test]
async fn g27_a_panic_in_the_middle_of_an_answer_breaks_it_off() {
    let (local, fragile) = stage(Durability::Process).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    for turns in [2, 3] {
        let deed = json!({ "do": "model-stream", "prompt": "panic in between" });
        let answer = session.invocation(deed.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        fragile.now.notify_one();
        let whole = answer.bytes().await;
        assert!(whole.is_err(), "{whole:?}");
        assert_eq!(session.count().await, turns);
    }
    local.stop().await;
}

#[tokio::test]
async fn g27_a_call_that_ended_in_a_panic_is_not_made_again_by_its_retries() {
    let (local, fragile) = stage(Durability::Process).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let deed = json!({ "do": "model", "prompt": "panic later" }).to_string();
    let call = || {
        let request = session.invocation(deed.clone());
        request.header("amz-sdk-invocation-id", "one-call")
    };
    assert_failed(&local.send(call()).await);
    let again = local.send(call()).await;
    again.assert_refused(424, "RuntimeClientError", "the server failed");
    assert_eq!(fragile.calls.load(Ordering::Relaxed), 1);
    assert_eq!(session.count().await, 2);
    local.stop().await;
}

#[tokio::test]
async fn g27_a_panic_outside_of_all_turns_is_a_rest_for_its_session() {
    let (local, fragile) = stage(Durability::Process).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    for turns in [2, 4, 6] {
        panic_at_rest(&local, &fragile, &session, 30).await;
        assert_eq!(session.count().await, turns + 1);
    }
    let sessions = local.sessions().await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(session.stop().await.status, 200);
    assert_eq!(session.count().await, 1, "stopped, it begins anew");
    local.stop().await;
}

#[tokio::test]
async fn g27_without_a_journal_a_panic_ends_its_session() {
    let (local, fragile) = stage(Durability::None).await;
    let agent = local.deploy("probe", PROBE).await;
    let canary = agent.session("canary");
    assert_eq!(canary.count().await, 1);
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let deed = json!({ "do": "model", "prompt": "panic later" });
    assert_failed(&session.invoke(deed).await);
    assert_eq!(session.ended().await["reason"], "broken");
    assert_eq!(session.count().await, 1, "the same id is a fresh world");

    assert_eq!(canary.count().await, 2);

    panic_at_rest(&local, &fragile, &session, 900).await;
    eventually("a fresh world", || async {
        let reply = session.invoke(json!({ "do": "count" })).await;
        (reply.status == 200).then(|| assert_eq!(reply.json_of(200), 1))
    })
    .await;
    local.stop().await;
}

#[tokio::test]
async fn g27_many_panics_at_once_leave_every_slot_to_others() {
    let (local, _) = stage(Durability::Process).await;
    let agent = local.deploy("probe", PROBE).await;
    let session = |number: usize| agent.session(&format!("session-{number}"));
    let panics = |session: Session| async move {
        for deed in deeds() {
            assert_failed(&session.invoke(deed).await);
        }
    };
    // More than there are slots, all in all.
    for round in 0..4 {
        join_all((0..6).map(|number| panics(session(6 * round + number)))).await;
    }
    let counts = join_all((0..6).map(|number| async move { session(number).count().await })).await;
    assert_eq!(counts, vec![json!(1); 6]);
    local.stop().await;
}
