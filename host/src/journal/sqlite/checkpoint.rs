//! Checkpoints: moving the write-ahead log into the database, so that the log stays bounded.
//!
//! A second connection does it beside the writer, which then hardly waits. But the log can begin anew only after a checkpoint
//! that nobody overtook; so when it has grown past its bound all the same, the writer makes one itself.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::faults::{Fault, cause};
use super::operations::Done;
use super::schema;
use crate::journal::{Cause, Error};

/// Set once, by the first fsync that fails; nothing is written afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal(Arc<OnceLock<Cause>>);

impl Refusal {
    pub(super) fn get(&self) -> Option<&Cause> {
        self.0.get()
    }

    pub(super) fn set(&self, cause: Cause) {
        tracing::error!(
            error = &*cause as &dyn std::error::Error,
            "an fsync of the journal failed: nothing more is written until this server is restarted"
        );
        // The first one stays.
        let _ = self.0.set(cause);
    }
}

/// Why the log could not be emptied.
#[derive(Debug, thiserror::Error)]
#[error("somebody has been reading for long, and what was removed is still in the log; try again")]
struct Reading;

/// The writer's side of checkpoints.
pub(super) struct Checkpointer {
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
    refusal: Refusal,
    /// SQLite turns away whoever asks for a checkpoint during another; the writer must wait for it instead.
    one_at_a_time: Arc<Mutex<()>>,
    /// Bytes written since the thread was last woken, roughly.
    written: u64,
    /// How much may be written until it is woken.
    every: u64,
    /// The length of the log after the writer's own last checkpoint.
    length: u64,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, wal_bytes: u64, refusal: Refusal) -> Result<Self, Error> {
        let connection = schema::checkpointer(path, wal_bytes)?;
        // One wish is enough, however many there are.
        let (wake, woken) = sync_channel(1);
        let one_at_a_time = Arc::new(Mutex::new(()));
        let (shared, turn) = (refusal.clone(), Arc::clone(&one_at_a_time));
        let thread = std::thread::Builder::new()
            .name("journal-checkpoint".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    checkpoint(&connection, &turn, &shared);
                }
            })
            .map_err(|source| Error::Open {
                path: PathBuf::from(path),
                source: Arc::new(source),
            })?;
        Ok(Self {
            wake,
            thread,
            refusal,
            one_at_a_time,
            written: 0,
            every: wal_bytes / 4,
            length: 0,
        })
    }

    /// A transaction added about so many bytes to the log.
    pub(super) fn written(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
    }

    /// Sees to the log between two transactions.
    pub(super) fn after_batch(&mut self, writer: &Connection, wal: &Path, wal_bytes: u64) {
        if self.written < self.every {
            return;
        }
        self.written = 0;
        let length = std::fs::metadata(wal).map_or(0, |wal| wal.len());
        // Past the bound, but only when it grew since: while a reader pins the log, trying again is of no use.
        if length > wal_bytes && length != self.length {
            self.length = length;
            checkpoint(writer, &self.one_at_a_time, &self.refusal);
        } else {
            // Full: it will see this wish with the one before.
            let _ = self.wake.try_send(());
        }
    }

    /// Empties the log, so that nothing that was removed is left in it; waits for whoever reads at this time.
    pub(super) fn truncate(&mut self, writer: &Connection) -> Result<Done, Fault> {
        let turn = Arc::clone(&self.one_at_a_time);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.written = 0;
        self.length = 0;
        let busy: i64 =
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        match busy {
            0 => Ok(Done::Nothing),
            _ => Err(Fault::Disk(cause(Reading))),
        }
    }

    pub(super) fn stop(self) {
        drop(self.wake);
        if self.thread.join().is_err() {
            tracing::error!("the journal's checkpoint thread panicked");
        }
    }
}

/// Moves what it can without waiting for readers.
fn checkpoint(connection: &Connection, one_at_a_time: &Mutex<()>, refusal: &Refusal) {
    let _turn = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
    if refusal.get().is_some() {
        return;
    }
    let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    match done.map_err(Fault::from) {
        Ok(()) => {}
        Err(Fault::Sync(cause)) => refusal.set(cause),
        // The log keeps what could not be moved; the next one tries again.
        Err(Fault::Disk(cause) | Fault::Rows(cause)) => {
            tracing::warn!(
                error = &*cause as &dyn std::error::Error,
                "a checkpoint of the journal failed"
            );
        }
    }
}
