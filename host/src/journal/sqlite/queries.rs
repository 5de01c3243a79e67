//! What is read for the journal's face. Every row that can be read is given; whether it is right is decided above.

use std::io::ErrorKind;

use rusqlite::{Connection, ErrorCode, params};

use super::bodies::Bodies;
use super::rows;
use crate::clock::Timestamp;
use crate::ids::{SessionKey, TenantId};
use crate::journal::chain;
use crate::journal::head::{Head, count};
use crate::journal::store::{
    Filter, Found, Incarnation, Indexed, Location, Page, Place, Read, Row, Seq, Snapshot, State,
    Summary, Which,
};

/// The most incarnations of one page.
const PAGE: usize = 1_000;

/// Records in order, with the row of their incarnation as it stood at the same moment; none when it is not there any more.
pub(super) fn records(
    connection: &Connection,
    bodies: &Bodies,
    place: Place,
    which: Which,
) -> Result<Option<Read>, rusqlite::Error> {
    loop {
        let moment = connection.unchecked_transaction()?;
        let Some(found) = rows::head(&moment, place.row)? else {
            return Ok(None);
        };
        let mut missing = false;
        let rows = selected(&moment, bodies, &found, which, &mut missing)?;
        moment.finish()?;
        if !missing || is_current(connection, &found)? {
            return Ok(Some(Read { found, rows }));
        }
    }
}

/// All that is known of a key, as it stood at one moment. Records that take more than `most` bytes, with the image, are not
/// read.
pub(super) fn session(
    connection: &Connection,
    bodies: &Bodies,
    key: &SessionKey,
    which: Which,
    most: u64,
) -> Result<Snapshot, rusqlite::Error> {
    loop {
        let moment = connection.unchecked_transaction()?;
        let found = rows::heads(&moment, key)?;
        let answers = answers(&moment, key, None)?;
        let is_open = |found: &&Found| {
            let state = found.head.as_ref().map(|head| head.state);
            state == Some(State::Open)
        };
        let open = found.iter().rfind(is_open).cloned();
        let weight = match &open {
            Some(open) => weight(&moment, open, which, most)?,
            None => 0,
        };
        let heavy = (weight > most).then_some(weight);
        let mut missing = false;
        let rows = match &open {
            Some(open) if heavy.is_none() => selected(&moment, bodies, open, which, &mut missing)?,
            _ => Vec::new(),
        };
        moment.finish()?;
        let current = match &open {
            Some(open) if missing => is_current(connection, open)?,
            _ => true,
        };
        if current {
            return Ok(Snapshot {
                found,
                rows,
                heavy,
                answers,
            });
        }
    }
}

/// Bytes of the records that are to be selected, and of the image. Not counted where all together is no more than `most`.
fn weight(
    connection: &Connection,
    found: &Found,
    which: Which,
    most: u64,
) -> Result<u64, rusqlite::Error> {
    let Some(head) = &found.head else {
        return Ok(0);
    };
    let all = count(head.bytes);
    let (Which::SinceImage, Some(image), true) = (which, head.image, all > most) else {
        return Ok(all);
    };
    let sql = "SELECT coalesce(sum(size), 0) FROM records WHERE session = ?1 AND seq >= ?2";
    let records = connection
        .prepare_cached(sql)?
        .query_row(params![found.place.row, image.seq], |row| row.get(0))?;
    Ok(count(records) + count(image.bytes))
}

/// Whether no compaction came between the rows of an incarnation and their files.
fn is_current(connection: &Connection, read: &Found) -> Result<bool, rusqlite::Error> {
    let now = rows::head(connection, read.place.row)?;
    let trimmed = |found: &Found| found.head.as_ref().map(|head| head.trimmed);
    Ok(now.as_ref().map(trimmed) == Some(trimmed(read)))
}

fn selected(
    connection: &Connection,
    bodies: &Bodies,
    found: &Found,
    which: Which,
    missing: &mut bool,
) -> Result<Vec<Row>, rusqlite::Error> {
    let image = found.head.as_ref().and_then(|head| head.image);
    let mut rows = Vec::new();
    let mut select = |first, last| {
        between(
            connection,
            bodies,
            found.place,
            (first, last),
            &mut rows,
            missing,
        )
    };
    match (which, image) {
        (Which::One(seq), _) => select(seq.0.saturating_sub(1), seq.0)?,
        (Which::SinceImage, Some(image)) => {
            select(i64::MIN, Seq::FIRST.0)?;
            select(image.seq, i64::MAX)?;
        }
        (Which::SinceImage, None) | (Which::All, _) => select(i64::MIN, i64::MAX)?,
    }
    Ok(rows)
}

fn between(
    connection: &Connection,
    bodies: &Bodies,
    place: Place,
    (first, last): (i64, i64),
    records: &mut Vec<Row>,
    missing: &mut bool,
) -> Result<(), rusqlite::Error> {
    let sql = "SELECT seq, format, link, text, file, size FROM records WHERE session = ?1 AND seq BETWEEN ?2 AND ?3 \
               ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![place.row, first, last])?;
    loop {
        let row = match found.next() {
            Ok(Some(row)) => record(row, bodies, missing)?,
            Ok(None) => return Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                // What was read before is good, and the rest of this session is lost.
                let seq = records.last().map_or(1, |last| last.seq + 1);
                records.push(torn(seq));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        records.push(row);
    }
}

/// Fails when the record's file is there, as far as anyone can say, and cannot be read now: with too many files open, or a
/// disk that fails. That is no damage.
fn record(
    row: &rusqlite::Row<'_>,
    bodies: &Bodies,
    missing: &mut bool,
) -> Result<Row, rusqlite::Error> {
    let file = rows::hash(row, 4);
    let text = match (rows::bytes(row, 3), file) {
        (Some(text), None) => Ok(text.to_vec()),
        (None, Some(file)) => match bodies.read(&file) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                *missing = true;
                Err(format!("its file {} is not there", chain::hex(&file)))
            }
            Err(error) => return Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        },
        (Some(_), Some(_)) | (None, None) => Err("it has no text, or two".to_owned()),
    };
    let size = rows::number(row, 5);
    let text = text.and_then(|text: Vec<u8>| {
        let fits = i64::try_from(text.len()).ok() == size;
        let cut = || format!("it has {} bytes, not those that were written", text.len());
        fits.then_some(()).ok_or_else(cut).map(|()| text)
    });
    Ok(Row {
        seq: rows::number(row, 0).unwrap_or_default(),
        format: rows::number(row, 1).unwrap_or_default(),
        link: rows::hash(row, 2).unwrap_or_default(),
        text,
    })
}

fn torn(seq: i64) -> Row {
    Row {
        seq,
        format: 0,
        link: [0; 32],
        text: Err("the database is torn there".to_owned()),
    }
}

/// Finished turns with an invocation id, oldest first.
pub(super) fn answers(
    connection: &Connection,
    key: &SessionKey,
    invocation: Option<&str>,
) -> Result<Vec<Indexed>, rusqlite::Error> {
    let sql = "SELECT turns.invocation, sessions.id, sessions.incarnation, turns.turn, turns.accepted, turns.finished, \
               turns.finished_at \
               FROM sessions JOIN turns ON turns.session = sessions.id \
               WHERE tenant = ?1 AND agent = ?2 AND sessions.session = ?3 AND turns.invocation IS NOT NULL \
               AND (?4 IS NULL OR turns.invocation = ?4) AND turns.finished IS NOT NULL \
               ORDER BY sessions.incarnation, turns.turn";
    let values = params![
        key.agent.tenant.as_str(),
        key.agent.agent.as_str(),
        key.session.as_str(),
        invocation
    ];
    connection
        .prepare_cached(sql)?
        .query_map(values, |row| {
            let number = |column| rows::number(row, column).unwrap_or_default();
            let place = Place {
                row: number(1),
                incarnation: Incarnation(number(2)),
            };
            let location = Location {
                incarnation: place.incarnation,
                turn: number(3).unsigned_abs(),
                accepted: Seq(number(4)),
                finished: Seq(number(5)),
            };
            let invocation = rows::text(row, 0).unwrap_or_default().to_owned();
            Ok(Indexed {
                invocation,
                place,
                location,
                finished_at: number(6),
            })
        })?
        .collect()
}

/// What rows and their indexes take of the shortest incarnation, in bytes: a million of them are something, too.
const INCARNATION: u32 = 4_096;

/// Bytes of all incarnations of a tenant.
pub(super) fn bytes(connection: &Connection, tenant: &TenantId) -> Result<u64, rusqlite::Error> {
    connection
        .prepare_cached("SELECT coalesce(sum(bytes + ?2), 0) FROM sessions WHERE tenant = ?1")?
        .query_row(params![tenant.as_str(), INCARNATION], |row| row.get(0))
        .map(count)
}

/// A page of incarnations.
pub(super) fn list(
    connection: &Connection,
    tenant: Option<&TenantId>,
    filter: &Filter,
) -> Result<Page, rusqlite::Error> {
    let limit = filter.limit.clamp(1, PAGE);
    let mut found = rows::list(connection, tenant, filter, limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|last| last.place.row.unsigned_abs());
    Ok(Page {
        // A row that makes no sense cannot even say whose it is.
        summaries: found.into_iter().filter_map(summary).collect(),
        next: next.filter(|_| more),
    })
}

fn summary(found: Found) -> Option<Summary> {
    let head = found.head?;
    Some(Summary {
        incarnation: found.place.incarnation,
        state: if found.sealed {
            head.state
        } else {
            State::Damaged
        },
        durability: head.durability,
        version: head.version,
        started: timestamp(head.started),
        active: timestamp(head.active),
        ended: head.ended.map(timestamp),
        turns: count(head.totals.turns),
        models: head.totals.models(),
        memory_bytes: count(head.totals.memory),
        records: count(head.last),
        bytes: count(head.bytes),
        damage: Head::damage(&head),
        reason: head.reason,
        key: head.key,
    })
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(count(millis))
}
