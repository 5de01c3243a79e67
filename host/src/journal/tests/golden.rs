//! A journal that an earlier build wrote is read by this one. A new format gets a golden journal beside this, never in its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::fixtures::*;
use crate::contract::log::Level;
use crate::contract::model::{Delta, Error as ModelError, ErrorKind, Event};
use crate::contract::session::Budget;
use crate::ids::Digest;
use crate::journal::{
    Body, Durability, Error, Imaged, Journal, Logged, Observation, Observed, Outcome, Record, Sent,
    StreamEnd, TurnFinished,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/journal-1")
}

/// Each kind of record and of observation.
fn everything() -> Vec<Record> {
    let failure = ModelError {
        kind: ErrorKind::Throttled,
        message: "slow down".to_owned(),
        retry_after_ms: Some(250),
        usage: None,
    };
    let observations = [
        Observation::Converse {
            answer: Err(failure.clone()),
        },
        Observation::ConverseStream {
            events: vec![
                (0, Event::Delta(Delta::Text("Hel".to_owned()))),
                (17, Event::BlockStop),
            ],
            end: StreamEnd::More,
        },
        Observation::ConverseStream {
            events: Vec::new(),
            end: StreamEnd::Done,
        },
        Observation::ConverseStream {
            events: Vec::new(),
            end: StreamEnd::Dropped,
        },
        Observation::ConverseStream {
            events: Vec::new(),
            end: StreamEnd::Refused {
                error: failure.clone(),
            },
        },
        Observation::ConverseStream {
            events: Vec::new(),
            end: StreamEnd::Failed { error: failure },
        },
        Observation::CountTokens { answer: Ok(42) },
        Observation::InvokeModel {
            answer: Ok(vec![0, 159, 146, 150].into()),
        },
        Observation::Remaining {
            budget: Budget {
                tokens: Some(9),
                money_micros: None,
            },
        },
    ];
    let mut records = story();
    for (call, result) in (1..).zip(observations) {
        let request = (call % 2 == 0).then(|| Digest::of(b"request"));
        records.push(Record::Observed(Box::new(Observed {
            turn: 3,
            call,
            request,
            at: NOON,
            result,
        })));
    }
    let outcomes = [
        Outcome::AgentError {
            invalid_payload: true,
            message: "not JSON".to_owned(),
            sent: Some(Sent {
                content_type: "text/plain".to_owned(),
                output: Body::from(b"half".to_vec()),
            }),
        },
        Outcome::Faulted {
            message: "trapped".to_owned(),
        },
        Outcome::Abandoned {
            message: "the turn took longer than 900 s".to_owned(),
            timed_out: true,
        },
    ];
    for (turn, outcome) in (3..).zip(outcomes) {
        if turn > 3 {
            records.push(accepted(turn, "more"));
        }
        let models = Default::default();
        let (duration_us, memory_bytes) = (1, 65_536);
        let finished = TurnFinished {
            turn,
            at: NOON,
            outcome,
            duration_us,
            memory_bytes,
            cpu_us: 0,
            limit: None,
            models,
            log: vec![Logged {
                at: NOON,
                level: Level::Warn,
                message: "mind the gap".to_owned(),
            }],
        };
        records.push(Record::TurnFinished(Box::new(finished)));
    }
    records.push(at_once(6, "at once"));
    records
}

#[tokio::test]
async fn the_golden_journal_is_read() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("bodies")).unwrap();
    let dump = fs::read_to_string(golden().join("journal.sql")).unwrap();
    place.surgery().execute_batch(&dump).unwrap();
    for body in fs::read_dir(golden().join("bodies")).unwrap() {
        let body = body.unwrap();
        fs::copy(
            body.path(),
            place.path().join("bodies").join(body.file_name()),
        )
        .unwrap();
    }
    let journal = place.open();
    let loaded = journal.load(&key(1)).await.unwrap();
    assert_eq!(loaded.answered.len(), 6);
    let live = loaded.live.unwrap();
    assert_eq!(live.image.unwrap().bytes, "memory");
    assert_eq!(plain(&live.records), whole(&[accepted(7, "after")]));
    drop(live.writer);
    let live = journal.load_whole(&key(1)).await.unwrap().live.unwrap();
    let mut records = plain(&live.records);
    let imaged = Record::Image(Imaged {
        turn: 6,
        at: at(6),
        program: "cranelift-1".to_owned(),
        state: Digest::of(b"memory"),
        bytes: 6,
    });
    assert_eq!(records.pop(), Some(accepted(7, "after")));
    assert_eq!(records.pop(), Some(imaged));
    assert_eq!(records, whole(&everything()));
    write(&live.writer, &[ended()]).await;
    let old = journal.records(&key(2), None).await.unwrap().unwrap();
    assert_eq!(plain(&old.records), whole(&[ended()]));
    assert_eq!((old.damage, old.durability), (None, Durability::Power));
    let trimmed = live_trimmed(&journal).await;
    assert_eq!(trimmed, (6, vec![Record::Started(started())]));
}

/// Where the third session was trimmed, and its records after the image.
async fn live_trimmed(journal: &Journal) -> (u64, Vec<Record>) {
    let whole = journal.load_whole(&key(3)).await;
    let Err(Error::Trimmed { first, .. }) = whole else {
        panic!("{whole:?}");
    };
    let live = live(journal, &key(3)).await;
    assert_eq!((live.turns, live.image.unwrap().turn), (2, 2));
    (first.number(), plain(&live.records))
}

/// `cargo test --release --lib write_the_golden_journal -- --ignored`, once for each format.
#[tokio::test]
#[ignore = "writes into the source tree"]
async fn write_the_golden_journal() {
    let place = Place::new();
    let journal = place.open();
    let trimmed = begin(&journal, &key(3)).await;
    write(&trimmed, &turns(1..=2)).await;
    keep(&trimmed, 2, "the rest").await;
    let later = at(2) + Duration::from_secs(86_401);
    assert_eq!(journal.compact(later).await.unwrap().trimmed, 4);
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &everything()).await;
    keep(&writer, 6, "memory").await;
    write(&writer, &[accepted(7, "after")]).await;
    let power = journal.begin(&key(2), started(), Durability::Power).await;
    write(&power.unwrap(), &[ended()]).await;
    journal.close().await;
    fs::write(golden().join("journal.sql"), dump(&place.surgery())).unwrap();
    fs::remove_dir_all(golden().join("bodies")).unwrap();
    fs::create_dir_all(golden().join("bodies")).unwrap();
    for body in place.bodies() {
        fs::copy(
            &body,
            golden().join("bodies").join(body.file_name().unwrap()),
        )
        .unwrap();
    }
}

fn dump(connection: &Connection) -> String {
    let layout: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let mut dump = format!("PRAGMA user_version = {layout};\n");
    let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let mut statement = connection.prepare(schema).unwrap();
    for sql in statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap()
    {
        dump += &format!("{};\n", sql.unwrap());
    }
    for (table, order) in [
        ("sessions", "id"),
        ("doomed", "rowid"),
        ("records", "id"),
        ("turns", "session, turn"),
    ] {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))
            .unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|column| literal(row.get(column).unwrap()))
                .collect();
            dump += &format!("INSERT INTO {table} VALUES ({});\n", values.join(", "));
        }
    }
    dump
}

fn literal(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => format!("x'{}'", crate::journal::chain::hex(&bytes)),
        Value::Real(_) => unreachable!("the tables have no reals"),
    }
}
