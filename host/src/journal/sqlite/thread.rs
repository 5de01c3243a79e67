//! The writer thread: the only one that writes the database, and the files beside it.
//!
//! It takes what stands in the queue, writes all of it in one transaction, and then tells who waits.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::batch::{Batch, Written};
use super::bodies::Bodies;
use super::checkpoint::{Checkpointer, Refusal};
use super::compaction;
use super::faults::{Disk, Fault};
use super::operations::{Done, Job, Operation};
use super::trimming;
use crate::journal::Error;
use crate::journal::chain::Hash;

/// The most operations of one transaction: enough to share a commit widely, few enough that the first need not wait long.
const GROUP: usize = 512;

/// The writing side.
pub(super) struct Thread {
    pub(super) connection: Connection,
    pub(super) bodies: Bodies,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) inline: usize,
    /// The write-ahead log, and the length at which writing waits for a checkpoint.
    pub(super) wal: PathBuf,
    pub(super) wal_bytes: u64,
    pub(super) checkpointer: Checkpointer,
    pub(super) refusal: Refusal,
    /// Transactions committed.
    pub(super) commits: Arc<AtomicU64>,
    /// Files of images that may be named no more.
    pub(super) replaced: Vec<Hash>,
    /// Held as long as the thread lives: one process for a journal.
    pub(super) lock: File,
}

/// What an operation is answered with.
type Outcome = Result<Done, Error>;

impl Thread {
    /// Until the queue is closed, or an operation closes it.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| queue.blocking_recv()) {
            if !job.operation.is_grouped() {
                if matches!(job.operation, Operation::Close) {
                    return self.close(queue, job);
                }
                let outcome = self.alone(&job.operation);
                job.reply.send(outcome);
                continue;
            }
            let mut group = vec![job];
            while group.len() < GROUP
                && let Ok(job) = queue.try_recv()
            {
                if !job.operation.is_grouped() {
                    next = Some(job);
                    break;
                }
                group.push(job);
            }
            self.group(group);
            self.checkpointer
                .after_batch(&self.connection, &self.wal, self.wal_bytes);
        }
    }

    fn close(self, queue: mpsc::Receiver<Job>, job: Job) {
        // Who waits for a place is refused now, and who has one with the queue.
        drop(queue);
        let Self {
            connection,
            checkpointer,
            lock,
            ..
        } = self;
        checkpointer.stop();
        drop(connection);
        drop(lock);
        job.reply.send(Ok(Done::Nothing));
    }

    fn group(&mut self, group: Vec<Job>) {
        let operations: Vec<&Operation> = group.iter().map(|job| &job.operation).collect();
        let outcomes = self.write(&operations);
        for (job, outcome) in group.into_iter().zip(outcomes) {
            match (&job.operation, &outcome) {
                (Operation::Append { ticket, .. }, Err(_)) => ticket.lost(),
                (Operation::Keep { file, .. }, Err(_)) => self.replaced.push(file.digest),
                _ => {}
            }
            job.reply.send(outcome);
        }
        self.remove_replaced();
    }

    /// What a commit that failed has named may yet be read after the restart, so then everything stays.
    fn remove_replaced(&mut self) {
        let files = std::mem::take(&mut self.replaced);
        if files.is_empty() || self.refusal.get().is_some() {
            return;
        }
        if let Err(fault) = compaction::sweep(&self.connection, &self.bodies, &files) {
            tracing::warn!(
                ?fault,
                "the file of an image that was replaced stays until the next compaction"
            );
        }
    }

    /// One transaction; or one for each, should a row of one spoil it for the others.
    fn write(&mut self, operations: &[&Operation]) -> Vec<Outcome> {
        if !operations.iter().any(|operation| operation.writes()) {
            return operations.iter().map(|_| Ok(Done::Nothing)).collect();
        }
        if let Some(cause) = self.refusal.get() {
            let refuse = |operation: &&Operation| match operation.writes() {
                true => Err(Error::Refusing(Arc::clone(cause))),
                false => Ok(Done::Nothing),
            };
            return operations.iter().map(refuse).collect();
        }
        match self.attempt(operations) {
            Ok(outcomes) => outcomes,
            Err(Fault::Rows(cause)) => match operations {
                [_] => vec![Err(Error::Write(cause))],
                _ => self.one_by_one(operations),
            },
            Err(fault) => {
                let error = self.failed(fault);
                operations.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    fn one_by_one(&mut self, operations: &[&Operation]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(operations.len());
        for operation in operations {
            let outcome = self.write(&[operation]).pop().unwrap_or(Err(Error::Closed));
            if let (Operation::Append { ticket, .. }, Err(_)) = (operation, &outcome) {
                // Here already, for those of the same session that follow.
                ticket.lost();
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    fn attempt(&mut self, operations: &[&Operation]) -> Result<Vec<Outcome>, Fault> {
        let mut power = false;
        for operation in operations {
            power |= operation.wants_power() || self.cuts_off(operation)?;
        }
        self.connection.execute_batch(match power {
            true => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            false => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        })?;
        let done = self.apply(operations).and_then(|(outcomes, written)| {
            self.disk.commit(&self.connection)?;
            Ok((outcomes, written))
        });
        match done {
            Ok((outcomes, written)) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.checkpointer.written(written.bytes);
                self.replaced.extend(written.replaced);
                Ok(outcomes)
            }
            Err(fault) => {
                self.roll_back();
                Err(fault)
            }
        }
    }

    /// Whether it takes away the image of an incarnation that was trimmed: a power cut that undid it would find no file.
    fn cuts_off(&self, operation: &Operation) -> Result<bool, Fault> {
        let Some(row) = operation.replaces_image() else {
            return Ok(false);
        };
        let sql = "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?1 AND trimmed IS NOT NULL)";
        let mut trimmed = self.connection.prepare_cached(sql)?;
        Ok(trimmed.query_row([row], |row| row.get(0))?)
    }

    fn apply(&self, operations: &[&Operation]) -> Result<(Vec<Outcome>, Written), Fault> {
        let mut batch = Batch::new(&self.connection, &self.bodies, &*self.disk, self.inline);
        let outcomes: Result<_, Fault> = operations
            .iter()
            .map(|operation| batch.apply(operation))
            .collect();
        Ok((outcomes?, batch.finish()?))
    }

    /// Some failures end the transaction by themselves.
    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the journal could not roll back"
            );
        }
    }

    /// Remembers what must be remembered of a fault; the error for who waits.
    fn failed(&self, fault: Fault) -> Error {
        match fault {
            Fault::Disk(cause) | Fault::Rows(cause) => Error::Write(cause),
            Fault::Sync(cause) => {
                self.refusal.set(Arc::clone(&cause));
                Error::Refusing(cause)
            }
        }
    }

    fn alone(&mut self, operation: &Operation) -> Outcome {
        if let Some(cause) = self.refusal.get() {
            return Err(Error::Refusing(Arc::clone(cause)));
        }
        let removed = match operation {
            Operation::Expire { ended_before } => {
                compaction::expire(&self.connection, &*self.disk, *ended_before)
            }
            Operation::Delete { key } => compaction::delete(&self.connection, &*self.disk, key),
            Operation::Purge => compaction::purge(&self.connection, &*self.disk),
            Operation::Trim {
                place,
                image,
                finished_before,
            } => {
                let bodies = &self.bodies;
                let (place, image) = (*place, *image);
                trimming::trim(
                    &self.connection,
                    &*self.disk,
                    bodies,
                    place,
                    image,
                    *finished_before,
                )
            }
            Operation::Truncate => self.checkpointer.truncate(&self.connection),
            Operation::Sweep { files } => compaction::sweep(&self.connection, &self.bodies, files),
            #[cfg(test)]
            Operation::With(visit) => {
                let visit = visit.lock().ok().and_then(|mut visit| visit.take());
                visit.into_iter().for_each(|visit| visit(&self.connection));
                return Ok(Done::Nothing);
            }
            _ => return Ok(Done::Nothing),
        };
        removed.map_err(|fault| {
            self.roll_back();
            self.failed(fault)
        })
    }
}
