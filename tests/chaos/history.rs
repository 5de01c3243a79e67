//! What clients did, and what they were told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::Reply;

/// What a turn is asked of the probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    Count,
    Random,
    /// So many more KiB of memory.
    Keep(u64),
    /// A model's answer to a prompt that no other turn has.
    Model(String),
    /// The same, streamed.
    Stream(String),
    Print(String),
    /// So many bytes.
    Large(usize),
    /// Says that it failed, which leaves its mark on the session as any other turn does.
    Fail(String),
    /// Breaks, and is undone.
    Trap,
}

impl Deed {
    pub(super) fn payload(&self) -> Value {
        match self {
            Self::Count => json!({ "do": "count" }),
            Self::Random => json!({ "do": "random" }),
            Self::Keep(kib) => json!({ "do": "keep", "kib": kib }),
            Self::Model(prompt) => json!({ "do": "model", "prompt": prompt }),
            Self::Stream(prompt) => json!({ "do": "model-stream", "prompt": prompt }),
            Self::Print(message) => json!({ "do": "print", "message": message }),
            Self::Large(bytes) => json!({ "do": "large", "bytes": bytes }),
            Self::Fail(message) => json!({ "do": "fail", "message": message }),
            Self::Trap => json!({ "do": "trap" }),
        }
    }

    /// What the provider is asked.
    pub(super) fn prompt(&self) -> Option<&str> {
        match self {
            Self::Model(prompt) | Self::Stream(prompt) => Some(prompt),
            Self::Count
            | Self::Random
            | Self::Keep(_)
            | Self::Print(_)
            | Self::Large(_)
            | Self::Fail(_)
            | Self::Trap => None,
        }
    }
}

/// What is asked of a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Turn(Deed),
    Stop,
}

/// All of an answer that must be the same whenever it is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl Told {
    pub(super) fn of(reply: &Reply) -> Self {
        Self {
            status: reply.status,
            content_type: reply.header("content-type").to_owned(),
            body: reply.body.clone(),
        }
    }

    /// What a session is told whose end nobody asked for.
    pub(super) fn nothing() -> Self {
        Self {
            status: 200,
            content_type: String::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the turn was undone because the machine had no memory for it, with a word on that or in a panic.
    pub(super) fn is_starved(&self) -> bool {
        let text = self.text();
        let starved = ["the server has no memory left", FAILED];
        self.status == 424 && starved.iter().any(|words| text.contains(words))
    }

    /// Whether the turn was given up because its session was stopped.
    pub(super) fn is_abandoned(&self) -> bool {
        self.status == 424 && self.text().contains("the session ended while the turn ran")
    }
}

/// What is said of a turn that ended in a panic.
pub(super) const FAILED: &str = "the server failed while it carried out the turn";

/// A call that was answered, perhaps after many tries.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) session: String,
    /// Its name, the same in all tries; empty for a stop.
    pub(super) invocation: String,
    pub(super) asked: Asked,
    /// When it was made first, and when it was answered, by the clock of the history.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) tries: u64,
    /// How often the server was killed meanwhile.
    pub(super) kills: usize,
    /// How many calls the provider had had when it was answered.
    pub(super) bought: usize,
    pub(super) told: Told,
}

/// What all clients of a test did, in the one order of what happened.
#[derive(Debug, Default)]
pub(super) struct History {
    clock: AtomicU64,
    /// Kills that have begun, and those that are over.
    kills: (AtomicUsize, AtomicUsize),
    calls: Mutex<Vec<Call>>,
    answered: watch::Sender<usize>,
}

impl History {
    /// A moment after all before it.
    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Kills the server.
    pub(super) fn kill(&self, kill: impl FnOnce()) {
        self.fault_begins();
        kill();
        self.fault_ends();
    }

    /// From now on until [`fault_ends`](Self::fault_ends) calls may be cut as by a kill.
    pub(super) fn fault_begins(&self) {
        self.kills.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fault_ends(&self) {
        self.kills.1.fetch_add(1, Ordering::SeqCst);
    }

    /// For [`kills_since`](Self::kills_since).
    pub(super) fn kills(&self) -> usize {
        self.kills.1.load(Ordering::SeqCst)
    }

    /// How many kills may have met a call that was made when there had been so many.
    pub(super) fn kills_since(&self, kills: usize) -> usize {
        self.kills.0.load(Ordering::SeqCst) - kills
    }

    pub(super) fn add(&self, call: Call) {
        self.lock().push(call);
        self.answered.send_modify(|answered| *answered += 1);
    }

    /// Waits until so many more calls are answered.
    pub(super) async fn progress(&self, calls: usize) {
        let mut answered = self.answered.subscribe();
        let wanted = *answered.borrow_and_update() + calls;
        answered
            .wait_for(|answered| *answered >= wanted)
            .await
            .expect("the sender lives as long as the history");
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls
            .lock()
            .expect("no test panics while it holds this lock")
    }
}
