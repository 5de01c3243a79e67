//! The tables, and the connections to them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::faults::cause;
use crate::journal::Error;

/// The layout that this program writes. A database of another one is refused, never guessed at.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL, agent TEXT NOT NULL, session TEXT NOT NULL, incarnation INTEGER NOT NULL,
        state TEXT NOT NULL, durability TEXT NOT NULL, version TEXT,
        started INTEGER NOT NULL, active INTEGER NOT NULL, ended INTEGER, reason TEXT,
        turns INTEGER NOT NULL, finished INTEGER NOT NULL,
        calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, memory INTEGER NOT NULL,
        bytes INTEGER NOT NULL, last INTEGER NOT NULL, link BLOB NOT NULL, start BLOB NOT NULL, answers BLOB NOT NULL,
        trimmed INTEGER, trimmed_link BLOB,
        image INTEGER, image_turn INTEGER, image_before BLOB, image_file BLOB, image_bytes INTEGER,
        damaged_at INTEGER, damaged_why TEXT,
        seal BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX sessions_by_key ON sessions (tenant, agent, session, incarnation);
    CREATE INDEX sessions_by_tenant ON sessions (tenant);
    CREATE INDEX sessions_by_end ON sessions (ended) WHERE ended IS NOT NULL;
    CREATE INDEX sessions_open ON sessions (id, active, tenant) WHERE state = 'open';
    CREATE INDEX sessions_by_image ON sessions (image_file) WHERE image_file IS NOT NULL;

    CREATE TABLE doomed (id INTEGER PRIMARY KEY) STRICT;

    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL, seq INTEGER NOT NULL,
        format INTEGER NOT NULL, size INTEGER NOT NULL, text TEXT, file BLOB, link BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX records_by_place ON records (session, seq);
    CREATE INDEX records_by_file ON records (file) WHERE file IS NOT NULL;

    CREATE TABLE turns (
        session INTEGER NOT NULL, turn INTEGER NOT NULL, invocation TEXT,
        accepted INTEGER NOT NULL, finished INTEGER, finished_at INTEGER,
        PRIMARY KEY (session, turn)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX turns_by_invocation ON turns (session, invocation) WHERE invocation IS NOT NULL;
";

/// Statements kept ready by one connection: all that the writer has.
const STATEMENTS: usize = 64;

/// Long enough for any checkpoint, short enough to tell a stuck lock from a slow disk.
const BUSY: Duration = Duration::from_secs(10);

/// The writing connection; makes the tables in an empty database.
pub(super) fn writer(path: &Path, wal_bytes: u64) -> Result<Connection, Error> {
    let connection = prepare(path, OpenFlags::default(), wal_bytes).map_err(opening(path))?;
    // Also tells a torn file: the header, the tables' definitions and the log are read here.
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(opening(path))?;
    match found {
        LAYOUT => {}
        0 => connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;"
            ))
            .map_err(opening(path))?,
        found => {
            return Err(Error::Layout {
                found,
                known: LAYOUT,
            });
        }
    }
    let known = "SELECT count(*) FROM sqlite_schema WHERE name IN ('sessions', 'doomed', 'records', 'turns')";
    let tables: i64 = connection
        .query_row(known, [], |row| row.get(0))
        .map_err(opening(path))?;
    if tables != 4 {
        return Err(Error::Layout {
            found: 0,
            known: LAYOUT,
        });
    }
    Ok(connection)
}

/// A connection that moves the log into the database.
pub(super) fn checkpointer(path: &Path, wal_bytes: u64) -> Result<Connection, Error> {
    prepare(path, OpenFlags::default(), wal_bytes).map_err(opening(path))
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A server in jail has no folder for temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn prepare(path: &Path, flags: OpenFlags, wal_bytes: u64) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A server in jail has no folder for temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is removed is overwritten, so that it is not there any more.
    connection.pragma_update(None, "secure_delete", true)?;
    // Checkpoints are ours: SQLite's own swallow their errors, and a failed fsync must not be swallowed.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let limit = i64::try_from(wal_bytes).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", limit)?;
    Ok(connection)
}

fn opening(path: &Path) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Open {
        path: path.to_owned(),
        source: cause(source),
    }
}
