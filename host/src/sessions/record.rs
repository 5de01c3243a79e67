//! What can be known of a session from outside while its actor owns it, and for a while after its end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;

use super::log::{Entry, SessionLog};
use super::owner::Owner;
use super::past::Past;
use super::state::Phase;
use super::turn::{ModelUse, Receipt};
use crate::clock::Timestamp;
use crate::ids::{AgentId, SessionId, SessionKey, TenantId, Version};
use crate::journal::{History, Sums};
use crate::sandbox::MemoryGauge;

/// Receipts kept of one session; the sums count all.
const RECEIPTS: usize = 50;

/// A session as others see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Who owns it.
    pub tenant: TenantId,
    /// Whose session it is.
    pub agent: AgentId,
    /// The caller's name for it.
    pub session: SessionId,
    /// The version it started with, and keeps; unknown of one that is damaged.
    pub version: Option<Version>,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// Whether it is in memory now; otherwise it comes back with its next turn.
    pub awake: bool,
    /// When it was first invoked.
    pub started: Timestamp,
    /// How long the instance took to start, in microseconds; none before.
    pub start_us: Option<f64>,
    /// Turns taken.
    pub turns: u64,
    /// Linear memory after the last turn, in bytes.
    pub memory_bytes: u64,
    /// Models, all turns together.
    pub models: ModelUse,
}

/// The shared side of one session.
pub(super) struct Record {
    pub(super) key: SessionKey,
    pub(super) log: Arc<SessionLog>,
    rest: Notify,
    give_up: Notify,
    state: Mutex<Inside>,
}

struct Inside {
    summary: Summary,
    owner: Owner,
    durable: bool,
    /// Of its newest cell.
    memory: Option<MemoryGauge>,
    receipts: VecDeque<Receipt>,
}

impl Record {
    pub(super) fn new(
        key: SessionKey,
        version: Version,
        owner: Owner,
        now: Timestamp,
        log: SessionLog,
    ) -> Self {
        let summary = Summary {
            tenant: key.agent.tenant.clone(),
            agent: key.agent.agent.clone(),
            session: key.session.clone(),
            version: Some(version),
            phase: Phase::Idle { since: now },
            awake: true,
            started: now,
            start_us: None,
            turns: 0,
            memory_bytes: 0,
            models: ModelUse::default(),
        };
        Self {
            key,
            log: Arc::new(log),
            rest: Notify::new(),
            give_up: Notify::new(),
            state: Mutex::new(Inside {
                summary,
                owner,
                durable: false,
                memory: None,
                receipts: VecDeque::new(),
            }),
        }
    }

    /// The session begins now.
    pub(super) fn begin(&self, version: Version, owner: Owner, now: Timestamp, durable: bool) {
        let mut inside = self.inside();
        inside.owner = owner;
        inside.summary = Summary {
            version: Some(version),
            started: now,
            phase: Phase::Idle { since: now },
            awake: true,
            start_us: None,
            turns: 0,
            memory_bytes: 0,
            models: ModelUse::default(),
            ..inside.summary.clone()
        };
        inside.durable = durable;
        inside.receipts.clear();
        self.log.restore(Vec::new());
    }

    /// The session is taken up from the journal; its receipts and log so far are there to be read.
    pub(super) fn resume(&self, history: &History, phase: Phase) {
        let started = &history.started.record;
        self.begin(
            started.version,
            Owner::of(started),
            started.lives_from(),
            true,
        );
        let mut inside = self.inside();
        inside.summary.phase = phase;
        inside.summary.turns = history.turns;
        inside.summary.memory_bytes = history.memory_bytes;
        inside.summary.models = history.models.into();
    }

    /// Whether the journal tells of it.
    pub(super) fn is_durable(&self) -> bool {
        self.inside().durable
    }

    /// Asks it to leave memory when no turn runs.
    pub(super) fn ask_to_rest(&self) {
        self.rest.notify_one();
    }

    /// Returns when it was asked to.
    pub(super) async fn rest_asked(&self) {
        self.rest.notified().await;
    }

    /// Asks it to give its turn up, if one runs.
    pub(super) fn ask_to_give_up(&self) {
        self.give_up.notify_waiters();
    }

    /// Returns when it is asked to from now on.
    pub(super) async fn give_up_asked(&self) {
        self.give_up.notified().await;
    }

    /// Its cell is the one that this shows.
    pub(super) fn lives_in(&self, memory: MemoryGauge) {
        self.inside().memory = Some(memory);
    }

    /// What shows its memory, while it is one of those that should make up for what the server holds too much.
    pub(super) fn should_go(&self) -> Option<MemoryGauge> {
        let inside = self.inside();
        inside.memory.clone().filter(MemoryGauge::should_go)
    }

    /// Since when it waits for its next turn; none if it does not, or could not come back.
    pub(super) fn may_rest_since(&self) -> Option<Timestamp> {
        let inside = self.inside();
        match inside.summary.phase {
            Phase::Idle { since } if inside.durable => Some(since),
            _ => None,
        }
    }

    /// What the journal says of it: it is not in memory.
    pub(super) fn resting(
        key: SessionKey,
        past: &Past,
        totals: Option<Sums>,
        phase: Phase,
        log: SessionLog,
    ) -> Self {
        let from = past.started.lives_from();
        let owner = Owner::of(&past.started);
        let this = Self::new(key, past.started.version, owner, from, log);
        past.receipts().for_each(|receipt| this.add(receipt));
        this.log.restore(past.log().collect());
        {
            let mut inside = this.inside();
            inside.summary.phase = phase;
            inside.summary.awake = false;
            inside.durable = true;
            // Of turns that were trimmed there are no receipts, and they count all the same.
            if let Some(totals) = totals {
                inside.summary.turns = totals.turns;
                inside.summary.models = totals.models.into();
                inside.summary.memory_bytes = totals.memory_bytes;
            }
        }
        this
    }

    /// The same session as it is in memory: what the journal says, and what was not written yet.
    pub(super) fn waking(&self, awake: &Self) {
        let now = awake.summary();
        let mut log = self.log.entries(None);
        let receipts = self.receipts();
        let is_new = |entry: &Entry| {
            let known = receipts.iter().map(|receipt| Some(&receipt.request));
            !known
                .into_iter()
                .any(|request| request == entry.request.as_ref())
        };
        log.extend(awake.log.entries(None).into_iter().filter(is_new));
        self.log.restore(log);
        self.inside().summary = now;
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.inside().summary.phase = phase;
    }

    pub(super) fn started_in(&self, took: Duration) {
        self.inside().summary.start_us = Some(took.as_nanos() as f64 / 1_000.0);
    }

    pub(super) fn add(&self, receipt: Receipt) {
        let mut known = self.inside();
        known.summary.turns = receipt.turn;
        known.summary.memory_bytes = receipt.memory_bytes;
        known.summary.models += receipt.models;
        if known.receipts.len() == RECEIPTS {
            known.receipts.pop_front();
        }
        known.receipts.push_back(receipt);
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> Owner {
        self.inside().owner.clone()
    }

    /// What the turns that are over used of models, all together.
    pub(super) fn models(&self) -> ModelUse {
        self.inside().summary.models
    }

    pub(super) fn summary(&self) -> Summary {
        self.inside().summary.clone()
    }

    /// The newest receipts, oldest first.
    pub(super) fn receipts(&self) -> Vec<Receipt> {
        self.inside().receipts.iter().cloned().collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
