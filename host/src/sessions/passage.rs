//! Memory for what is on its way: what is read of recorded sessions, images that go to the journal, answers to callers and
//! questions to models. Each may be large, and is easily asked for: so there is so much of it, and no tenant may have so much
//! that nothing is left for the next one who comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Shared;
use crate::ids::{SessionKey, TenantId};
use crate::journal::{self, Loaded, Weighed};
use crate::shares;

/// Less than this many bytes is read by whoever wants it.
const LIGHT: u64 = 256 << 10;

/// What is read stands in memory as it was written, and as what it says.
const READ: u64 = 2;

/// So many bytes for everybody.
pub(super) struct Passages {
    all: u64,
    taken: Mutex<Taken>,
    given_back: Notify,
}

#[derive(Default)]
struct Taken {
    all: u64,
    /// Of tenants that have any.
    by: HashMap<TenantId, u64>,
}

/// The right to have so many bytes in memory beside any cell, until it is dropped.
pub struct Passage {
    of: Arc<Passages>,
    tenant: TenantId,
    bytes: u64,
}

impl Passages {
    /// For so many bytes.
    pub(super) fn new(all: u64) -> Arc<Self> {
        Arc::new(Self {
            all,
            taken: Mutex::default(),
            given_back: Notify::new(),
        })
    }

    /// A passage of no bytes yet.
    pub(super) fn none(self: &Arc<Self>, tenant: &TenantId) -> Passage {
        Passage {
            of: Arc::clone(self),
            tenant: tenant.clone(),
            bytes: 0,
        }
    }

    /// Waits for so many bytes. What is more than anybody may have gets as much as one may, and passes alone.
    pub(super) async fn one(self: &Arc<Self>, tenant: &TenantId, bytes: u64) -> Passage {
        let most = match *tenant == TenantId::local() {
            true => self.all,
            false => shares::most(self.all),
        };
        let mut passage = self.none(tenant);
        loop {
            let given_back = self.given_back.notified();
            if passage.widen(bytes.min(most)) {
                return passage;
            }
            given_back.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage {
    /// Another one of the same tenant, of no bytes yet.
    pub(super) fn another(&self) -> Self {
        self.of.none(&self.tenant)
    }

    /// So many bytes more, if they are there for this tenant; false when they are not.
    pub(super) fn widen(&mut self, more: u64) -> bool {
        let mut taken = self.of.taken();
        let Some(left) = (self.of.all - taken.all).checked_sub(more) else {
            return false;
        };
        let own = taken.by.get(&self.tenant).copied().unwrap_or_default() + more;
        if self.tenant != TenantId::local() && !shares::leaves_enough(own, left) {
            return false;
        }
        taken.all += more;
        taken.by.insert(self.tenant.clone(), own);
        self.bytes += more;
        true
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.of.taken();
        taken.all -= self.bytes;
        if let Some(own) = taken.by.get_mut(&self.tenant) {
            *own -= self.bytes;
            if *own == 0 {
                taken.by.remove(&self.tenant);
            }
        }
        drop(taken);
        self.of.given_back.notify_waiters();
    }
}

impl Shared {
    /// Reads what a session goes on from; with a passage, if that is much.
    pub(super) async fn load(
        &self,
        key: &SessionKey,
    ) -> Result<(Loaded, Option<Passage>), journal::Error> {
        match self.journal.load_light(key, LIGHT).await? {
            Weighed::Light(loaded) => Ok((*loaded, None)),
            Weighed::Heavy(bytes) => {
                let bytes = bytes.saturating_mul(READ);
                let passage = self.reads.one(&key.agent.tenant, bytes).await;
                Ok((self.journal.load(key).await?, Some(passage)))
            }
        }
    }

    /// Waits until the whole of a session may be read that is in the journal.
    pub(super) async fn passage(
        &self,
        of: &Arc<Passages>,
        key: &SessionKey,
    ) -> Result<Passage, journal::Error> {
        let bytes = self.journal.weight(key).await?.saturating_mul(READ);
        Ok(of.one(&key.agent.tenant, bytes).await)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn tenant(number: usize) -> TenantId {
        format!("{number:012}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_tenant_leaves_something_for_the_next_one() {
        let passages = Passages::new(64);
        let mut held = Vec::new();
        for (number, most) in [(1, 48), (2, 12), (3, 3)] {
            let tenant = tenant(number);
            for _ in 0..most {
                held.push(passages.one(&tenant, 1).await);
            }
            assert!(
                passages.one(&tenant, 1).now_or_never().is_none(),
                "{number}"
            );
        }
        let last = passages.one(&tenant(4), 1).now_or_never();
        assert!(last.is_none(), "one is left: nobody may have the last one");
        drop(held);
        assert!(passages.taken().by.is_empty());
        assert!(
            passages
                .one(&TenantId::local(), 64)
                .now_or_never()
                .is_some()
        );
    }

    #[tokio::test]
    async fn who_waits_has_its_passage_when_others_gave_theirs_back() {
        let passages = Passages::new(64);
        let first = passages.one(&tenant(1), 1_000).await;
        assert_eq!(passages.taken().all, 48, "as much as one may have");
        let waiting = tokio::spawn({
            let passages = Arc::clone(&passages);
            async move { passages.one(&tenant(2), 30).await.bytes }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap(), 30);
        assert_eq!(passages.taken().all, 0);
    }
}
