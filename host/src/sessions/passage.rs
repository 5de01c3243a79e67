//! Who may have the whole of a recorded session in memory: it may be large, and asking for it is cheap.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ids::TenantId;

/// So many at one time, of all tenants.
const MOST: usize = 8;

/// And of one.
const EACH: usize = 2;

/// Passages for everybody.
pub(super) struct Passages {
    all: Arc<Semaphore>,
    own: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// The right to have one session whole in memory, until it is dropped. A tenant has few at a time.
pub struct Passage {
    _parts: [OwnedSemaphorePermit; 2],
}

impl Default for Passages {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MOST)),
            own: Mutex::default(),
        }
    }
}

impl Passages {
    /// Waits for one, behind the tenant's others.
    pub(super) async fn one(&self, tenant: &TenantId) -> Passage {
        let own = {
            let mut all = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            let own = all.entry(tenant.clone());
            Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(EACH))))
        };
        // First its own, so that who waits for that keeps nobody else waiting.
        let own = part(own).await;
        let of_all = part(Arc::clone(&self.all)).await;
        Passage {
            _parts: [own, of_all],
        }
    }
}

async fn part(of: Arc<Semaphore>) -> OwnedSemaphorePermit {
    of.acquire_owned().await.expect("nobody closes it")
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_tenant_has_few_at_a_time_and_so_have_all() {
        let passages = Passages::default();
        let tenant = |number: usize| -> TenantId { format!("{number:012}").parse().unwrap() };
        let mut held = Vec::new();
        for number in 0..MOST {
            held.push(passages.one(&tenant(number / EACH)).await);
            if held.len() == EACH {
                assert!(passages.one(&tenant(0)).now_or_never().is_none());
            }
        }
        assert!(passages.one(&tenant(MOST)).now_or_never().is_none());
        held.remove(0);
        assert!(passages.one(&tenant(1)).now_or_never().is_none());
        assert!(passages.one(&tenant(0)).now_or_never().is_some());
        assert!(passages.one(&tenant(MOST)).now_or_never().is_some());
    }
}
