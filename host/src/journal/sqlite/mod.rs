//! The journal in SQLite: `journal.db` in the data directory, and `bodies/` for large records.
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

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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
use super::store::{
    Compacted, Filter, Found, Indexed, Page, Place, Range, Receipt, Row, Seq, Store,
};
use super::writer::Ticket;
use super::{Config, Damage, Durability, Error};
use crate::clock::Timestamp;
use crate::ids::{SessionKey, TenantId};

/// What bytes in the queue are counted in: permits are too few for single bytes.
const ROOM: usize = 1_024;

/// Files that one step of a sweep looks at.
const SWEPT: usize = 256;

/// The store.
pub(super) struct Sqlite {
    queue: mpsc::Sender<Job>,
    /// What the queue still has room for, in units of [`ROOM`].
    room: Arc<Semaphore>,
    rooms: u32,
    readers: Readers,
    bodies: Bodies,
    /// Transactions committed, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests count transactions"))]
    commits: Arc<AtomicU64>,
}

impl Sqlite {
    pub(super) fn open(directory: &Path, config: &Config) -> Result<Self, Error> {
        Self::open_on(directory, config, Box::new(RealDisk))
    }

    fn open_on(directory: &Path, config: &Config, disk: Box<dyn Disk>) -> Result<Self, Error> {
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
        let refusal = Refusal::default();
        let commits = Arc::new(AtomicU64::new(0));
        let thread = Thread {
            connection,
            bodies: bodies.clone(),
            disk,
            inline: (config.inline_kib as usize) << 10,
            wal: PathBuf::from(format!("{}-wal", path.display())),
            wal_bytes,
            checkpointer: Checkpointer::start(&path, wal_bytes, refusal.clone())?,
            refusal,
            commits: Arc::clone(&commits),
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

    async fn remove(&self, operation: Operation) -> Result<(Compacted, bool), Error> {
        match self.ask(operation).await? {
            Done::Removed { compacted, more } => Ok((compacted, more)),
            Done::Nothing | Done::Begun(_) | Done::Ended(_) => Ok((Compacted::default(), false)),
        }
    }

    async fn compact_all(&self, ended_before: Timestamp) -> Result<Compacted, Error> {
        let mut all = Compacted::default();
        loop {
            let (compacted, more) = self.remove(Operation::Expire { ended_before }).await?;
            all += compacted;
            if !more {
                break;
            }
        }
        let bodies = self.bodies.clone();
        let listed = tokio::task::spawn_blocking(move || bodies.list()).await;
        let files = listed
            .map_err(|_| Error::Closed)?
            .map_err(|error| Error::Read(cause(error)))?;
        for files in files.chunks(SWEPT) {
            let files = files.to_vec();
            all += self.remove(Operation::Sweep { files }).await?.0;
        }
        Ok(all)
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
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(opening(source)),
    }
}

impl Store for Sqlite {
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
                Done::Nothing | Done::Ended(_) | Done::Removed { .. } => Err(Error::Closed),
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

    fn discard(&self, ticket: Ticket, from: Seq) -> BoxFuture<'_, Result<(), Error>> {
        let operation = Operation::Discard { ticket, from };
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
                Done::Nothing | Done::Begun(_) | Done::Removed { .. } => Ok(0),
            }
        }
        .boxed()
    }

    fn incarnations(&self, key: SessionKey) -> BoxFuture<'_, Result<Vec<Found>, Error>> {
        self.readers
            .read(move |connection| rows::heads(connection, &key))
            .boxed()
    }

    fn rows(&self, place: Place, range: Range) -> BoxFuture<'_, Result<Option<Vec<Row>>, Error>> {
        let bodies = self.bodies.clone();
        self.readers
            .read(move |connection| queries::records(connection, &bodies, place, range))
            .boxed()
    }

    fn answers(
        &self,
        key: SessionKey,
        invocation: Option<String>,
    ) -> BoxFuture<'_, Result<Vec<Indexed>, Error>> {
        self.readers
            .read(move |connection| queries::answers(connection, &key, invocation.as_deref()))
            .boxed()
    }

    fn list(&self, tenant: Option<TenantId>, filter: Filter) -> BoxFuture<'_, Result<Page, Error>> {
        self.readers
            .read(move |connection| queries::list(connection, tenant.as_ref(), &filter))
            .boxed()
    }

    fn compact(&self, ended_before: Timestamp) -> BoxFuture<'_, Result<Compacted, Error>> {
        self.compact_all(ended_before).boxed()
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
