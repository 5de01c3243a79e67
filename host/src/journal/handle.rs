//! The face of the journal.

mod holds;
mod reading;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::codec::Entry;
use super::sqlite::Sqlite;
use super::store::Store;
use super::writer::Taken;
use super::{Compacted, Config, Durability, Error, Filter, Page, Record, Started, Writer};
use crate::clock::{Clock, Timestamp};
use crate::ids::{AgentKey, SessionKey, TenantId};
pub(super) use holds::Hold;
use holds::Holds;

/// The journal of this process's sessions. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    held: Holds,
    /// Agents that have, or had, sessions here.
    agents: Arc<Mutex<HashSet<AgentKey>>>,
}

impl Journal {
    /// Opens the journal in this directory, which is made if need be, and starts its writer thread. Blocks; for the start.
    ///
    /// Fails when another process has it, when it was written by another version, and when the database is torn.
    pub fn open(directory: &Path, config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let store = Sqlite::open(directory, config)?;
        Ok(Self::over(Arc::new(store), config, clock))
    }

    pub(super) fn over(store: Arc<dyn Store>, config: &Config, clock: Arc<dyn Clock>) -> Self {
        let agents = store.agents().iter().cloned().collect();
        Self {
            store,
            clock,
            retention: Duration::from_secs(config.retention_seconds),
            held: Holds::default(),
            agents: Arc::new(Mutex::new(agents)),
        }
    }

    /// Begins an incarnation of the session; returns when its first record is durable.
    ///
    /// A conflict while one is open, quarantined, or has a writer. With [`Durability::None`] nothing is written or checked.
    pub async fn begin(
        &self,
        key: &SessionKey,
        started: Started,
        durability: Durability,
    ) -> Result<Writer, Error> {
        if durability == Durability::None {
            return Ok(Writer::unwritten(key.clone()));
        }
        let hold = self.held.claim(key)?;
        if !self.knows(&key.agent) {
            self.agents().insert(key.agent.clone());
        }
        let first = Entry::of(&Record::Started(started))?;
        let place = self.store.begin(key.clone(), first, durability).await?;
        let store = Arc::clone(&self.store);
        Ok(Writer::new(
            store,
            key.clone(),
            place,
            durability,
            Taken::default(),
            hold,
        ))
    }

    /// Whether the agent may have sessions here. False spares a look: nothing of it is known, and its sessions can begin at
    /// once.
    pub fn knows(&self, agent: &AgentKey) -> bool {
        self.agents().contains(agent)
    }

    fn agents(&self) -> MutexGuard<'_, HashSet<AgentKey>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tenant's incarnations, or those of all tenants for the server's own housekeeping, newest first.
    ///
    /// Read from their rows alone: what is wrong in the records does not show here.
    pub async fn sessions(&self, tenant: Option<&TenantId>, filter: Filter) -> Result<Page, Error> {
        self.store.list(tenant.cloned(), filter).await
    }

    /// Bytes of records and images of all of a tenant's incarnations, and 4 KiB for each of these. Reads a row of each.
    pub async fn bytes(&self, tenant: &TenantId) -> Result<u64, Error> {
        self.store.bytes(tenant.clone()).await
    }

    /// Gives up what is quarantined of this session, so that it may begin afresh; how many incarnations that were.
    ///
    /// They are kept for reading as long as other ended ones.
    pub async fn end_damaged(&self, key: &SessionKey) -> Result<u64, Error> {
        self.store.end_damaged(key.clone(), self.clock.now()).await
    }

    /// Removes what is past the retention time: incarnations that ended before; records of open ones that stand before their
    /// images and belong to turns that finished before; and files that nothing names.
    ///
    /// What goes with a turn is its entry in the index of answers, too: a retry of it would run. The start of a session, and
    /// whatever its image does not contain, stays. An image that cannot be read is none.
    ///
    /// May be repeated, and broken off by a crash at any point. Works in small steps, between which others write. Its last
    /// step empties the log: what was removed is then gone as after [`delete`](Self::delete).
    pub async fn compact(&self, now: Timestamp) -> Result<Compacted, Error> {
        let retention = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(now.as_millis().saturating_sub(retention));
        self.store.compact(before).await
    }

    /// Removes all incarnations of a session at once, with their files, whatever their state and age; what that was. A session
    /// that is not known is no error.
    ///
    /// When this returns, the bytes of the session are gone from the folder, too: what SQLite removes it overwrites with
    /// zeros, and its log is emptied. With one exception: where SQLite moved rows from one page to another, as it does in one
    /// of some fifty removals, a piece of a row may stay in the unused part of a page. It goes when that page is filled or
    /// freed, at the latest with the other sessions in that page; or at once by `VACUUM`, while no server runs. What the file
    /// system or the disk keeps of overwritten blocks is not known here.
    ///
    /// A conflict while the session has a writer: end it before, or drop what [`load`](Self::load) gave. [`Error::Write`]
    /// when the log could not be emptied, because somebody has been reading for long: the session is gone, but not all of its
    /// bytes; ask again. After a crash in the middle, the rest goes with the next [`compact`](Self::compact).
    pub async fn delete(&self, key: &SessionKey) -> Result<Compacted, Error> {
        let _hold = self.held.claim(key)?;
        self.store.delete(key.clone()).await
    }

    /// Whether its writer thread lives. One that panicked does not come back before the next start.
    pub fn is_open(&self) -> bool {
        self.store.is_open()
    }

    /// Writes what stands in line and stops the writer thread. Whatever is asked afterwards is [`Error::Closed`].
    pub async fn close(&self) {
        self.store.close().await;
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
