//! What goes wrong while writing, and whether it may be tried again.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, ffi};

use crate::journal::{Cause, Error};

/// Why a batch could not be written.
#[derive(Debug)]
pub(super) enum Fault {
    /// An fsync failed. What the kernel could not write it forgets, so a second fsync that succeeds says nothing.
    Sync(Cause),
    /// The disk is full or failed.
    Disk(Cause),
    /// One of the batch's rows is at odds with the database; the others may be well.
    Rows(Cause),
}

/// Why one operation of a batch was not done.
pub(super) enum Failure {
    /// It left no trace; the batch goes on.
    Operation(Error),
    /// The batch must be rolled back.
    Batch(Fault),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let sync = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
        match error.sqlite_error() {
            Some(code) if sync.contains(&code.extended_code) => Self::Sync(cause(error)),
            Some(code) if matches!(code.code, ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                Self::Disk(cause(error))
            }
            _ => Self::Rows(cause(error)),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Batch(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Operation(error)
    }
}

pub(super) fn cause(error: impl std::error::Error + Send + Sync + 'static) -> Cause {
    Arc::new(error)
}

/// The calls whose failure decides what was acknowledged; tests stand in for them.
pub(in crate::journal) trait Disk: Send + Sync {
    /// Commits the open transaction.
    fn commit(&self, connection: &Connection) -> Result<(), rusqlite::Error>;

    /// Gives a file or a folder to the disk.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The machine's own.
pub(in crate::journal) struct RealDisk;

impl Disk for RealDisk {
    fn commit(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        connection.execute_batch("COMMIT")
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
}
