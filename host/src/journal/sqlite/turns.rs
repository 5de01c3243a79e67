//! The index of turns: which records of an incarnation took one on and finished it, and by which invocation id it is found.

use rusqlite::{Connection, Error, OptionalExtension, params};

use super::rows::signed;
use crate::ids::InvocationId;
use crate::journal::store::{Indexed, Location, Place, Seq};

/// The highest number of those that are kept.
pub(super) fn last(connection: &Connection, row: i64) -> Result<Option<i64>, Error> {
    connection
        .prepare_cached("SELECT max(turn) FROM turns WHERE session = ?1")?
        .query_row([row], |row| row.get(0))
}

/// Adds one that was taken on by the record `seq`, and finished by it, too, if there is a time when. False when there is one
/// of this number.
pub(super) fn add(
    connection: &Connection,
    row: i64,
    turn: u64,
    invocation: Option<&InvocationId>,
    seq: i64,
    finished_at: Option<i64>,
) -> Result<bool, Error> {
    let sql = "INSERT INTO turns (session, turn, invocation, accepted, finished, finished_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let added = connection.prepare_cached(sql)?.execute(params![
        row,
        signed(turn),
        invocation.map(|id| id.as_str()),
        seq,
        finished_at.map(|_| seq),
        finished_at,
    ])?;
    Ok(added > 0)
}

/// Marks a turn as finished: none when it is not open, otherwise its entry in the index of answers, if it has an invocation
/// id.
pub(super) fn finish(
    connection: &Connection,
    place: Place,
    turn: u64,
    seq: i64,
    at: i64,
) -> Result<Option<Option<Indexed>>, Error> {
    let sql = "UPDATE turns SET finished = ?3, finished_at = ?4 WHERE session = ?1 AND turn = ?2 AND finished IS NULL \
               RETURNING invocation, accepted";
    connection
        .prepare_cached(sql)?
        .query_row(params![place.row, signed(turn), seq, at], |row| {
            let invocation: Option<String> = row.get(0)?;
            let location = Location {
                incarnation: place.incarnation,
                turn,
                accepted: Seq(row.get(1)?),
                finished: Seq(seq),
            };
            Ok(invocation.map(|invocation| Indexed {
                invocation,
                place,
                location,
                finished_at: at,
            }))
        })
        .optional()
}
