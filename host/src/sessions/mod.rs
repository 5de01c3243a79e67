//! Sessions: who is there, who comes next, and what becomes of them.
//!
//! [`Sessions`] is the directory: it finds the session that an id names, or starts it. Each session is an actor of its own
//! (`actor`), moved by a pure state machine (`state`). Nothing here knows HTTP, or which model provider serves.

mod actor;
mod alarm;
mod invocation;
mod log;
mod outlet;
mod record;
mod state;
mod turn;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

pub use invocation::{Invocation, TurnError};
pub use log::Entry;
pub use outlet::{Answer, Chunks};
pub use record::Summary;
pub use state::{EndReason, Phase};
pub use turn::{ModelUse, Outcome, Receipt};

use crate::agents::Deployment;
use crate::clock::Clock;
use crate::ids::{AgentKey, InvocationId, RequestId, SessionKey, TenantId};
use crate::models::Provider;
use crate::sandbox::Sandbox;
use actor::{Actor, Delivery, Ending};
use log::SessionLog;
use outlet::{Reader, Ticket, outlet};
use record::Record;

/// How sessions are kept. `[sessions]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long one turn may take, waiting included, in seconds. 900 by default, as at AWS.
    pub turn_seconds: u64,
    /// Turns of one session that may wait behind the running one; the next is refused with 429. 16 by default.
    pub waiting_turns: usize,
    /// The log of one session, in KiB. 256 by default; older entries go first.
    pub log_kib: usize,
    /// Ended sessions whose log and receipts are still shown. 1,000 by default.
    pub ended_shown: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            turn_seconds: 900,
            waiting_turns: 16,
            log_kib: 256,
            ended_shown: 1_000,
        }
    }
}

impl Config {
    fn turn_time(&self) -> Duration {
        Duration::from_secs(self.turn_seconds)
    }
}

/// There is no such session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such session")]
pub struct NotFound;

/// The directory of this process's sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

/// What all actors share.
struct Shared {
    config: Config,
    sandbox: Arc<Sandbox>,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    actors: TaskTracker,
    directory: Mutex<Directory>,
}

#[derive(Default)]
struct Directory {
    live: HashMap<SessionKey, Handle>,
    ended: VecDeque<Arc<Record>>,
    closed: bool,
}

/// The way to a live session.
struct Handle {
    mailbox: mpsc::Sender<Box<Delivery>>,
    end: watch::Sender<Option<Ending>>,
    record: Arc<Record>,
    /// Calls that wait or run, for their retries to join.
    calls: HashMap<InvocationId, Ticket>,
}

impl Handle {
    fn is_ending(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// The answer of a call that is on its way already.
    fn join(&mut self, call: Option<&InvocationId>) -> Option<Reader> {
        self.calls.get(call?)?.reader()
    }

    fn remember(&mut self, call: Option<InvocationId>, ticket: Ticket) {
        let Some(call) = call else { return };
        self.calls.retain(|_, ticket| ticket.is_live());
        self.calls.insert(call, ticket);
    }
}

impl Sessions {
    /// A directory without sessions.
    pub fn new(
        config: Config,
        sandbox: Arc<Sandbox>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let directory = Mutex::default();
        Self(Arc::new(Shared {
            config,
            sandbox,
            provider,
            clock,
            actors: TaskTracker::new(),
            directory,
        }))
    }

    /// Invokes the session of this key, which starts now on `deployment` if it does not live yet.
    ///
    /// Returns when the first piece of the answer is there. Dropping the future does not stop the turn: a caller who
    /// hangs up leaves the session as if it had listened.
    pub async fn invoke(
        &self,
        key: SessionKey,
        deployment: Arc<Deployment>,
        invocation: Invocation,
    ) -> Result<Answer, TurnError> {
        self.reader(key, deployment, invocation)?.answer().await
    }

    /// Joins the turn of the same call, or delivers a new one.
    fn reader(
        &self,
        key: SessionKey,
        deployment: Arc<Deployment>,
        invocation: Invocation,
    ) -> Result<Reader, TurnError> {
        use mpsc::error::TrySendError;

        let mut directory = self.0.directory();
        if directory.closed {
            return Err(TurnError::ShuttingDown);
        }
        if let Some(handle) = directory.live.get_mut(&key) {
            if handle.is_ending() {
                return Err(TurnError::Retry);
            }
            if let Some(reader) = handle.join(invocation.invocation.as_ref()) {
                return Ok(reader);
            }
        }
        let call = invocation.invocation.clone();
        let (outlet, reader) = outlet();
        let ticket = outlet.ticket();
        let mut delivery = Box::new(Delivery { invocation, outlet });
        if let Some(handle) = directory.live.get_mut(&key) {
            match handle.mailbox.try_send(delivery) {
                Ok(()) => {
                    handle.remember(call, ticket);
                    return Ok(reader);
                }
                Err(TrySendError::Full(_)) => {
                    return Err(TurnError::Busy {
                        waiting: self.0.config.waiting_turns,
                    });
                }
                // It ended just now: the id names a fresh world.
                Err(TrySendError::Closed(returned)) => delivery = returned,
            }
        }
        let mut handle = self.start(key.clone(), deployment);
        let sent = handle.mailbox.try_send(delivery);
        handle.remember(call, ticket);
        directory.live.insert(key, handle);
        sent.map(|()| reader).map_err(|_| TurnError::Retry)
    }

    fn start(&self, key: SessionKey, deployment: Arc<Deployment>) -> Handle {
        let shared = &self.0;
        let (mailbox, turns) = mpsc::channel(shared.config.waiting_turns.max(1));
        let (end, end_asked) = watch::channel(None);
        let log = SessionLog::new(Arc::clone(&shared.clock), shared.config.log_kib << 10);
        let record = Arc::new(Record::new(
            key,
            deployment.version,
            shared.clock.now(),
            log,
        ));
        let actor = Actor {
            shared: Arc::clone(shared),
            deployment,
            record: Arc::clone(&record),
            mailbox: turns,
            end: end_asked,
        };
        shared.actors.spawn(actor.run());
        Handle {
            mailbox,
            end,
            record,
            calls: HashMap::new(),
        }
    }

    /// Ends a session: a running turn is given up at once, and its caller told. Returns when the session is over; until
    /// then its id takes no turns.
    pub async fn stop(&self, key: &SessionKey) -> Result<(), NotFound> {
        let mailbox = {
            let directory = self.0.directory();
            let handle = directory.live.get(key).ok_or(NotFound)?;
            let stopped = Ending::Now(EndReason::Stopped);
            handle.end.send_replace(Some(stopped));
            handle.mailbox.clone()
        };
        mailbox.closed().await;
        Ok(())
    }

    /// Ends every session of an agent.
    pub fn end_all(&self, agent: &AgentKey) {
        for (key, handle) in &self.0.directory().live {
            if key.agent == *agent {
                handle
                    .end
                    .send_replace(Some(Ending::Now(EndReason::Deleted)));
            }
        }
    }

    /// The tenant's sessions, live ones first, then ended ones from the newest.
    pub fn list(&self, tenant: &TenantId) -> Vec<Summary> {
        let directory = self.0.directory();
        let live = directory.live.values().map(|handle| &handle.record);
        let ended = directory.ended.iter().rev();
        live.chain(ended)
            .filter(|record| record.key.agent.tenant == *tenant)
            .map(|record| record.summary())
            .collect()
    }

    /// A session and its newest receipts: the live one of this key, or the last that ended.
    pub fn inspect(&self, key: &SessionKey) -> Result<(Summary, Vec<Receipt>), NotFound> {
        let record = self.0.directory().find(key).ok_or(NotFound)?;
        Ok((record.summary(), record.receipts()))
    }

    /// A session's log, of one request when given.
    pub fn log(
        &self,
        key: &SessionKey,
        request: Option<&RequestId>,
    ) -> Result<Vec<Entry>, NotFound> {
        let record = self.0.directory().find(key).ok_or(NotFound)?;
        Ok(record.log.entries(request))
    }

    /// Takes no more turns, lets running ones finish for the grace time, and ends all sessions.
    pub async fn shut_down(&self, grace: Duration) {
        let shared = &self.0;
        shared
            .directory()
            .close(Ending::WhenIdle(EndReason::Shutdown));
        shared.actors.close();
        if tokio::time::timeout(grace, shared.actors.wait())
            .await
            .is_err()
        {
            shared.directory().close(Ending::Now(EndReason::Shutdown));
            shared.actors.wait().await;
        }
    }
}

impl Shared {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves an ended session to the ended ones.
    fn forget(&self, record: &Arc<Record>) {
        let mut directory = self.directory();
        let is_this = directory
            .live
            .get(&record.key)
            .is_some_and(|handle| Arc::ptr_eq(&handle.record, record));
        if is_this && let Some(handle) = directory.live.remove(&record.key) {
            directory.remember(handle.record, self.config.ended_shown);
        }
    }
}

impl Directory {
    fn find(&self, key: &SessionKey) -> Option<Arc<Record>> {
        match self.live.get(key) {
            Some(handle) => Some(Arc::clone(&handle.record)),
            None => self
                .ended
                .iter()
                .rev()
                .find(|record| record.key == *key)
                .cloned(),
        }
    }

    fn close(&mut self, ending: Ending) {
        self.closed = true;
        for handle in self.live.values() {
            handle.end.send_replace(Some(ending));
        }
    }

    fn remember(&mut self, record: Arc<Record>, limit: usize) {
        self.ended.push_back(record);
        while self.ended.len() > limit {
            self.ended.pop_front();
        }
    }
}
