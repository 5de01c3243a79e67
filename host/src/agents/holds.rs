//! Digests whose files somebody is at work with, before anything written down says that they are needed: an upload that has
//! no name yet, a build that has no version yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use crate::ids::Digest;

/// Who is at work with which digest. Cheap to clone.
#[derive(Clone)]
pub(super) struct Holds(Arc<Held>);

struct Held {
    counts: Mutex<HashMap<Digest, usize>>,
    /// To whoever clears away what nobody needs.
    released: UnboundedSender<Digest>,
}

/// As long as it lives, the files of its digest stay. When it goes, somebody looks whether they are still needed: so an
/// upload that broke off at any point leaves nothing.
pub(super) struct Hold {
    holds: Holds,
    digest: Digest,
}

impl Holds {
    /// Every digest that may have become useless goes to `released`.
    pub(super) fn new(released: UnboundedSender<Digest>) -> Self {
        Self(Arc::new(Held {
            counts: Mutex::default(),
            released,
        }))
    }

    /// Keeps the files of a digest.
    pub(super) fn hold(&self, digest: Digest) -> Hold {
        *self.counts().entry(digest.clone()).or_default() += 1;
        let holds = self.clone();
        Hold { holds, digest }
    }

    /// Keeps the files of what a look-up finds. None of them goes in between.
    pub(super) fn hold_found<T, E>(
        &self,
        find: impl FnOnce() -> Result<Option<T>, E>,
        digest: impl FnOnce(&T) -> &Digest,
    ) -> Result<Option<(T, Hold)>, E> {
        let mut counts = self.counts();
        let Some(found) = find()? else {
            return Ok(None);
        };
        let digest = digest(&found).clone();
        *counts.entry(digest.clone()).or_default() += 1;
        let holds = self.clone();
        Ok(Some((found, Hold { holds, digest })))
    }

    /// Says that a name or a version went that had needed this.
    pub(super) fn release(&self, digest: Digest) {
        // Without anybody to clear up, the next start does.
        let _ = self.0.released.send(digest);
    }

    /// Does this unless somebody holds the digest; nobody begins to until it is done.
    pub(super) fn unless_held(&self, digest: &Digest, clear: impl FnOnce()) {
        let counts = self.counts();
        if !counts.contains_key(digest) {
            clear();
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// What is held.
    pub(super) fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        {
            let mut counts = self.holds.counts();
            if let Some(count) = counts.get_mut(&self.digest) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.digest);
                }
            }
        }
        self.holds.release(self.digest.clone());
    }
}
