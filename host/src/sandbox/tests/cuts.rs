//! Turns that end in the middle: dropped by whoever waits, or by a panic of the host. The slot is free again, and nobody else
//! notices. There is one slot in these sandboxes, so each new cell shows that the one before has given it back.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use serde_json::{Value, json};

use super::super::{Cell, Config, Image, LogSink};
use super::odd::{Manner, Odd};
use super::stage::{Log, PROBE, START, Stage, birth};
use crate::contract::log::Level;

/// Looks at a future so often, and drops it; what it gave, if it did by then.
pub(super) fn looked_at<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

fn one_slot() -> Stage {
    let limits = Config {
        max_live_sessions: 1,
        ..Stage::limits()
    };
    Stage::limited(&PROBE, limits)
}

#[tokio::test]
async fn g28_a_turn_may_be_dropped_at_each_of_its_awaits() {
    let stage = one_slot();
    let deeds: [(Value, usize); 7] = [
        (json!({ "do": "model", "prompt": "go on" }), 1),
        (json!({ "do": "model-stream", "prompt": "go on" }), 5),
        (json!({ "do": "model-cancel", "prompt": "go on" }), 2),
        (json!({ "do": "agent", "prompt": "What is 2 + 2?" }), 1),
        (json!({ "do": "stream", "n": 5, "pause_ms": 10 }), 9),
        (json!({ "do": "sleep", "ms": 1_000 }), 1),
        (
            json!({ "do": "raw", "chunks": ["a", "b", "c"], "rest": "d" }),
            3,
        ),
    ];
    for (deed, least) in deeds {
        let mut awaits = 0;
        loop {
            let mut session = stage.session(1).await;
            let turn = session.turn_with(&deed, START, Odd::new(Manner::Slow));
            if looked_at(turn, awaits).is_some() {
                break;
            }
            awaits += 1;
        }
        assert!(awaits > least, "{deed} has {awaits} awaits");
    }
    assert!(
        stage
            .session(1)
            .await
            .turn(&json!({ "do": "count" }), START, 1)
            .await
            .answer
            .is_ok()
    );
}

#[tokio::test]
async fn g28_a_start_an_image_and_its_restoration_may_be_dropped_at_each_of_their_awaits() {
    let stage = one_slot();
    // It takes a slot of its own for a moment.
    stage.program.prepare(&stage.sandbox).await.unwrap();
    let mut session = stage.session(1).await;
    session
        .turn(&json!({ "do": "keep", "kib": 2_048 }), START, 1)
        .await;
    let image = session.image().await.unwrap();
    drop(session);
    let image = Image::decode(&image).unwrap();
    let log = Arc::new(Log::default());
    let birth = birth(1);
    for awaits in 0.. {
        let start = Cell::start(&stage.sandbox, &stage.program, log.clone(), &birth);
        drop(looked_at(start, awaits).map(Result::unwrap));
        let restore = Cell::restore(&stage.sandbox, &stage.program, log.clone(), &image);
        let restored = looked_at(restore.boxed(), awaits).map(Result::unwrap);
        let captured = restored.and_then(|mut cell| looked_at(cell.capture().boxed(), awaits));
        if captured.is_some() {
            break;
        }
    }
    stage.session(1).await;
}

/// A log in which nothing can be written.
struct Broken;

impl LogSink for Broken {
    fn write(&self, _: Level, message: &str) {
        panic!("{message:?} was not to be written");
    }
}

#[tokio::test]
async fn g27_a_panic_of_the_host_in_whatever_a_guest_calls_costs_that_cell_alone() {
    let stage = one_slot();
    let deeds = [
        ("converse", json!({ "do": "model", "prompt": "go on" })),
        (
            "converse_stream",
            json!({ "do": "model-stream", "prompt": "go on" }),
        ),
        ("event", json!({ "do": "model-stream", "prompt": "go on" })),
        (
            "count_tokens",
            json!({ "do": "count-tokens", "prompt": "go on" }),
        ),
        (
            "invoke_model",
            json!({ "do": "invoke-model", "model": "m", "body": {} }),
        ),
        (
            "set_content_type",
            json!({ "do": "raw", "chunks": [], "rest": "" }),
        ),
        ("write", json!({ "do": "stream", "n": 2 })),
        ("config", json!({ "do": "config", "name": "NAME" })),
        ("remaining", json!({ "do": "remaining" })),
        ("now", json!({ "do": "model", "prompt": "go on" })),
        ("sleep", json!({ "do": "sleep", "ms": 10 })),
    ];
    for (call, deed) in deeds {
        for _ in 0..3 {
            let mut session = stage.session(1).await;
            let turn = session.turn_with(&deed, START, Odd::new(Manner::Panics(call)));
            let turn = AssertUnwindSafe(turn).catch_unwind().await;
            assert!(turn.is_err(), "{call} did not panic: {turn:?}");
        }
        let mut session = stage.session(1).await;
        let counted = session.turn(&json!({ "do": "count" }), START, 1).await;
        assert_eq!(counted.json(), 1, "after {call}");
    }
    for deed in [
        json!({ "do": "print", "message": "hello" }),
        // What is logged of a fault.
        json!({ "do": "trap" }),
    ] {
        let birth = birth(1);
        let cell = Cell::start(&stage.sandbox, &stage.program, Arc::new(Broken), &birth);
        let mut session = super::stage::Session {
            cell: cell.await.unwrap(),
            log: Arc::default(),
            turns: 0,
        };
        let turn = AssertUnwindSafe(session.turn(&deed, START, 1)).catch_unwind();
        assert!(turn.await.is_err(), "{deed} did not panic");
    }
    stage.session(1).await;
}
