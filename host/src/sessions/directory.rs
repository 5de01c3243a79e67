//! Who is awake, and who ended without a journal to tell of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::Shared;
use super::actor::{Delivery, Ending};
use super::outlet::{Reader, Ticket};
use super::record::Record;
use super::state::EndReason;
use crate::ids::{AgentKey, InvocationId, SessionKey, TenantId};

/// The sessions that are in memory. Never locked for longer than a look.
#[derive(Default)]
pub(super) struct Directory {
    awake: HashMap<SessionKey, Handle>,
    /// Ended in the journal at this moment, by others than their actors, which they have none.
    closing: HashSet<SessionKey>,
    ended: VecDeque<Arc<Record>>,
    closed: bool,
}

/// The way to a session that is awake.
pub(super) struct Handle {
    pub(super) mailbox: mpsc::Sender<Box<Delivery>>,
    end: watch::Sender<Option<Ending>>,
    record: Arc<Record>,
    /// Calls that wait or run, for their retries to join.
    calls: HashMap<InvocationId, Ticket>,
}

impl Handle {
    pub(super) fn new(
        mailbox: mpsc::Sender<Box<Delivery>>,
        end: watch::Sender<Option<Ending>>,
        record: Arc<Record>,
    ) -> Self {
        Self {
            mailbox,
            end,
            record,
            calls: HashMap::new(),
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// The answer of a call that is on its way already.
    pub(super) fn join(&mut self, call: Option<&InvocationId>) -> Option<Reader> {
        self.calls.get(call?)?.reader()
    }

    pub(super) fn remember(&mut self, call: Option<InvocationId>, ticket: Ticket) {
        let Some(call) = call else { return };
        self.calls.retain(|_, ticket| ticket.is_live());
        self.calls.insert(call, ticket);
    }
}

/// What a session finds that wants to leave.
pub(super) enum Leave {
    /// It is not in the directory any more.
    Gone,
    /// Somebody wants something of it.
    HasMail,
    /// Somebody wants it to end.
    Ending(EndReason),
}

/// The right to end a session that is not awake; nobody else wakes or ends it meanwhile.
pub(super) struct Closing<'a> {
    shared: &'a Shared,
    key: &'a SessionKey,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.shared.directory().closing.remove(self.key);
    }
}

/// Why a session cannot be ended by others than its actor.
pub(super) enum NotAsleep {
    /// It has one.
    Awake,
    /// Another does it at this moment.
    Closing,
}

impl Directory {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_closing(&self, key: &SessionKey) -> bool {
        self.closing.contains(key)
    }

    pub(super) fn is_awake(&self, key: &SessionKey) -> bool {
        self.awake.contains_key(key)
    }

    pub(super) fn awake_mut(&mut self, key: &SessionKey) -> Option<&mut Handle> {
        self.awake.get_mut(key)
    }

    pub(super) fn wake(&mut self, key: SessionKey, handle: Handle) {
        self.awake.insert(key, handle);
    }

    /// Asks a session to end that is awake; its mailbox is closed when it has.
    pub(super) fn ask_to_end(
        &mut self,
        key: &SessionKey,
        ending: Ending,
    ) -> Option<mpsc::Sender<Box<Delivery>>> {
        let handle = self.awake.get(key)?;
        handle.end.send_replace(Some(ending));
        Some(handle.mailbox.clone())
    }

    pub(super) fn ask_all_to_end(&self, agent: &AgentKey) {
        for (key, handle) in &self.awake {
            if key.agent == *agent {
                let ending = Ending::Now(EndReason::Deleted);
                handle.end.send_replace(Some(ending));
            }
        }
    }

    /// One of `part` of those that wait for a turn and could come back, and one at least: the ones that have waited
    /// longest, each with the channel that closes when it left. Of one tenant, or of all.
    pub(super) fn longest_idle(
        &self,
        part: usize,
        tenant: Option<&TenantId>,
    ) -> Vec<(Arc<Record>, mpsc::Sender<Box<Delivery>>)> {
        let mut idle: Vec<_> = self
            .awake
            .values()
            .filter(|handle| tenant.is_none_or(|own| *own == handle.record.key.agent.tenant))
            .filter_map(|handle| Some((handle.record.may_rest_since()?, handle)))
            .collect();
        let count = idle.len().div_ceil(part);
        if idle.len() > count {
            idle.select_nth_unstable_by_key(count, |(since, _)| *since);
            idle.truncate(count);
        }
        idle.into_iter()
            .map(|(_, handle)| (Arc::clone(&handle.record), handle.mailbox.clone()))
            .collect()
    }

    /// The session that is awake, or the last that ended without a journal.
    pub(super) fn find(&self, key: &SessionKey) -> Option<Arc<Record>> {
        match self.awake.get(key) {
            Some(handle) => Some(Arc::clone(&handle.record)),
            None => self
                .ended
                .iter()
                .rev()
                .find(|record| record.key == *key)
                .cloned(),
        }
    }

    pub(super) fn awake_record(&self, key: &SessionKey) -> Option<Arc<Record>> {
        let handle = self.awake.get(key)?;
        Some(Arc::clone(&handle.record))
    }

    pub(super) fn awake(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.awake.values().map(|handle| &handle.record)
    }

    /// Without a journal, from the newest.
    pub(super) fn ended(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.ended.iter().rev()
    }

    pub(super) fn close(&mut self, ending: Ending) {
        self.closed = true;
        for handle in self.awake.values() {
            handle.end.send_replace(Some(ending));
        }
    }
}

impl Shared {
    pub(super) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a session out that ended; who is in no journal is remembered for a while.
    pub(super) fn forget(&self, record: &Arc<Record>, remember: bool) {
        let mut directory = self.directory();
        if let Some(handle) = directory.awake.remove(&record.key)
            && remember
        {
            directory.ended.push_back(handle.record);
            while directory.ended.len() > self.config.ended_shown {
                directory.ended.pop_front();
            }
        }
    }

    /// Takes a session out that goes on from the journal, unless somebody wants something of it.
    pub(super) fn leave(
        &self,
        record: &Arc<Record>,
        mailbox: &mpsc::Receiver<Box<Delivery>>,
    ) -> Leave {
        let mut directory = self.directory();
        let ending = directory
            .awake
            .get(&record.key)
            .and_then(|handle| *handle.end.borrow());
        match ending {
            Some(Ending::Now(reason) | Ending::WhenIdle(reason)) => Leave::Ending(reason),
            // Mail is sent under this lock only.
            None if !mailbox.is_empty() => Leave::HasMail,
            None => {
                directory.awake.remove(&record.key);
                Leave::Gone
            }
        }
    }

    /// Keeps a session from waking while it is ended.
    pub(super) fn closing<'a>(&'a self, key: &'a SessionKey) -> Result<Closing<'a>, NotAsleep> {
        let mut directory = self.directory();
        if directory.is_awake(key) {
            return Err(NotAsleep::Awake);
        }
        if !directory.closing.insert(key.clone()) {
            return Err(NotAsleep::Closing);
        }
        Ok(Closing { shared: self, key })
    }
}
