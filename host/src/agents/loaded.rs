//! Programs in memory: each artifact's one, however many agents run it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::ids::Digest;
use crate::sandbox::Program;

/// Where a program is, or will be once somebody has made it.
pub(super) type Slot = OnceCell<Program>;

/// Loaded programs by digest. A program that goes from here lives on as long as sessions run it.
#[derive(Default)]
pub(super) struct Loaded(Mutex<HashMap<Digest, Arc<Slot>>>);

impl Loaded {
    /// The place of a program, which those who ask at the same time share.
    pub(super) fn slot(&self, digest: &Digest) -> Arc<Slot> {
        Arc::clone(self.slots().entry(digest.clone()).or_default())
    }

    /// Gives up the place of a program that could not be made.
    pub(super) fn give_up(&self, digest: &Digest, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        // The map has one and the caller the other: nobody else waits for it.
        if Arc::strong_count(slot) <= 2 && !slot.initialized() {
            slots.remove(digest);
        }
    }

    /// Lets a program go.
    pub(super) fn forget(&self, digest: &Digest) {
        self.slots().remove(digest);
    }

    /// Which of them started no session since this was asked last.
    pub(super) fn unstarted(&self) -> Vec<Digest> {
        let slots = self.slots();
        let loaded = slots
            .iter()
            .filter_map(|(digest, slot)| Some((digest, slot.get()?)));
        loaded
            .filter(|(_, program)| !program.was_started())
            .map(|(digest, _)| digest.clone())
            .collect()
    }

    /// Lets a program go that nobody else has.
    pub(super) fn forget_unused(&self, digest: &Digest) -> bool {
        let mut slots = self.slots();
        let slot = slots.get(digest);
        let is_unused = slot.is_some_and(|slot| {
            let alone = Arc::strong_count(slot) == 1;
            alone && slot.get().is_some_and(|program| program.holders() == 1)
        });
        if is_unused {
            slots.remove(digest);
        }
        is_unused
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
