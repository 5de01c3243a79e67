//! Removing what is past its time. Each step is a transaction of its own, and leaves a journal that is whole.
//!
//! An incarnation is taken away in one step and *doomed*: from then on nobody sees it. Its records, however many they are,
//! go in later steps; after a crash, with the next compaction. Files go last, when nothing names them.

use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::faults::{Disk, Fault};
use super::operations::Done;
use super::rows::{self, millis};
use crate::clock::Timestamp;
use crate::ids::SessionKey;
use crate::journal::chain::Hash;
use crate::journal::store::Compacted;

/// The most incarnations of one step.
const INCARNATIONS: i64 = 256;

/// The most records of one step, so that writers need not wait long.
pub(super) const RECORDS: i64 = 1_024;

/// Takes away some incarnations that ended before.
pub(super) fn expire(
    connection: &Connection,
    disk: &dyn Disk,
    ended_before: Timestamp,
) -> Result<Done, Fault> {
    let sql =
        "SELECT id FROM sessions WHERE ended < ?1 AND state = 'ended' ORDER BY ended LIMIT ?2";
    let before = millis(ended_before);
    let expired = connection
        .prepare_cached(sql)?
        .query_map(params![before, INCARNATIONS], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    doom(connection, disk, &expired)?;
    let compacted = Compacted {
        incarnations: expired.len() as u64,
        ..Compacted::default()
    };
    Ok(Done::Removed {
        compacted,
        more: compacted.incarnations >= INCARNATIONS.unsigned_abs(),
    })
}

/// Takes away all incarnations of a key, whatever their state.
pub(super) fn delete(
    connection: &Connection,
    disk: &dyn Disk,
    key: &SessionKey,
) -> Result<Done, Fault> {
    let sql = "SELECT id FROM sessions WHERE tenant = ?1 AND agent = ?2 AND session = ?3";
    let key = params![
        key.agent.tenant.as_str(),
        key.agent.agent.as_str(),
        key.session.as_str()
    ];
    let all = connection
        .prepare_cached(sql)?
        .query_map(key, |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    let sql = "SELECT image_file FROM sessions WHERE id = ?1 AND image_file IS NOT NULL UNION \
               SELECT file FROM records WHERE session = ?1 AND file IS NOT NULL";
    let mut files = Vec::new();
    for id in &all {
        let mut named = connection.prepare_cached(sql)?;
        let mut named = named.query([id])?;
        while let Some(row) = named.next()? {
            files.extend(rows::hash(row, 0));
        }
    }
    doom(connection, disk, &all)?;
    let incarnations = all.len() as u64;
    Ok(Done::Deleted {
        incarnations,
        files,
    })
}

fn doom(connection: &Connection, disk: &dyn Disk, incarnations: &[i64]) -> Result<(), Fault> {
    if incarnations.is_empty() {
        return Ok(());
    }
    connection.execute_batch("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE")?;
    for id in incarnations {
        // Numbers of rows never come again, so records of a doomed one cannot become those of another.
        execute(connection, "INSERT INTO doomed (id) VALUES (?1)", *id)?;
        execute(connection, "DELETE FROM sessions WHERE id = ?1", *id)?;
    }
    disk.commit(connection)?;
    Ok(())
}

/// Removes some records of doomed incarnations, and their entries in the index of turns.
pub(super) fn purge(connection: &Connection, disk: &dyn Disk) -> Result<Done, Fault> {
    let ids = connection
        .prepare_cached("SELECT id FROM doomed LIMIT ?1")?
        .query_map([INCARNATIONS], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    if ids.is_empty() {
        return Ok(Done::Nothing);
    }
    connection.execute_batch("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE")?;
    let mut more = ids.len() as u64 >= INCARNATIONS.unsigned_abs();
    let mut compacted = Compacted::default();
    let mut left = RECORDS;
    for id in ids {
        let records = "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE session = ?1 ORDER BY seq LIMIT ?2)";
        let removed = some(connection, records, id, left)?;
        compacted.records += removed.unsigned_abs();
        left -= removed;
        if left > 0 {
            let turns = "DELETE FROM turns WHERE session = ?1 AND turn IN (SELECT turn FROM turns WHERE session = ?1 LIMIT ?2)";
            left -= some(connection, turns, id, left)?;
        }
        if left <= 0 {
            more = true;
            break;
        }
        execute(connection, "DELETE FROM doomed WHERE id = ?1", id)?;
    }
    disk.commit(connection)?;
    Ok(Done::Removed { compacted, more })
}

/// Removes at most so many rows; how many.
fn some(
    connection: &Connection,
    sql: &str,
    session: i64,
    limit: i64,
) -> Result<i64, rusqlite::Error> {
    let removed = connection.prepare_cached(sql)?.execute([session, limit])?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

fn execute(connection: &Connection, sql: &str, id: i64) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([id]).map(|_| ())
}

/// Removes those of these files that nothing names.
///
/// Only the writer thread names files, and this runs on it: what nothing names now will not be named meanwhile.
pub(super) fn sweep(
    connection: &Connection,
    bodies: &Bodies,
    files: &[Hash],
) -> Result<Done, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE file = ?1) OR \
               EXISTS (SELECT 1 FROM sessions WHERE image_file = ?1)";
    let mut named = connection.prepare_cached(sql)?;
    let mut compacted = Compacted::default();
    for file in files {
        if named.query_row([file], |row| row.get(0))? {
            continue;
        }
        match bodies.remove(file) {
            Ok(was_there) => compacted.files += u64::from(was_there),
            // The next compaction finds it again.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a file that no record names could not be removed"
            ),
        }
    }
    Ok(Done::Removed {
        compacted,
        more: false,
    })
}
