//! The life of a session as a pure state machine: events in, effects out, no clock and no I/O.

use std::time::Duration;

use serde::Serialize;

use crate::agents::Lifecycle;
use crate::clock::Timestamp;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// Waits for its next turn.
    Idle {
        /// Since its last turn ended, or since its start.
        since: Timestamp,
    },
    /// A turn runs.
    Running {
        /// When the turn began.
        since: Timestamp,
    },
    /// Its journal is damaged: it takes no turns until it is stopped, which gives it up.
    Quarantined,
    /// Over; its memory is gone. The same id, invoked again, is a fresh world.
    Ended {
        /// Why.
        reason: EndReason,
        /// When.
        at: Timestamp,
    },
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Nobody invoked it for its idle time.
    Idle,
    /// It lived for its maximum lifetime.
    Lifetime,
    /// It was stopped.
    Stopped,
    /// Its agent was deleted.
    Deleted,
    /// A turn trapped, broke a limit, or ran out of time: the instance cannot go on, and no journal could make another. Or
    /// the session is a fork that was never whole.
    Broken,
    /// The server had no memory left, and no journal could bring it back.
    Memory,
    /// The server shut down.
    Shutdown,
}

impl EndReason {
    /// The name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
            Self::Broken => "broken",
            Self::Memory => "memory",
            Self::Shutdown => "shutdown",
        }
    }

    /// The reason that is called so.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [
            Self::Idle,
            Self::Lifetime,
            Self::Stopped,
            Self::Deleted,
            Self::Broken,
            Self::Memory,
            Self::Shutdown,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
    }

    /// In words that fit behind "the session ended: ".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Idle => "it was idle for its idle time",
            Self::Lifetime => "it reached its maximum lifetime",
            Self::Stopped => "it was stopped",
            Self::Deleted => "its agent was deleted",
            Self::Broken => "a turn broke it",
            Self::Memory => "the server had no memory left",
            Self::Shutdown => "the server shut down",
        }
    }
}

/// What happens to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The next turn was taken from the mailbox.
    TurnTaken,
    /// The running turn gave its answer, or the agent's own error.
    TurnDone,
    /// The running turn ended in a fault.
    TurnBroke,
    /// Somebody ends the session.
    EndAsked(EndReason),
    /// Time went by.
    TimePassed,
}

/// What is to be done about it, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Run the turn that was taken, under this number.
    Run {
        /// 1, 2, 3…
        turn: u64,
    },
    /// Tell the caller of the running turn why it gets no answer.
    Abandon(Abandoned),
    /// Drop the instance and close the mailbox.
    Retire(EndReason),
}

/// Why a running turn was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abandoned {
    /// It took longer than a turn may.
    TimedOut,
    /// Its session ended.
    Ended(EndReason),
}

/// A session's state.
#[derive(Debug)]
pub(super) struct State {
    lifecycle: Lifecycle,
    turn_time: Duration,
    /// Whether the session outlives its instance, because the journal can make another.
    durable: bool,
    started: Timestamp,
    turns: u64,
    phase: Phase,
}

impl State {
    pub(super) fn new(
        lifecycle: Lifecycle,
        turn_time: Duration,
        durable: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            lifecycle,
            turn_time,
            durable,
            started: now,
            turns: 0,
            phase: Phase::Idle { since: now },
        }
    }

    /// The state of a session that is taken up from the journal, idle since it was last heard of.
    pub(super) fn resumed(
        lifecycle: Lifecycle,
        turn_time: Duration,
        started: Timestamp,
        turns: u64,
        since: Timestamp,
    ) -> Self {
        Self {
            lifecycle,
            turn_time,
            durable: true,
            started,
            turns,
            phase: Phase::Idle { since },
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Turns taken.
    pub(super) fn turns(&self) -> u64 {
        self.turns
    }

    /// When [`Event::TimePassed`] is due, if nothing else happens before.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        let end_of_life = self.started + self.lifecycle.max_lifetime;
        match self.phase {
            Phase::Idle { since } => Some(end_of_life.min(since + self.lifecycle.idle_timeout)),
            Phase::Running { since } => Some(end_of_life.min(since + self.turn_time)),
            Phase::Quarantined | Phase::Ended { .. } => None,
        }
    }

    pub(super) fn apply(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        match (self.phase, event) {
            (Phase::Idle { .. }, Event::TurnTaken) => {
                self.turns += 1;
                self.phase = Phase::Running { since: now };
                vec![Effect::Run { turn: self.turns }]
            }
            (Phase::Idle { .. }, Event::EndAsked(reason)) => self.end(reason, now),
            (Phase::Idle { since }, Event::TimePassed) => {
                if now >= self.started + self.lifecycle.max_lifetime {
                    self.end(EndReason::Lifetime, now)
                } else if now >= since + self.lifecycle.idle_timeout {
                    self.end(EndReason::Idle, now)
                } else {
                    Vec::new()
                }
            }
            (Phase::Running { .. }, Event::TurnDone) => {
                self.phase = Phase::Idle { since: now };
                Vec::new()
            }
            (Phase::Running { .. }, Event::TurnBroke) if self.durable => {
                self.phase = Phase::Idle { since: now };
                Vec::new()
            }
            (Phase::Running { .. }, Event::TurnBroke) => self.end(EndReason::Broken, now),
            (Phase::Running { .. }, Event::EndAsked(reason)) => {
                self.abandon(Abandoned::Ended(reason), reason, now)
            }
            (Phase::Running { since }, Event::TimePassed) => {
                if now >= self.started + self.lifecycle.max_lifetime {
                    self.abandon(
                        Abandoned::Ended(EndReason::Lifetime),
                        EndReason::Lifetime,
                        now,
                    )
                } else if now >= since + self.turn_time && self.durable {
                    self.phase = Phase::Idle { since: now };
                    vec![Effect::Abandon(Abandoned::TimedOut)]
                } else if now >= since + self.turn_time {
                    self.abandon(Abandoned::TimedOut, EndReason::Broken, now)
                } else {
                    Vec::new()
                }
            }
            // An ended session takes nothing more; and no turn ends that does not run, or begins in another.
            (Phase::Quarantined | Phase::Ended { .. }, _)
            | (Phase::Idle { .. }, Event::TurnDone | Event::TurnBroke)
            | (Phase::Running { .. }, Event::TurnTaken) => Vec::new(),
        }
    }

    fn end(&mut self, reason: EndReason, now: Timestamp) -> Vec<Effect> {
        self.phase = Phase::Ended { reason, at: now };
        vec![Effect::Retire(reason)]
    }

    fn abandon(&mut self, why: Abandoned, reason: EndReason, now: Timestamp) -> Vec<Effect> {
        self.phase = Phase::Ended { reason, at: now };
        vec![Effect::Abandon(why), Effect::Retire(reason)]
    }
}

#[cfg(test)]
#[path = "state/tests.rs"]
mod tests;
