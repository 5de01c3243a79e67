use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Host as _};
use wasmtime_wasi::p2::bindings::clocks::wall_clock;
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable};

use super::super::Capabilities;
use super::super::cell::State;
use super::super::engine::Config;
use super::super::room::{Room, Share};
use super::super::stdio::Prints;
use super::stage::{Log, PROBE, START, Session, Stage, birth};
use crate::clock::Timestamp;
use crate::contract::EventStream;
use crate::contract::model::{Error, Request, Response};
use crate::contract::session::Budget;

/// The state of a cell without the cell. It has no turn, so nothing here waits.
fn state() -> State {
    let log = Arc::new(Log::default());
    let prints = Prints::new(log.clone(), Config::default().turn_log_kib);
    let share = Share::of(&Arc::new(Room::new(1, None)).whole()).unwrap();
    State::new(&Config::default(), &prints, &birth(1), share)
}

fn monotonic(state: &mut State) -> u64 {
    monotonic_clock::Host::now(state).unwrap()
}

fn again(pollable: &Resource<DynPollable>) -> Resource<DynPollable> {
    Resource::new_borrow(pollable.rep())
}

#[test]
fn both_clocks_are_one_and_no_two_looks_are_the_same() {
    let mut state = state();
    let start = START.as_millis() * 1_000_000;
    assert_eq!(monotonic(&mut state), start);
    let wall = wall_clock::Host::now(&mut state).unwrap();
    assert_eq!(wall.seconds, START.as_millis() / 1_000);
    assert_eq!(wall.nanoseconds, 1);
    state.clock.advance_to(START + Duration::from_secs(1));
    assert_eq!(monotonic(&mut state), start + 1_000_000_000);
    state.clock.advance_to(START);
    assert_eq!(monotonic(&mut state), start + 1_000_000_001, "never back");
}

#[tokio::test]
async fn timers_go_off_in_the_order_of_their_deadlines() {
    let mut state = state();
    let late = state.subscribe_duration(2_000).unwrap();
    let soon = state.subscribe_duration(1_000).unwrap();
    let never = state.subscribe_duration(u64::MAX).unwrap();
    let began = state.clock.now();
    assert!(!state.ready(again(&soon)).await.unwrap());

    let all = || vec![again(&late), again(&soon), again(&never)];
    assert_eq!(state.poll(all()).await.unwrap(), [1]);
    assert_eq!(state.clock.now(), began + 1_000);
    assert_eq!(state.poll(all()).await.unwrap(), [1], "it stays ready");
    state.block(again(&late)).await.unwrap();
    assert_eq!(state.poll(all()).await.unwrap(), [0, 1]);
    assert_eq!(state.clock.now(), began + 2_000);

    assert!(state.poll(Vec::new()).await.is_err());
    assert!(state.block(again(&never)).await.is_err());
    for pollable in [late, soon, never] {
        HostPollable::drop(&mut state, pollable).unwrap();
    }
    assert!(state.timers.is_empty());
    assert_eq!(state.table.iter_mut().count(), 0);
}

#[tokio::test]
async fn a_timer_in_the_past_is_ready() {
    let mut state = state();
    let past = state.subscribe_instant(1).unwrap();
    let now = state.clock.now();
    assert!(state.ready(again(&past)).await.unwrap());
    assert_eq!(state.poll(vec![again(&past)]).await.unwrap(), [0]);
    assert_eq!(state.clock.now(), now);
}

async fn now_ms(session: &mut Session) -> u64 {
    let clock = session.turn(&json!({ "do": "clock" }), START, 0).await;
    clock.json()["now_ms"].as_u64().unwrap()
}

#[tokio::test]
async fn a_sleep_takes_its_time_and_no_more() {
    let stage = Stage::with(&PROBE);
    let mut session = stage.session(1).await;
    let before = now_ms(&mut session).await;
    let sleep = json!({ "do": "sleep", "ms": 123_456 });
    let slept = session.turn(&sleep, START, 0).await;
    assert_eq!(slept.outside.sleeps, [Duration::from_millis(123_456)]);
    assert_eq!(now_ms(&mut session).await, before + 123_456);
}

#[tokio::test]
async fn a_turn_waits_for_its_outside_to_sleep() {
    let stage = Stage::with(&PROBE);
    let mut session = stage.session(1).await;
    let (asked, mut asks) = mpsc::channel(1);
    let (release, released) = mpsc::channel(1);
    let sleep = json!({ "do": "sleep", "ms": 86_400_000 });
    let turn = session.turn_with(&sleep, START, Box::new(Sleeper { asked, released }));
    let waker = async {
        let duration = asks.recv().await;
        // Until this is sent, the turn cannot end.
        release.send(()).await.unwrap();
        duration
    };
    let (answer, duration) = tokio::join!(turn, waker);
    assert!(answer.unwrap().is_ok());
    assert_eq!(duration, Some(Duration::from_secs(86_400)));
}

/// An outside that can only sleep, and wakes when it is told.
struct Sleeper {
    asked: mpsc::Sender<Duration>,
    released: mpsc::Receiver<()>,
}

impl Capabilities for Sleeper {
    fn converse(&mut self, _: Request) -> BoxFuture<'_, Result<Response, Error>> {
        unreachable!()
    }

    fn converse_stream(&mut self, _: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        unreachable!()
    }

    fn count_tokens(&mut self, _: Request) -> BoxFuture<'_, Result<u64, Error>> {
        unreachable!()
    }

    fn invoke_model(&mut self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        unreachable!()
    }

    fn set_content_type(&mut self, _: String) {}

    fn write(&mut self, _: Bytes) -> BoxFuture<'_, bool> {
        unreachable!()
    }

    fn config(&self, _: &str) -> Option<String> {
        None
    }

    fn remaining(&self) -> Budget {
        unreachable!()
    }

    fn now(&self) -> Timestamp {
        START
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        async move {
            self.asked.send(duration).await.unwrap();
            self.released.recv().await.unwrap();
        }
        .boxed()
    }
}
