//! How a turn is stopped from inside, by what its guest calls.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::TurnError;
use super::tape::Diverged;

/// Stops a turn from inside: its guest is never answered, and whoever runs it is told why.
#[derive(Default)]
pub(super) struct Halt {
    why: Mutex<Option<Halted>>,
    told: Notify,
}

/// Why a turn was stopped from inside.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Halted {
    /// Something that the guest observed could not be written.
    Unrecorded(TurnError),
    /// Its replay went another way.
    Diverged(Diverged),
    /// There was no memory for what it answers.
    MuchTalk,
}

impl Halt {
    /// Never returns, and makes [`asked`](Self::asked) return.
    pub(super) async fn unrecorded(&self, error: TurnError) {
        self.set(Halted::Unrecorded(error));
        std::future::pending().await
    }

    /// The same for a turn that answers more than there is memory for.
    pub(super) async fn much_talk<T>(&self) -> T {
        self.set(Halted::MuchTalk);
        std::future::pending().await
    }

    /// The same for a replay.
    pub(super) async fn diverge<T>(&self, diverged: Diverged) -> T {
        self.diverged(diverged);
        std::future::pending().await
    }

    /// For calls that cannot wait: the turn goes on until it makes one that can.
    pub(super) fn diverged(&self, diverged: Diverged) {
        self.set(Halted::Diverged(diverged));
    }

    fn set(&self, halted: Halted) {
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.get_or_insert(halted);
        self.told.notify_one();
    }

    /// Why the turn was halted, if it was.
    pub(super) fn why(&self) -> Option<Halted> {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns when the turn is to be stopped.
    pub(super) async fn asked(&self) -> Halted {
        loop {
            if let Some(why) = self.why() {
                return why;
            }
            self.told.notified().await;
        }
    }
}
