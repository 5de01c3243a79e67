//! The journal in SQLite: `journal.db` in the data directory, and `bodies/` for large records and images.
//!
//! One thread writes ([`thread`]), a few connections read ([`readers`]), one moves the log ([`checkpoint`]).

mod batch;
mod bodies;
mod checkpoint;
mod compaction;
mod faults;
mod operations;
mod queries;
mod readers;
mod rows;
mod schema;
mod thread;
mod trimming;
mod turns;
mod upkeep;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::bodies::Bodies;
use self::checkpoint::{Checkpointer, Refusal};
use self::faults::{Disk, RealDisk, cause};
use self::operations::{Done, Job, Operation, Reply};
use self::readers::Readers;
use self::thread::Thread;
use super::codec::Entry;
use super::head::Mark;
use super::store::{
    Compacted, Filter, Found, Incoming, Indexed, Lost, Page, Place, Read, Receipt, Seq, Snapshot,
    Store, Which,
};
use super::writer::Ticket;
use super::{Config, Damage, Durability, Error};
use crate::clock::Timestamp;
use crate::ids::{AgentKey, SessionKey, TenantId};

/// What bytes in the queue are counted in: permits are too few for single bytes.
const ROOM: usize = 1_024;

/// Images that are written at the same time: a disk is not faster for more, and other files want their turn.
const IMAGES: usize = 2;

/// How often, and how long apart, a lock is tried at the start.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The store.
pub(super) struct Sqlite {
    queue: mpsc::Sender<Job>,
    /// What the queue still has room for, in units of [`ROOM`].
    room: Arc<Semaphore>,
    rooms: u32,
    readers: Readers,
    bodies: Bodies,
    disk: Arc<dyn Disk>,
    refusal: Refusal,
    /// Those that had sessions at the start.
    agents: Vec<AgentKey>,
    /// Who may write an image's file.
    images: Arc<Semaphore>,
    /// Transactions committed, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests count transactions"))]
    commits: Arc<AtomicU64>,
}

impl Sqlite {
    pub(super) fn open(directory: &Path, config: &Config) -> Result<Self, Error> {
        Self::open_on(directory, config, Arc::new(RealDisk))
    }

    fn open_on(directory: &Path, config: &Config, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let opening = |source: io::Error| Error::Open {
            path: directory.to_owned(),
            source: cause(source),
        };
        fs::create_dir_all(directory).map_err(opening)?;
        let lock = lock(directory)?;
        let bodies = Bodies::open(directory.join("bodies")).map_err(opening)?;
        let path = directory.join("journal.db");
        let wal_bytes = u64::from(config.wal_mib) << 20;
        let connection = schema::writer(&path, wal_bytes)?;
        let agents = rows::agents(&connection).map_err(|error| Error::Read(cause(error)))?;
        let refusal = Refusal::default();
        let commits = Arc::new(AtomicU64::new(0));
        let thread = Thread {
            connection,
            bodies: bodies.clone(),
            disk: Arc::clone(&disk),
            inline: (config.inline_kib as usize) << 10,
            wal: PathBuf::from(format!("{}-wal", path.display())),
            wal_bytes,
            checkpointer: Checkpointer::start(&path, wal_bytes, refusal.clone())?,
            refusal: refusal.clone(),
            commits: Arc::clone(&commits),
            replaced: Vec::new(),
            lock,
        };
        let (queue, jobs) = mpsc::channel(config.queue_records.max(1));
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || thread.run(jobs))
            .map_err(opening)?;
        let rooms = config.queue_mib.clamp(1, 1 << 20) * 1_024;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(rooms as usize)),
            rooms,
            readers: Readers::new(path, config.readers),
            bodies,
            disk,
            refusal,
            agents,
            images: Arc::new(Semaphore::new(IMAGES)),
            commits,
        })
    }

    /// Puts an operation in line and waits for its outcome.
    async fn ask(&self, operation: Operation) -> Result<Done, Error> {
        let (reply, outcome) = oneshot::channel();
        self.send(operation, Reply::Done(reply), 0).await?;
        outcome.await.unwrap_or(Err(Error::Closed))
    }

    async fn send(&self, operation: Operation, reply: Reply, bytes: usize) -> Result<(), Error> {
        // A record larger than the whole queue waits until it has it for itself.
        let rooms = u32::try_from(bytes / ROOM).unwrap_or(u32::MAX);
        let room = match rooms.min(self.rooms) {
            0 => None,
            rooms => {
                let room = Arc::clone(&self.room).acquire_many_owned(rooms).await;
                Some(room.map_err(|_| Error::Closed)?)
            }
        };
        let job = Job {
            operation,
            reply,
            _room: room,
        };
        self.queue.send(job).await.map_err(|_| Error::Closed)
    }
}

/// One process for a journal: its writer must be the only one. The system gives the lock back when the process dies.
fn lock(directory: &Path) -> Result<File, Error> {
    let opening = |source| Error::Open {
        path: directory.to_owned(),
        source: cause(source),
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join("lock"))
        .map_err(opening)?;
    // Who was killed holds it until the system has cleared up after him, and who starts a program until that runs.
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(opening(source)),
        }
    }
    Err(Error::InUse(directory.to_owned()))
}

impl Store for Sqlite {
    fn agents(&self) -> &[AgentKey] {
        &self.agents
    }

    fn begin(
        &self,
        key: SessionKey,
        first: Entry,
        durability: Durability,
    ) -> BoxFuture<'_, Result<Place, Error>> {
        async move {
            let first = Box::new(first);
            let operation = Operation::Begin {
                key,
                first,
                durability,
            };
            match self.ask(operation).await? {
                Done::Begun(place) => Ok(place),
                _ => Err(Error::Closed),
            }
        }
        .boxed()
    }

    fn append(&self, ticket: Ticket, entry: Entry) -> BoxFuture<'_, Result<Receipt, Error>> {
        async move {
            let bytes = entry.text.len();
            let entry = Box::new(entry);
            let (reply, receipt) = oneshot::channel();
            let operation = Operation::Append { ticket, entry };
            self.send(operation, Reply::Written(reply), bytes).await?;
            Ok(receipt)
        }
        .boxed()
    }

    fn receive(&self, bytes: Bytes, sync: bool) -> BoxFuture<'_, Result<Incoming, Error>> {
        self.receive_image(bytes, sync).boxed()
    }

    fn keep(
        &self,
        ticket: Ticket,
        entry: Entry,
        file: Incoming,
    ) -> BoxFuture<'_, Result<Receipt, Error>> {
        async move {
            let bytes = entry.text.len();
            let (reply, receipt) = oneshot::channel();
            let operation = Operation::Keep {
                ticket,
                entry: Box::new(entry),
                file: Box::new(file),
            };
            self.send(operation, Reply::Written(reply), bytes).await?;
            Ok(receipt)
        }
        .boxed()
    }

    fn image(&self, mark: Mark) -> BoxFuture<'_, Result<Bytes, Lost>> {
        let bodies = self.bodies.clone();
        let read = tokio::task::spawn_blocking(move || bodies.image(&mark));
        async move {
            read.await
                .unwrap_or(Err(Lost::Unread(cause(Error::Closed))))
        }
        .boxed()
    }

    fn discard(&self, ticket: Ticket, from: Seq) -> BoxFuture<'_, Result<(), Error>> {
        let operation = Operation::Discard { ticket, from };
        async move { self.ask(operation).await.map(|_| ()) }.boxed()
    }

    fn attempt(&self, ticket: Ticket) -> BoxFuture<'_, Result<(), Error>> {
        let operation = Operation::Attempt { ticket };
        async move { self.ask(operation).await.map(|_| ()) }.boxed()
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), Error>> {
        async move { self.ask(Operation::Settle).await.map(|_| ()) }.boxed()
    }

    fn quarantine(
        &self,
        place: Place,
        key: SessionKey,
        damage: Damage,
    ) -> BoxFuture<'_, Result<(), Error>> {
        let operation = Operation::Quarantine { place, key, damage };
        async move { self.ask(operation).await.map(|_| ()) }.boxed()
    }

    fn end_damaged(&self, key: SessionKey, now: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        async move {
            match self.ask(Operation::EndDamaged { key, now }).await? {
                Done::Ended(count) => Ok(count),
                _ => Ok(0),
            }
        }
        .boxed()
    }

    fn incarnations(&self, key: SessionKey) -> BoxFuture<'_, Result<Vec<Found>, Error>> {
        self.readers
            .read(move |connection| rows::heads(connection, &key))
            .boxed()
    }

    fn session(
        &self,
        key: SessionKey,
        which: Which,
        most: u64,
    ) -> BoxFuture<'_, Result<Snapshot, Error>> {
        let bodies = self.bodies.clone();
        self.readers
            .read(move |connection| queries::session(connection, &bodies, &key, which, most))
            .boxed()
    }

    fn rows(&self, place: Place, which: Which) -> BoxFuture<'_, Result<Option<Read>, Error>> {
        let bodies = self.bodies.clone();
        self.readers
            .read(move |connection| queries::records(connection, &bodies, place, which))
            .boxed()
    }

    fn answer(
        &self,
        key: SessionKey,
        invocation: String,
    ) -> BoxFuture<'_, Result<Option<Indexed>, Error>> {
        self.readers
            .read(
                move |connection| Ok(queries::answers(connection, &key, Some(&invocation))?.pop()),
            )
            .boxed()
    }

    fn list(&self, tenant: Option<TenantId>, filter: Filter) -> BoxFuture<'_, Result<Page, Error>> {
        self.readers
            .read(move |connection| queries::list(connection, tenant.as_ref(), &filter))
            .boxed()
    }

    fn bytes(&self, tenant: TenantId) -> BoxFuture<'_, Result<u64, Error>> {
        self.readers
            .read(move |connection| queries::bytes(connection, &tenant))
            .boxed()
    }

    fn compact(&self, before: Timestamp) -> BoxFuture<'_, Result<Compacted, Error>> {
        self.compact_all(before).boxed()
    }

    fn delete(&self, key: SessionKey) -> BoxFuture<'_, Result<Compacted, Error>> {
        self.delete_all(key).boxed()
    }

    /// The thread has the other end, and takes it along.
    fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.readers.close();
            // Closed before, if it cannot be asked.
            let _ = self.ask(Operation::Close).await;
        }
        .boxed()
    }
}

#[cfg(test)]
pub(super) mod testing;
