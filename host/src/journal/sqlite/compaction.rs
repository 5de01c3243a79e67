//! Removing what is past its time. Each step is a transaction of its own, and leaves a journal that is whole.

use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::faults::{Disk, Fault};
use super::operations::Done;
use super::rows;
use crate::clock::Timestamp;
use crate::journal::chain::Hash;
use crate::journal::store::Compacted;

/// The most incarnations of one step.
const INCARNATIONS: i64 = 64;

/// A step ends when it has removed so many records, so that writers need not wait long.
const RECORDS: i64 = 4_096;

/// Removes some incarnations that ended before, then the files that only they named.
///
/// A crash between the two leaves files that nothing names, for [`sweep`].
pub(super) fn expire(
    connection: &Connection,
    disk: &dyn Disk,
    bodies: &Bodies,
    ended_before: Timestamp,
) -> Result<Done, Fault> {
    connection.execute_batch("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE")?;
    let mut compacted = Compacted::default();
    let mut files = Vec::new();
    let expired = expired(connection, ended_before)?;
    let mut more = expired.len() as u64 >= INCARNATIONS.unsigned_abs();
    let mut records = 0;
    for (row, last) in expired {
        if records > RECORDS {
            more = true;
            break;
        }
        records += last;
        files.extend(named(connection, row)?);
        compacted.records += delete(connection, "DELETE FROM records WHERE session = ?1", row)?;
        delete(connection, "DELETE FROM turns WHERE session = ?1", row)?;
        compacted.incarnations += delete(connection, "DELETE FROM sessions WHERE id = ?1", row)?;
    }
    disk.commit(connection)?;
    compacted.files = remove_unnamed(connection, bodies, &files)?;
    Ok(Done::Removed { compacted, more })
}

/// Removes those of these files that no record names.
pub(super) fn sweep(
    connection: &Connection,
    bodies: &Bodies,
    files: &[Hash],
) -> Result<Done, Fault> {
    let compacted = Compacted {
        files: remove_unnamed(connection, bodies, files)?,
        ..Compacted::default()
    };
    Ok(Done::Removed {
        compacted,
        more: false,
    })
}

fn expired(
    connection: &Connection,
    ended_before: Timestamp,
) -> Result<Vec<(i64, i64)>, rusqlite::Error> {
    let sql = "SELECT id, last FROM sessions WHERE ended < ?1 AND state = 'ended' ORDER BY ended LIMIT ?2";
    let before = i64::try_from(ended_before.as_millis()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(sql)?
        .query_map(params![before, INCARNATIONS], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

fn named(connection: &Connection, row: i64) -> Result<Vec<Hash>, rusqlite::Error> {
    let sql = "SELECT DISTINCT file FROM records WHERE session = ?1 AND file IS NOT NULL";
    let files: Vec<Option<Hash>> = connection
        .prepare_cached(sql)?
        .query_map([row], |row| Ok(rows::hash(row, 0)))?
        .collect::<Result<_, _>>()?;
    Ok(files.into_iter().flatten().collect())
}

fn delete(connection: &Connection, sql: &str, row: i64) -> Result<u64, rusqlite::Error> {
    Ok(connection.prepare_cached(sql)?.execute([row])? as u64)
}

/// Only the writer thread names files, and this runs on it: what nothing names now will not be named meanwhile.
fn remove_unnamed(connection: &Connection, bodies: &Bodies, files: &[Hash]) -> Result<u64, Fault> {
    let mut named =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM records WHERE file = ?1)")?;
    let mut removed = 0;
    for file in files {
        if named.query_row([file], |row| row.get(0))? {
            continue;
        }
        match bodies.remove(file) {
            Ok(was_there) => removed += u64::from(was_there),
            // The next compaction finds it again.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a file that no record names could not be removed"
            ),
        }
    }
    Ok(removed)
}
