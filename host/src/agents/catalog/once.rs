//! Changes with a client token: made once, and answered again as they were.

use serde_json::Value;

use super::super::store::Write;
use super::super::{Error, Once};
use super::{Agents, Inner};
use crate::clock::Timestamp;
use crate::ids::TenantId;

impl Inner {
    /// What the call was answered when it came first, if this is not the first time.
    pub(super) fn answered(
        &self,
        tenant: &TenantId,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Option<Value>, Error> {
        match once {
            Some(once) => self.store.answered(tenant, once, now),
            None => Ok(None),
        }
    }

    /// Makes a change together with the memory of what it was answered, so that no crash parts them.
    pub(super) fn change(
        &self,
        tenant: &TenantId,
        call: Option<(&Once, &Value)>,
        now: Timestamp,
        change: impl FnOnce(&Write<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.store.write(|write| {
            change(write)?;
            match call {
                Some((once, answer)) => write.keep(tenant, once, answer, now),
                None => Ok(()),
            }
        })
    }
}

impl Agents {
    /// Remembers a word about a call that changes something elsewhere. None when the call came first; otherwise what was
    /// remembered then, which stays.
    pub fn remember(
        &self,
        tenant: &TenantId,
        once: &Once,
        word: &Value,
    ) -> Result<Option<Value>, Error> {
        let now = self.0.clock.now();
        // Held, so that of two calls at the same time one is the first.
        let _known = self.0.known();
        if let Some(earlier) = self.0.store.answered(tenant, once, now)? {
            return Ok(Some(earlier));
        }
        self.0
            .store
            .write(|write| write.keep(tenant, once, word, now))?;
        Ok(None)
    }

    /// What was remembered of a call, if it came before.
    pub fn remembered(&self, tenant: &TenantId, once: &Once) -> Result<Option<Value>, Error> {
        self.0.store.answered(tenant, once, self.0.clock.now())
    }
}
