//! One writer for a session: who has it, and that nobody else does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::Error;
use crate::ids::SessionKey;

/// The sessions that have a writer.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds(Arc<Mutex<HashSet<SessionKey>>>);

/// The right to write one session; given back when dropped.
#[derive(Debug)]
pub(in crate::journal) struct Hold {
    key: SessionKey,
    holds: Holds,
}

impl Holds {
    fn keys(&self) -> MutexGuard<'_, HashSet<SessionKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claim(&self, key: &SessionKey) -> Result<Hold, Error> {
        if !self.keys().insert(key.clone()) {
            return Err(Error::Conflict("the session has a writer already"));
        }
        Ok(Hold {
            key: key.clone(),
            holds: self.clone(),
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.keys().remove(&self.key);
    }
}
