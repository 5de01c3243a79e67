//! Sessions: who is there, who comes next, and what becomes of them.
//!
//! [`Sessions`] is the face: it finds the session that an id names, or starts it. Each session that is awake is an actor of
//! its own (`actor`), moved by a pure state machine (`state`); the others rest in the journal, from which an actor takes
//! them up (`life`). Nothing here knows HTTP, or which model provider serves.

mod actor;
mod alarm;
mod allowance;
mod archive;
mod difference;
mod directory;
mod halt;
mod hibernation;
mod housekeeping;
mod invocation;
mod journaled;
mod labour;
mod life;
mod log;
mod meter;
mod opened;
mod outlet;
mod owner;
mod passage;
mod past;
mod performance;
mod pressure;
mod quota;
mod record;
mod replay;
mod state;
mod tally;
mod tape;
mod travel;
mod turn;

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

pub use difference::{Asked, Difference, End};
pub use invocation::{Invocation, TurnError};
pub use log::Entry;
pub use outlet::{Answer, Chunks};
pub use owner::Owner;
pub use passage::Passage;
pub use record::Summary;
pub use state::{EndReason, Phase};
pub use travel::{Chronicle, Fork, Line, Replay, ReplayedTurn, TravelError, Verdict};
pub use turn::{ModelUse, Outcome, Receipt};

use crate::agents::{Agents, Deployment};
use crate::clock::{Clock, Timestamp};
use crate::grants::Grant;
use crate::ids::{AgentKey, RequestId, SessionKey, TenantId};
use crate::journal::{self, Durability, Journal};
use crate::models::Provider;
use crate::sandbox::{Sandbox, available};
use crate::telemetry::Telemetry;
use actor::{Actor, Delivery, Ending};
use directory::{Directory, Handle};
use log::SessionLog;
use outlet::{Reader, outlet};
use passage::Passages;
use quota::{Counts, Place};
use record::Record;
use tally::Tally;

/// How sessions are kept. `[sessions]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What sessions survive, unless their agent's version says otherwise: `none`, `process` or `power`. `process` by
    /// default: what was acknowledged survives `kill -9`.
    pub durability: Durability,
    /// How long a session waits for its next turn before it leaves memory, in seconds; its next turn brings it back. 30 by
    /// default. Sessions without durability, and those of which there is no image, stay.
    pub hibernate_seconds: u64,
    /// How often sessions that rest are ended when their time is over, and the journal forgets what it may, in seconds. 60
    /// by default, the shortest idle time that a version can have; at least 1.
    pub housekeeping_seconds: u64,
    /// An image of a busy session is kept after so many turns, or when it has recorded 16 MiB. 100 by default: recovery
    /// replays no more than these.
    pub turns_per_image: u64,
    /// The memory of the server, in MiB, above which the sessions that have been idle for longest leave it. By default
    /// four fifths of what the machine or its container has.
    pub memory_mib: Option<u64>,
    /// Memory for what is read of sessions to take them up, in MiB; as much for sessions that are read whole, such as to
    /// export them; as much for images on their way to the journal; and as much for large answers on their way to callers and
    /// questions on theirs to models. Who finds none free waits, but for the last two, which are refused (429). By default a
    /// sixteenth of what the machine or its container has. An account has three quarters of it at most, and less the more
    /// others have some.
    pub passage_mib: Option<NonZeroU64>,
    /// How long one turn may take, waiting included, in seconds. 900 by default, as at AWS.
    pub turn_seconds: u64,
    /// Calls of models in one turn, answered or not; an agent's grant may have fewer. 1,000 by default. Whoever makes one more
    /// is told so in its place.
    pub turn_model_calls: u64,
    /// What the journal may hold of one session, in MiB, with its image. 1,024 by default: a session that holds so much takes
    /// no more turns (402), and is as it was. The turn that reaches it is recorded whole.
    pub journal_mib: u64,
    /// Turns of one session that may wait behind the running one; the next is refused with 429. 16 by default.
    pub waiting_turns: usize,
    /// Turns of all sessions that may run or wait at one time; the next is refused with 429. 10,000 by default.
    pub max_turns: u32,
    /// Turns of one tenant that may want a core at one time, having computed for long; while it has so many, its next is
    /// refused with 429. Those that wait, such as for a model, do not count. 256 by default.
    pub computing_turns: u32,
    /// The log of one session, in KiB. 256 by default; older entries go first.
    pub log_kib: usize,
    /// Ended sessions without durability whose log and receipts are still shown. 1,000 by default. Those of others are
    /// shown as long as the journal keeps them.
    pub ended_shown: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            hibernate_seconds: 30,
            housekeeping_seconds: 60,
            turns_per_image: 100,
            memory_mib: None,
            passage_mib: None,
            turn_seconds: 900,
            turn_model_calls: 1_000,
            journal_mib: 1_024,
            waiting_turns: 16,
            max_turns: 10_000,
            computing_turns: 256,
            log_kib: 256,
            ended_shown: 1_000,
        }
    }
}

impl Config {
    /// The longest turn that any agent may take.
    fn turn_time(&self) -> Duration {
        Duration::from_secs(self.turn_seconds)
    }

    /// The longest turn of an agent with this grant.
    fn turn_time_of(&self, grant: &Grant) -> Duration {
        let granted = grant.granted.turn_seconds.map(NonZeroU64::get);
        Duration::from_secs(granted.map_or(self.turn_seconds, |own| own.min(self.turn_seconds)))
    }

    /// On a machine with so much memory, if anybody knows.
    fn passage_bytes(&self, available: Option<u64>) -> u64 {
        const LEAST: u64 = 256 << 20;
        match self.passage_mib {
            Some(mib) => mib.get() << 20,
            None => (available.unwrap_or_default() / 16).max(LEAST),
        }
    }

    fn housekeeping_time(&self) -> Duration {
        Duration::from_secs(self.housekeeping_seconds.max(1))
    }
}

/// There is no such session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such session")]
pub struct NotFound;

/// Why a session cannot be stopped, or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// It belongs to somebody else of the same tenant.
    #[error("the session belongs to another caller, or was opened for another user")]
    NotOwner,
    /// Somebody else stops it at this moment.
    #[error("the session is being stopped; please retry")]
    Busy,
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// A session, looked at closely.
pub struct Inspection {
    /// Where it stands.
    pub summary: Summary,
    /// Whose it is.
    pub owner: Owner,
    /// Its newest receipts, oldest first.
    pub receipts: Vec<Receipt>,
}

/// What a tenant has at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Sessions that have begun and not ended.
    pub sessions: usize,
    /// Turns that run or wait.
    pub turns: u32,
    /// Bytes of the journal, of sessions that have ended, too.
    pub journal_bytes: u64,
}

/// The sessions of this server. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

/// What all actors share.
struct Shared {
    config: Config,
    sandbox: Arc<Sandbox>,
    provider: Arc<dyn Provider>,
    agents: Agents,
    journal: Journal,
    clock: Arc<dyn Clock>,
    actors: TaskTracker,
    directory: Mutex<Directory>,
    counts: Counts,
    /// Of what is read from the journal for a moment, or to take a session up.
    reads: Arc<Passages>,
    /// Of sessions that are read as a whole, for as long as somebody wants to see them.
    journeys: Arc<Passages>,
    /// Of images on their way there.
    images: Arc<Passages>,
    /// Of answers that callers have not taken yet, and of questions that models have not answered.
    talk: Arc<Passages>,
    tally: Tally,
}

/// The rooms below, which sessions are made of.
pub struct Rooms {
    /// Where instances live.
    pub sandbox: Arc<Sandbox>,
    /// Who answers model calls.
    pub provider: Arc<dyn Provider>,
    /// Where a session's version is found again.
    pub agents: Agents,
    /// Where sessions are written down.
    pub journal: Journal,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub telemetry: Telemetry,
}

impl Sessions {
    /// The sessions in the journal, none of them awake. Must be called in a tokio runtime, where housekeeping runs.
    pub fn new(config: Config, rooms: Rooms) -> Self {
        let Rooms {
            sandbox,
            provider,
            agents,
            journal,
            clock,
            telemetry,
        } = rooms;
        let passages = config.passage_bytes(available());
        let shared = Arc::new(Shared {
            config,
            sandbox,
            provider,
            agents,
            journal,
            clock,
            actors: TaskTracker::new(),
            directory: Mutex::default(),
            counts: Counts::default(),
            reads: Passages::new(passages),
            journeys: Passages::new(passages),
            images: Passages::new(passages),
            talk: Passages::new(passages),
            tally: Tally::new(&telemetry),
        });
        let awake = Arc::downgrade(&shared);
        telemetry.measured(
            "kellion_sessions_awake",
            "Sessions that are in memory",
            move || {
                let shared = awake.upgrade();
                shared.map_or(0, |shared| shared.directory().awake().count() as u64)
            },
        );
        tokio::spawn(housekeeping::keep_house(Arc::downgrade(&shared)));
        tokio::spawn(pressure::watch(Arc::downgrade(&shared)));
        Self(shared)
    }

    /// Invokes the session of this key, which begins now on `deployment` if there is none yet.
    ///
    /// Returns when the first piece of the answer is there. Dropping the future does not stop the turn: a caller who
    /// hangs up leaves the session as if it had listened.
    pub async fn invoke(
        &self,
        key: SessionKey,
        deployment: Arc<Deployment>,
        invocation: Invocation,
    ) -> Result<Answer, TurnError> {
        let limit = invocation.policy.quotas.sessions;
        let admission = self.0.admit(&key, limit).await?;
        let reader = self.reader(key, deployment, invocation)?;
        drop(admission);
        reader.answer().await
    }

    /// How much of its quotas a tenant uses: sessions that have begun and not ended, turns that run or wait, and bytes of the
    /// journal.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Usage, Error> {
        Ok(Usage {
            sessions: self.0.held(tenant).await?.len(),
            turns: self.0.counts.turns(tenant),
            journal_bytes: self.0.journal.bytes(tenant).await?,
        })
    }

    /// Joins the turn of the same call, or delivers a new one.
    fn reader(
        &self,
        key: SessionKey,
        deployment: Arc<Deployment>,
        mut invocation: Invocation,
    ) -> Result<Reader, TurnError> {
        use mpsc::error::TrySendError;

        let call = invocation.invocation.take();
        invocation.invocation = call.map(|call| invocation.owner.scope(call));
        let mut directory = self.0.directory();
        if directory.is_closed() {
            return Err(TurnError::ShuttingDown);
        }
        if directory.is_closing(&key) {
            return Err(TurnError::Retry);
        }
        if let Some(handle) = directory.awake_mut(&key) {
            // Who has left already is not waited for.
            if handle.is_ending() && !handle.mailbox.is_closed() {
                return Err(TurnError::Retry);
            }
            if let Some(reader) = handle.join(invocation.invocation.as_ref()) {
                return Ok(reader);
            }
        }
        let call = invocation.invocation.clone();
        let place = self.place(&key.agent.tenant, &invocation)?;
        let room = self.0.talk.none(&key.agent.tenant);
        let (outlet, reader) = outlet(Some(place), Some(room));
        let ticket = outlet.ticket();
        let mut delivery = Box::new(Delivery {
            deployment,
            invocation,
            outlet,
            at: Instant::now(),
        });
        if let Some(handle) = directory.awake_mut(&key) {
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
        let mut handle = self.start(key.clone(), &delivery);
        let sent = handle.mailbox.try_send(delivery);
        handle.remember(call, ticket);
        directory.wake(key, handle);
        sent.map(|()| reader).map_err(|_| TurnError::Retry)
    }

    /// Refuses at once what could only wait for long.
    fn place(&self, tenant: &TenantId, invocation: &Invocation) -> Result<Place, TurnError> {
        let config = &self.0.config;
        let limit = config.computing_turns;
        if self.0.sandbox.workers().are_behind(tenant.as_str(), limit) {
            return Err(TurnError::Behind { limit });
        }
        let own = invocation.policy.quotas.concurrent_turns;
        self.0.counts.place(tenant, config.max_turns, own)
    }

    fn start(&self, key: SessionKey, first: &Delivery) -> Handle {
        let shared = &self.0;
        let (mailbox, turns) = mpsc::channel(shared.config.waiting_turns.max(1));
        let (end, end_asked) = watch::channel(None);
        let log = SessionLog::new(Arc::clone(&shared.clock), shared.config.log_kib << 10);
        let record = Arc::new(Record::new(
            key,
            first.deployment.version,
            first.invocation.owner.clone(),
            shared.clock.now(),
            log,
        ));
        let actor = Actor {
            shared: Arc::clone(shared),
            record: Arc::clone(&record),
            mailbox: turns,
            end: end_asked,
        };
        shared.actors.spawn(actor.run());
        Handle::new(mailbox, end, record)
    }

    /// Ends a session: a running turn is given up at once, and its caller told. Returns when the session is over; until
    /// then its id takes no turns.
    pub async fn stop(&self, key: &SessionKey) -> Result<(), Error> {
        let reason = EndReason::Stopped;
        let Some(mailbox) = self.0.directory().ask_to_end(key, Ending::Now(reason)) else {
            return match archive::end(&self.0, key, reason).await? {
                true => Ok(()),
                false => Err(NotFound.into()),
            };
        };
        mailbox.closed().await;
        Ok(())
    }

    /// The same, if the session is this caller's.
    pub async fn stop_own(&self, key: &SessionKey, caller: &Owner) -> Result<(), Error> {
        let awake = self.0.directory().find(key);
        let record = match awake {
            Some(record) => record,
            None => archive::find(&self.0, key).await?,
        };
        if !record.owner().admits(caller) {
            return Err(Error::NotOwner);
        }
        self.stop(key).await
    }

    /// When the present life of a session began, which tells it from others of the same id; none when it has none, or it is
    /// damaged. From memory of one that is awake.
    pub async fn began(&self, key: &SessionKey) -> Option<Timestamp> {
        let awake = self.0.directory().awake_record(key);
        let record = match awake {
            Some(record) => record,
            None => archive::find(&self.0, key).await.ok()?,
        };
        let summary = record.summary();
        match summary.phase {
            Phase::Ended { .. } | Phase::Quarantined => None,
            Phase::Idle { .. } | Phase::Running { .. } => Some(summary.started),
        }
    }

    /// Ends every session of an agent that was deleted. Those that are not awake end in the background.
    pub fn end_all(&self, agent: &AgentKey) {
        self.0.directory().ask_all_to_end(agent);
        let (shared, agent) = (Arc::clone(&self.0), agent.clone());
        self.0.actors.spawn(async move {
            if let Err(error) = archive::end_all(&shared, &agent).await {
                // They end when they are touched again, or at the end of their idle time.
                tracing::error!(agent.id = %agent.agent, error = &error as &dyn std::error::Error,
                    "not all sessions of a deleted agent could be ended");
            }
        });
    }

    /// The tenant's sessions, of one agent when given: live ones first, then ended ones from the newest, 1,000 at most of
    /// those that are not in memory.
    pub async fn list(
        &self,
        tenant: &TenantId,
        agent: Option<&AgentKey>,
    ) -> Result<Vec<Summary>, Error> {
        archive::list(&self.0, tenant, agent).await
    }

    /// A session and its newest receipts: the live one of this key, or the last that ended.
    pub async fn inspect(&self, key: &SessionKey) -> Result<Inspection, Error> {
        let record = archive::find(&self.0, key).await?;
        Ok(Inspection {
            summary: record.summary(),
            owner: record.owner(),
            receipts: record.receipts(),
        })
    }

    /// A session's log, of one request when given.
    pub async fn log(
        &self,
        key: &SessionKey,
        request: Option<&RequestId>,
    ) -> Result<Vec<Entry>, Error> {
        let record = archive::find(&self.0, key).await?;
        Ok(record.log.entries(request))
    }

    /// Whether turns can be taken: without its journal, a server only looks as if it could.
    pub fn are_well(&self) -> bool {
        self.0.journal.is_open()
    }

    /// Takes no more turns, lets running ones finish for the grace time, and lays all sessions to rest: those in the
    /// journal go on after the next start, with a turn that was cut; the others end.
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
        shared.journal.close().await;
    }
}

#[cfg(test)]
mod tests;
