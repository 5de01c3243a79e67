//! What a tenant may have at once: turns, and sessions.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use super::invocation::TurnError;
use crate::clock::Timestamp;
use crate::ids::{SessionKey, TenantId};
use crate::journal::{self, Filter, State};

/// What is counted of all tenants that have come by.
#[derive(Default)]
pub(super) struct Counts {
    /// Turns of everybody.
    all: Arc<AtomicU32>,
    turns: Arc<Mutex<HashMap<TenantId, u32>>>,
    sessions: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<Room>>>>,
    journals: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<Written>>>>,
}

/// The place of one turn among all, from its delivery to its last word.
pub(super) struct Place {
    all: Arc<AtomicU32>,
    /// And among those of its tenant, if that has a quota.
    own: Option<Own>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Own {
    turns: Arc<Mutex<HashMap<TenantId, u32>>>,
    tenant: TenantId,
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut turns = lock(&self.turns);
        if let Some(count) = turns.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.tenant);
            }
        }
    }
}

impl Counts {
    /// A place for one more turn, if there are fewer than `most` on the server, and fewer than `limit` of the tenant's.
    pub(super) fn place(
        &self,
        tenant: &TenantId,
        most: u32,
        limit: Option<u32>,
    ) -> Result<Place, TurnError> {
        let before = self.all.fetch_add(1, Ordering::Relaxed);
        let mut place = Place {
            all: Arc::clone(&self.all),
            own: None,
        };
        if before >= most {
            return Err(TurnError::Crowded { limit: most });
        }
        if let Some(limit) = limit {
            place.own = Some(self.own(tenant, limit)?);
        }
        Ok(place)
    }

    fn own(&self, tenant: &TenantId, limit: u32) -> Result<Own, TurnError> {
        let mut turns = lock(&self.turns);
        let count = turns.entry(tenant.clone()).or_default();
        if *count >= limit {
            return Err(TurnError::ManyTurns { limit });
        }
        *count += 1;
        Ok(Own {
            turns: Arc::clone(&self.turns),
            tenant: tenant.clone(),
        })
    }

    /// Turns that run or wait.
    pub(super) fn turns(&self, tenant: &TenantId) -> u32 {
        lock(&self.turns).get(tenant).copied().unwrap_or_default()
    }

    fn written(&self, tenant: &TenantId) -> Arc<tokio::sync::Mutex<Written>> {
        Arc::clone(lock(&self.journals).entry(tenant.clone()).or_default())
    }

    fn room(&self, tenant: &TenantId) -> Arc<tokio::sync::Mutex<Room>> {
        Arc::clone(lock(&self.sessions).entry(tenant.clone()).or_default())
    }
}

/// No disk takes more than so many bytes in a second.
const FASTEST: u64 = 256 << 20;

/// For so many seconds at most, and one at least, what was counted of a journal stands.
const COUNTED: (u64, u64) = (1, 60);

/// Who has very many sessions is not counted all the time: at least for so many times as long as counting took.
const APART: u32 = 20;

/// What the journal holds of a tenant's sessions.
#[derive(Default)]
struct Written {
    limit: u64,
    bytes: u64,
    /// Before this it need not be counted again: until then nobody can have filled what is left.
    until: Timestamp,
}

/// How many sessions a tenant can certainly begin before they must be counted again: the rest ends without telling.
#[derive(Default)]
pub(super) struct Room {
    limit: u32,
    left: u32,
}

/// The right to begin one session. While it is held, no other of the same tenant begins.
pub(super) type Admission = tokio::sync::OwnedMutexGuard<Room>;

impl Shared {
    /// Lets a session begin that is not awake, or be taken up again, if its tenant has fewer than `limit`.
    pub(super) async fn admit(
        &self,
        key: &SessionKey,
        limit: Option<u32>,
    ) -> Result<Option<Admission>, TurnError> {
        let Some(limit) = limit else {
            return Ok(None);
        };
        if self.directory().is_awake(key) {
            return Ok(None);
        }
        let tenant = &key.agent.tenant;
        let mut room = self.counts.room(tenant).lock_owned().await;
        if room.limit != limit {
            *room = Room { limit, left: 0 };
        }
        if room.left == 0 {
            let held = self.held(tenant).await;
            let held = held.map_err(|error| TurnError::unreadable(&error))?;
            if held.contains(key) {
                return Ok(Some(room));
            }
            let held = u32::try_from(held.len()).unwrap_or(u32::MAX);
            if held >= limit {
                return Err(TurnError::ManySessions { limit });
            }
            room.left = limit - held;
        }
        room.left -= 1;
        Ok(Some(room))
    }

    /// Whether the journal holds less than so many MiB of the tenant's sessions.
    pub(super) async fn journal_has_room(
        &self,
        tenant: &TenantId,
        limit_mib: u64,
    ) -> Result<(), TurnError> {
        let limit = limit_mib.saturating_mul(1 << 20);
        let written = self.counts.written(tenant);
        let mut written = written.lock().await;
        let now = self.clock.now();
        if now >= written.until || written.limit != limit {
            let bytes = self.journal.bytes(tenant).await;
            let bytes = bytes.map_err(|error| TurnError::unreadable(&error))?;
            let seconds = limit.saturating_sub(bytes) / FASTEST;
            let stands = Duration::from_secs(seconds.clamp(COUNTED.0, COUNTED.1));
            let counted = self.clock.now();
            *written = Written {
                limit,
                bytes,
                until: counted + stands.max(counted.since(now) * APART),
            };
        }
        match written.bytes < limit {
            true => Ok(()),
            false => Err(TurnError::FullJournal { limit_mib }),
        }
    }

    /// The tenant's sessions that have begun and not ended.
    ///
    /// Those that are awake are looked at first: one that gets into the journal meanwhile is then seen twice, never missed.
    pub(super) async fn held(
        &self,
        tenant: &TenantId,
    ) -> Result<HashSet<SessionKey>, journal::Error> {
        let mut held: HashSet<SessionKey> = {
            let directory = self.directory();
            let awake = directory.awake().map(|record| &record.key);
            awake
                .filter(|key| key.agent.tenant == *tenant)
                .cloned()
                .collect()
        };
        let mut filter = Filter {
            state: Some(State::Open),
            limit: 1_000,
            ..Filter::default()
        };
        loop {
            let page = self.journal.sessions(Some(tenant), filter.clone()).await?;
            held.extend(page.summaries.into_iter().map(|summary| summary.key));
            filter.after = page.next;
            if filter.after.is_none() {
                return Ok(held);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
