//! What can be known of a session from outside while its actor owns it, and for a while after its end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::log::{Entry, SessionLog};
use super::state::Phase;
use super::turn::{ModelUse, Receipt};
use crate::clock::Timestamp;
use crate::ids::{AgentId, SessionId, SessionKey, TenantId, Version};

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
    /// The version it started with, and keeps.
    pub version: Version,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
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

/// What the journal says of a session.
pub(super) struct Known {
    pub(super) version: Version,
    pub(super) started: Timestamp,
    pub(super) receipts: Vec<Receipt>,
    pub(super) log: Vec<Entry>,
}

/// The shared side of one session.
pub(super) struct Record {
    pub(super) key: SessionKey,
    pub(super) log: Arc<SessionLog>,
    state: Mutex<Inside>,
}

struct Inside {
    summary: Summary,
    receipts: VecDeque<Receipt>,
}

impl Record {
    pub(super) fn new(key: SessionKey, version: Version, now: Timestamp, log: SessionLog) -> Self {
        let summary = Summary {
            tenant: key.agent.tenant.clone(),
            agent: key.agent.agent.clone(),
            session: key.session.clone(),
            version,
            phase: Phase::Idle { since: now },
            started: now,
            start_us: None,
            turns: 0,
            memory_bytes: 0,
            models: ModelUse::default(),
        };
        Self {
            key,
            log: Arc::new(log),
            state: Mutex::new(Inside {
                summary,
                receipts: VecDeque::new(),
            }),
        }
    }

    /// The session begins now.
    pub(super) fn begin(&self, version: Version, now: Timestamp) {
        let mut inside = self.inside();
        inside.summary = Summary {
            version,
            started: now,
            phase: Phase::Idle { since: now },
            start_us: None,
            turns: 0,
            memory_bytes: 0,
            models: ModelUse::default(),
            ..inside.summary.clone()
        };
        inside.receipts.clear();
        self.log.restore(Vec::new());
    }

    /// The session is taken up from the journal.
    pub(super) fn resume(&self, known: Known, phase: Phase) {
        self.begin(known.version, known.started);
        self.set_phase(phase);
        known
            .receipts
            .into_iter()
            .for_each(|receipt| self.add(receipt));
        self.log.restore(known.log);
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
