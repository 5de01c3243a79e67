//! Trimming: removing records of an open incarnation from before its image, which then is the only way back.
//!
//! What is removed is always a piece from the second record on, so the rest is still one chain: the row keeps the link from
//! which it goes on, and its seal guards it.

use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::compaction::RECORDS;
use super::faults::{Disk, Fault};
use super::operations::Done;
use super::queries;
use super::rows::{self, millis, signed};
use crate::clock::Timestamp;
use crate::journal::chain::{self, Hash};
use crate::journal::head::{Head, Mark, Trimmed};
use crate::journal::store::{Compacted, Found, Place, State, Which};

/// Some open incarnations behind this row that have something to trim, with their images. Read beside the writer.
pub(super) fn candidates(
    connection: &Connection,
    behind: i64,
    finished_before: Timestamp,
    limit: usize,
) -> Result<Vec<(Place, Mark)>, rusqlite::Error> {
    // The oldest turn in the index speaks for those behind it. Where none is left, the records are no turn's.
    let sql = "SELECT id FROM sessions INDEXED BY sessions_by_image WHERE id > ?1 AND state = 'open' \
               AND image_file IS NOT NULL AND image > coalesce(trimmed, 1) + 1 AND ?2 > coalesce( \
               (SELECT finished_at FROM turns WHERE turns.session = sessions.id ORDER BY turn LIMIT 1), ?2 - 1) \
               ORDER BY id LIMIT ?3";
    let limit = signed(limit as u64);
    let ids = connection
        .prepare_cached(sql)?
        .query_map(params![behind, millis(finished_before), limit], |row| {
            row.get(0)
        })?
        .collect::<Result<Vec<i64>, _>>()?;
    let mut candidates = Vec::new();
    for id in ids {
        if let Some((found, head)) = whole(connection, id)?
            && let Some(image) = head.image
        {
            candidates.push((found, image));
        }
    }
    Ok(candidates)
}

/// Removes some of the records before this image, whose file the disk has, with their entries in the index of turns.
///
/// Nothing, when there is a newer image by now.
pub(super) fn trim(
    connection: &Connection,
    disk: &dyn Disk,
    bodies: &Bodies,
    place: Place,
    image: i64,
    finished_before: Timestamp,
) -> Result<Done, Fault> {
    // Nobody else writes, so what is read here still holds below.
    let Some((_, mut head)) = whole(connection, place.row)? else {
        return Ok(Done::Nothing);
    };
    let Some(mark) = head.image.filter(|mark| mark.seq == image) else {
        return Ok(Done::Nothing);
    };
    let from = head.trimmed_to();
    let to = end(connection, place.row, &mark, finished_before)?;
    let step = to.min(from + RECORDS);
    if step <= from {
        return Ok(Done::Nothing);
    }
    let answers = queries::answers(connection, &head.key, None)?;
    let mut sum = [0; 32];
    let mut left = [0; 32];
    for answer in answers.iter().filter(|answer| answer.place == place) {
        let entry = chain::answer(answer);
        chain::toggle(&mut sum, &entry);
        if answer.location.accepted.0 > step {
            chain::toggle(&mut left, &entry);
        }
    }
    let link = match step == mark.seq - 1 {
        true => Some(mark.before),
        false => link(connection, bodies, place, &head, step)?,
    };
    let (Some(link), true) = (link, sum == head.answers) else {
        // The next load finds it, and says what it is.
        tracing::warn!(session.id = %head.key.session, "a session that seems to be damaged is not trimmed");
        return Ok(Done::Nothing);
    };

    connection.execute_batch("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE")?;
    let (records, bytes) = remove(connection, place.row, from, step)?;
    connection
        .prepare_cached("DELETE FROM turns WHERE session = ?1 AND accepted <= ?2")?
        .execute([place.row, step])?;
    head.trimmed = Some(Trimmed { seq: step, link });
    head.answers = left;
    head.bytes = head.bytes.saturating_sub(bytes);
    rows::update(connection, place.row, &head)?;
    disk.commit(connection)?;
    let compacted = Compacted {
        trimmed: records,
        ..Compacted::default()
    };
    Ok(Done::Removed {
        compacted,
        more: step < to,
    })
}

/// An open incarnation whose row is as it was written.
fn whole(connection: &Connection, row: i64) -> Result<Option<(Place, Head)>, rusqlite::Error> {
    Ok(match rows::head(connection, row)? {
        Some(Found {
            place,
            head: Some(head),
            sealed: true,
        }) if head.state == State::Open => Some((place, head)),
        _ => None,
    })
}

/// The last record that may go: what is behind it belongs to the image, or to a turn that may still be asked for.
fn end(
    connection: &Connection,
    row: i64,
    mark: &Mark,
    finished_before: Timestamp,
) -> Result<i64, rusqlite::Error> {
    let sql = "SELECT min(accepted) FROM turns WHERE session = ?1 AND accepted < ?2 \
               AND (finished_at IS NULL OR finished_at >= ?3)";
    let wanted: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(params![row, mark.seq, millis(finished_before)], |row| {
            row.get(0)
        })?;
    Ok(wanted.unwrap_or(mark.seq).min(mark.seq) - 1)
}

/// The link of a record, if the one behind it follows from it.
fn link(
    connection: &Connection,
    bodies: &Bodies,
    place: Place,
    head: &Head,
    seq: i64,
) -> Result<Option<Hash>, rusqlite::Error> {
    let next = Which::One(crate::journal::Seq(seq + 1));
    let read = queries::records(connection, bodies, place, next)?;
    let rows = read.map(|read| read.rows).unwrap_or_default();
    let [before, row] = &rows[..] else {
        return Ok(None);
    };
    let follows = row.text.as_ref().is_ok_and(|text| {
        let digest = chain::digest(text);
        let key = &head.key;
        row.link
            == chain::link(
                &before.link,
                key,
                head.incarnation,
                seq + 1,
                row.format,
                &digest,
            )
    });
    Ok(follows.then_some(before.link))
}

fn remove(
    connection: &Connection,
    row: i64,
    from: i64,
    to: i64,
) -> Result<(u64, i64), rusqlite::Error> {
    let sql = "DELETE FROM records WHERE session = ?1 AND seq > ?2 AND seq <= ?3 RETURNING size";
    let mut statement = connection.prepare_cached(sql)?;
    let mut removed = statement.query([row, from, to])?;
    let (mut records, mut bytes) = (0, 0);
    while let Some(row) = removed.next()? {
        records += 1;
        bytes += rows::number(row, 0).unwrap_or_default().max(0);
    }
    Ok((records, bytes))
}
