//! Rows of the database as values, and back. Whatever a column holds, reading it does not fail.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::ids::{AgentId, AgentKey, SessionKey, TenantId};
use crate::journal::chain::Hash;
use crate::journal::store::{Filter, Found, Head, Incarnation, Place, State};

const COLUMNS: &str = "id, tenant, agent, session, incarnation, state, durability, started, active, ended, turns, \
     bytes, last, link, damaged_at, damaged_why, seal";

/// The row of an incarnation, if it is there.
pub(super) fn head(connection: &Connection, id: i64) -> Result<Option<Found>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"))?
        .query_row([id], |row| Ok(found(row)))
        .optional()
}

/// The rows of all incarnations of a key, oldest first.
pub(super) fn heads(
    connection: &Connection,
    key: &SessionKey,
) -> Result<Vec<Found>, rusqlite::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE tenant = ?1 AND agent = ?2 AND session = ?3 ORDER BY incarnation"
    );
    connection
        .prepare_cached(&sql)?
        .query_map(
            params![
                key.agent.tenant.as_str(),
                key.agent.agent.as_str(),
                key.session.as_str()
            ],
            |row| Ok(found(row)),
        )?
        .collect()
}

/// Some rows of one tenant, or of all, newest first.
pub(super) fn list(
    connection: &Connection,
    tenant: Option<&TenantId>,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<Found>, rusqlite::Error> {
    // Said so, and not with OR, one tenant's rows are found by their index.
    let whose = match tenant {
        Some(_) => "tenant = ?1",
        None => "?1 IS NULL",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE {whose} AND id < ?2 AND (?3 IS NULL OR agent = ?3) \
         AND (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR active < ?5) ORDER BY id DESC LIMIT ?6"
    );
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let active_before = filter.active_before.map(|at| signed(at.as_millis()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&sql)?
        .query_map(
            params![
                tenant.map(TenantId::as_str),
                filter.after.map_or(i64::MAX, signed),
                filter.agent.as_ref().map(AgentId::as_str),
                filter.state.map(State::as_str),
                active_before,
                limit
            ],
            |row| Ok(found(row)),
        )?
        .collect()
}

fn found(row: &SqlRow<'_>) -> Found {
    let head = parse(row);
    let seal = hash(row, 16);
    Found {
        place: Place {
            row: number(row, 0).unwrap_or_default(),
            incarnation: Incarnation(number(row, 4).unwrap_or_default()),
        },
        sealed: head.as_ref().map(Head::seal) == seal && seal.is_some(),
        head,
    }
}

fn parse(row: &SqlRow<'_>) -> Option<Head> {
    let key = SessionKey {
        agent: AgentKey {
            tenant: text(row, 1)?.parse().ok()?,
            agent: text(row, 2)?.parse().ok()?,
        },
        session: text(row, 3)?.parse().ok()?,
    };
    let damage = match (number(row, 14), text(row, 15)) {
        (Some(at), Some(why)) => Some((at, why.to_owned())),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(Head {
        key,
        incarnation: number(row, 4)?,
        state: State::parse(text(row, 5)?)?,
        durability: text(row, 6)?.parse().ok()?,
        started: number(row, 7)?,
        active: number(row, 8)?,
        ended: number(row, 9),
        turns: number(row, 10)?,
        bytes: number(row, 11)?,
        last: number(row, 12)?,
        link: hash(row, 13)?,
        damage,
    })
}

/// Opens a row; its records are to follow.
pub(super) fn insert(connection: &Connection, head: &Head) -> Result<i64, rusqlite::Error> {
    let sql = format!(
        "INSERT INTO sessions ({COLUMNS}) VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
         ?14, ?15, ?16)"
    );
    connection.prepare_cached(&sql)?.insert(params![
        head.key.agent.tenant.as_str(),
        head.key.agent.agent.as_str(),
        head.key.session.as_str(),
        head.incarnation,
        head.state.as_str(),
        head.durability.as_str(),
        head.started,
        head.active,
        head.ended,
        head.turns,
        head.bytes,
        head.last,
        head.link,
        head.damage.as_ref().map(|(at, _)| *at),
        head.damage.as_ref().map(|(_, why)| why),
        head.seal(),
    ])
}

/// Writes what may change in a row, and seals it anew.
pub(super) fn update(connection: &Connection, id: i64, head: &Head) -> Result<(), rusqlite::Error> {
    let sql = "UPDATE sessions SET state = ?2, durability = ?3, started = ?4, active = ?5, ended = ?6, turns = ?7, \
               bytes = ?8, last = ?9, link = ?10, damaged_at = ?11, damaged_why = ?12, seal = ?13 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        id,
        head.state.as_str(),
        head.durability.as_str(),
        head.started,
        head.active,
        head.ended,
        head.turns,
        head.bytes,
        head.last,
        head.link,
        head.damage.as_ref().map(|(at, _)| *at),
        head.damage.as_ref().map(|(_, why)| why),
        head.seal(),
    ])?;
    Ok(())
}

pub(super) fn number(row: &SqlRow<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}

pub(super) fn bytes<'a>(row: &'a SqlRow<'_>, column: usize) -> Option<&'a [u8]> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(bytes),
        _ => None,
    }
}

pub(super) fn text<'a>(row: &'a SqlRow<'_>, column: usize) -> Option<&'a str> {
    std::str::from_utf8(bytes(row, column)?).ok()
}

pub(super) fn hash(row: &SqlRow<'_>, column: usize) -> Option<Hash> {
    bytes(row, column)?.try_into().ok()
}
