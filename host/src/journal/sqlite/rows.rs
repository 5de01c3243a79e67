//! Rows of the database as values, and back. Whatever a column holds, reading it does not fail.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::clock::Timestamp;
use crate::ids::{AgentId, AgentKey, SessionKey, TenantId};
use crate::journal::chain::{GENESIS, Hash};
use crate::journal::head::{Head, Mark, Totals, Trimmed};
use crate::journal::store::{Filter, Found, Incarnation, Place, State};

/// In the order of the table.
const COLUMNS: &str = "id, tenant, agent, session, incarnation, state, durability, version, started, active, ended, reason, \
     turns, finished, calls, input_tokens, output_tokens, memory, bytes, last, link, start, answers, trimmed, trimmed_link, \
     image, image_turn, image_before, image_file, image_bytes, damaged_at, damaged_why, seal";

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

/// The agents that have any session here: one look into the index for each, however many sessions they have.
pub(super) fn agents(connection: &Connection) -> Result<Vec<AgentKey>, rusqlite::Error> {
    let sql = "SELECT tenant, agent FROM sessions WHERE (tenant, agent) > (?1, ?2) ORDER BY tenant, agent LIMIT 1";
    let mut next = connection.prepare(sql)?;
    let mut agents = Vec::new();
    let mut last = (String::new(), String::new());
    while let Some(found) = next
        .query_row([&last.0, &last.1], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
    {
        last = found;
        // What makes no sense as a name is nobody's.
        if let (Ok(tenant), Ok(agent)) = (last.0.parse(), last.1.parse()) {
            agents.push(AgentKey { tenant, agent });
        }
    }
    Ok(agents)
}

/// Some rows of one tenant, or of all, newest first.
pub(super) fn list(
    connection: &Connection,
    tenant: Option<&TenantId>,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<Found>, rusqlite::Error> {
    // Said so, and not with OR, one tenant's rows are found by their index, and those that are open by theirs.
    let (index, state) = match filter.state {
        Some(State::Open) => ("INDEXED BY sessions_open", "state = 'open'"),
        _ => ("", "(?4 IS NULL OR state = ?4)"),
    };
    let whose = match tenant {
        Some(_) => "tenant = ?1",
        None => "?1 IS NULL",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions {index} WHERE {whose} AND id < ?2 AND (?3 IS NULL OR agent = ?3) \
         AND {state} AND (?5 IS NULL OR active < ?5) ORDER BY id DESC LIMIT ?6"
    );
    let active_before = filter.active_before.map(millis);
    let limit = signed(limit as u64);
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
    let seal = hash(row, 32);
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
    let trimmed = match (number(row, 23), bytes(row, 24)) {
        (Some(seq), Some(link)) => Some(Trimmed {
            seq,
            link: link.try_into().ok()?,
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let damage = match (number(row, 30), text(row, 31)) {
        (Some(at), Some(why)) => Some((at, why.to_owned())),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(Head {
        key,
        incarnation: number(row, 4)?,
        state: State::parse(text(row, 5)?)?,
        durability: text(row, 6)?.parse().ok()?,
        version: match text(row, 7) {
            Some(version) => Some(version.parse().ok()?),
            None => None,
        },
        started: number(row, 8)?,
        active: number(row, 9)?,
        ended: number(row, 10),
        reason: text(row, 11).map(str::to_owned),
        totals: Totals {
            turns: number(row, 12)?,
            finished: number(row, 13)?,
            calls: number(row, 14)?,
            input_tokens: number(row, 15)?,
            output_tokens: number(row, 16)?,
            memory: number(row, 17)?,
        },
        bytes: number(row, 18)?,
        last: number(row, 19)?,
        link: hash(row, 20)?,
        start: hash(row, 21)?,
        answers: hash(row, 22)?,
        trimmed,
        image: mark(row)?,
        damage,
    })
}

/// The columns of the image; none when they are at odds.
fn mark(row: &SqlRow<'_>) -> Option<Option<Mark>> {
    let set = (25..30).filter(|column| !matches!(row.get_ref(*column), Ok(ValueRef::Null)));
    if set.count() == 0 {
        return Some(None);
    }
    Some(Some(Mark {
        seq: number(row, 25)?,
        turn: number(row, 26)?,
        before: hash(row, 27)?,
        file: hash(row, 28)?,
        bytes: number(row, 29)?,
    }))
}

/// Opens a row; its records are to follow, and with them [`update`].
pub(super) fn insert(connection: &Connection, head: &Head) -> Result<i64, rusqlite::Error> {
    let sql = "INSERT INTO sessions (tenant, agent, session, incarnation, state, durability, version, started, active, turns, \
               finished, calls, input_tokens, output_tokens, memory, bytes, last, link, start, answers, seal) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, 0, 0, 0, 0, ?10, ?10, ?10, ?10)";
    connection.prepare_cached(sql)?.insert(params![
        head.key.agent.tenant.as_str(),
        head.key.agent.agent.as_str(),
        head.key.session.as_str(),
        head.incarnation,
        head.state.as_str(),
        head.durability.as_str(),
        head.version.map(|version| version.to_string()),
        head.started,
        head.active,
        GENESIS,
    ])
}

/// Writes what may change in a row, and seals it anew.
pub(super) fn update(connection: &Connection, id: i64, head: &Head) -> Result<(), rusqlite::Error> {
    let sql = "UPDATE sessions SET state = ?2, durability = ?3, version = ?4, started = ?5, active = ?6, ended = ?7, \
               reason = ?8, turns = ?9, finished = ?10, calls = ?11, input_tokens = ?12, output_tokens = ?13, memory = ?14, \
               bytes = ?15, last = ?16, link = ?17, start = ?18, answers = ?19, trimmed = ?20, trimmed_link = ?21, \
               image = ?22, image_turn = ?23, image_before = ?24, image_file = ?25, image_bytes = ?26, damaged_at = ?27, \
               damaged_why = ?28, seal = ?29 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        id,
        head.state.as_str(),
        head.durability.as_str(),
        head.version.map(|version| version.to_string()),
        head.started,
        head.active,
        head.ended,
        head.reason,
        head.totals.turns,
        head.totals.finished,
        head.totals.calls,
        head.totals.input_tokens,
        head.totals.output_tokens,
        head.totals.memory,
        head.bytes,
        head.last,
        head.link,
        head.start,
        head.answers,
        head.trimmed.map(|trimmed| trimmed.seq),
        head.trimmed.map(|trimmed| trimmed.link),
        head.image.map(|image| image.seq),
        head.image.map(|image| image.turn),
        head.image.map(|image| image.before),
        head.image.map(|image| image.file),
        head.image.map(|image| image.bytes),
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

pub(super) fn millis(at: Timestamp) -> i64 {
    signed(at.as_millis())
}

/// SQLite's integers have a sign; nothing counted here comes near it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
