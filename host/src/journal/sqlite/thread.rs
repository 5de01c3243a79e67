//! The writer thread: the only one that writes the database, and the files beside it.
//!
//! It takes what stands in the queue, writes all of it in one transaction, and then tells who waits.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::batch::Batch;
use super::bodies::Bodies;
use super::checkpoint::{Checkpointer, Refusal};
use super::compaction;
use super::faults::{Disk, Fault};
use super::operations::{Done, Job, Operation};
use crate::journal::Error;

/// The most operations of one transaction: enough to share a commit widely, few enough that the first need not wait long.
const GROUP: usize = 512;

/// The writing side.
pub(super) struct Thread {
    pub(super) connection: Connection,
    pub(super) bodies: Bodies,
    pub(super) disk: Box<dyn Disk>,
    pub(super) inline: usize,
    /// The write-ahead log, and the length at which writing waits for a checkpoint.
    pub(super) wal: PathBuf,
    pub(super) wal_bytes: u64,
    pub(super) checkpointer: Checkpointer,
    pub(super) refusal: Refusal,
    /// Transactions committed.
    pub(super) commits: Arc<AtomicU64>,
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
            if let (Operation::Append { ticket, .. }, Err(_)) = (&job.operation, &outcome) {
                ticket.lost();
            }
            job.reply.send(outcome);
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
        let power = operations.iter().any(|operation| operation.wants_power());
        self.connection.execute_batch(match power {
            true => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            false => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        })?;
        let done = self.apply(operations).and_then(|(outcomes, bytes)| {
            self.disk.commit(&self.connection)?;
            Ok((outcomes, bytes))
        });
        match done {
            Ok((outcomes, bytes)) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.checkpointer.written(bytes);
                Ok(outcomes)
            }
            Err(fault) => {
                self.roll_back();
                Err(fault)
            }
        }
    }

    fn apply(&self, operations: &[&Operation]) -> Result<(Vec<Outcome>, u64), Fault> {
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
                compaction::expire(&self.connection, &*self.disk, &self.bodies, *ended_before)
            }
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
