//! Sessions and records to write, and a folder to write them in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::clock::{ManualClock, Timestamp};
use crate::contract::model::{Content, Response, StopReason, Usage};
use crate::contract::types::Context;
use crate::ids::{AgentKey, Digest, InvocationId, SessionKey};
use crate::journal::sqlite::Sqlite;
use crate::journal::sqlite::testing::{TestDisk, TestRealDisk};
use crate::journal::{
    Body, Config, Durability, Ended, Error, History, Image, Journal, Limits, ModelUse, Observation,
    Observed, Outcome, Record, Seed, Sequenced, Started, Turn, TurnAccepted, TurnFinished, Writer,
};

/// When everything begins.
pub(super) const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A folder with a journal in it, and the clock of that journal.
pub(super) struct Place {
    pub(super) directory: TempDir,
    pub(super) config: Config,
    pub(super) clock: ManualClock,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            config: Config {
                inline_kib: 4,
                ..Config::default()
            },
            clock: ManualClock::new(NOON),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    pub(super) fn open(&self) -> Journal {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Journal, Error> {
        Journal::open(&self.path(), &self.config, Arc::new(self.clock.clone()))
    }

    /// A journal whose writer thread can be visited.
    pub(super) fn open_store(&self) -> (Journal, Arc<Sqlite>) {
        self.open_on(Arc::new(TestRealDisk))
    }

    pub(super) fn open_on(&self, disk: Arc<dyn TestDisk>) -> (Journal, Arc<Sqlite>) {
        let store = Arc::new(Sqlite::open_with(&self.path(), &self.config, disk).unwrap());
        let clock = Arc::new(self.clock.clone());
        let journal = Journal::over(Arc::clone(&store) as _, &self.config, clock);
        (journal, store)
    }

    /// A connection to the database behind the journal's back.
    pub(super) fn surgery(&self) -> Connection {
        Connection::open(self.path().join("journal.db")).unwrap()
    }

    /// How many files there are, and how many are named.
    pub(super) fn files(&self) -> (usize, usize) {
        let named = "SELECT count(*) FROM (SELECT file FROM records WHERE file IS NOT NULL UNION \
                     SELECT image_file FROM sessions WHERE image_file IS NOT NULL)";
        let named: i64 = self
            .surgery()
            .query_row(named, [], |row| row.get(0))
            .unwrap();
        (self.bodies().len(), usize::try_from(named).unwrap())
    }

    pub(super) fn bodies(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join("bodies")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

pub(super) fn key(number: u64) -> SessionKey {
    SessionKey {
        agent: AgentKey {
            tenant: "123456789012".parse().unwrap(),
            agent: "support-Ab12Cd34Ef".parse().unwrap(),
        },
        session: format!("session-{number:032}").parse().unwrap(),
    }
}

pub(super) fn started() -> Started {
    Started {
        seed: Seed([7; 32]),
        version: "3".parse().unwrap(),
        artifact: Digest::of(b"component"),
        principal: Some("arn:aws:iam::123456789012:user/ada".to_owned()),
        user: None,
        at: NOON,
        limits: Limits { memory_mib: 256 },
        forked: None,
    }
}

pub(super) fn invocation(number: u64) -> InvocationId {
    format!("retry/{number}").parse().unwrap()
}

pub(super) fn at(turn: u64) -> Timestamp {
    NOON + Duration::from_secs(turn)
}

pub(super) fn accepted(turn: u64, payload: impl Into<Vec<u8>>) -> Record {
    Record::TurnAccepted(Box::new(TurnAccepted {
        turn,
        request: format!("request-{turn}").parse().unwrap(),
        invocation: Some(invocation(turn)),
        at: at(turn),
        payload: Body::from(payload.into()),
        context: Context {
            session_id: key(1).session.to_string(),
            request_id: format!("request-{turn}"),
            turn,
            agent_name: "support".to_owned(),
            agent_version: "3".to_owned(),
            endpoint: "DEFAULT".to_owned(),
            tenant_id: "123456789012".to_owned(),
            user_id: None,
            headers: Vec::new(),
            content_type: Some("application/json".to_owned()),
            accept: None,
            deadline_ms: Some(at(turn).as_millis() + 900_000),
            traceparent: None,
        },
    }))
}

pub(super) fn observed(turn: u64, call: u32, text: &str) -> Record {
    Record::Observed(Box::new(Observed {
        turn,
        call,
        request: Some(Digest::of(text.as_bytes())),
        at: at(turn),
        result: Observation::Converse {
            answer: Ok(Response {
                content: vec![Content::Text(text.to_owned())],
                stop_reason: StopReason::EndTurn,
                usage: Usage {
                    input_tokens: 3,
                    output_tokens: u64::MAX,
                    cache_read_tokens: 0,
                    cache_write_tokens: 0,
                },
                latency_ms: 12,
                model: "offline".to_owned(),
                extra: None,
            }),
        },
    }))
}

/// A turn that is written when it is over.
pub(super) fn at_once(turn: u64, output: impl Into<Vec<u8>>) -> Record {
    let (Record::TurnAccepted(accepted), Record::TurnFinished(finished)) =
        (accepted(turn, "at once"), finished(turn, output))
    else {
        unreachable!("as their names say");
    };
    Record::Turn(Box::new(Turn {
        accepted: *accepted,
        finished: *finished,
    }))
}

pub(super) fn finished(turn: u64, output: impl Into<Vec<u8>>) -> Record {
    Record::TurnFinished(Box::new(TurnFinished {
        turn,
        at: at(turn),
        outcome: Outcome::Answered {
            content_type: "application/json".to_owned(),
            streamed: false,
            output: Body::from(output.into()),
        },
        duration_us: 1_234,
        memory_bytes: 1 << 20,
        cpu_us: 0,
        limit: None,
        models: ModelUse {
            calls: 1,
            input_tokens: 3,
            output_tokens: 5,
        },
        log: Vec::new(),
    }))
}

pub(super) fn image(turn: u64, bytes: impl Into<Vec<u8>>) -> Image {
    Image {
        turn,
        at: at(turn),
        program: "cranelift-1".to_owned(),
        bytes: bytes.into().into(),
    }
}

/// Keeps an image and waits.
pub(super) async fn keep(writer: &Writer, turn: u64, bytes: impl Into<Vec<u8>>) {
    let pending = writer.keep_image(image(turn, bytes)).await.unwrap();
    pending.durable().await.unwrap();
}

/// Whole turns, each with its number as payload and answer.
pub(super) fn turns(range: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    range
        .flat_map(|turn| {
            [
                accepted(turn, turn.to_string()),
                finished(turn, turn.to_string()),
            ]
        })
        .collect()
}

pub(super) fn ended() -> Record {
    Record::Ended(Ended {
        reason: "stopped".to_owned(),
        at: at(0),
    })
}

/// Appends and waits.
pub(super) async fn write(writer: &Writer, records: &[Record]) {
    let mut pending = Vec::new();
    for record in records {
        pending.push(writer.append(record).await.unwrap());
    }
    for pending in pending {
        pending.durable().await.unwrap();
    }
}

/// A session with two finished turns and an open one: seven records, one of them in a file.
pub(super) fn story() -> Vec<Record> {
    vec![
        accepted(1, "one"),
        observed(1, 1, "first"),
        finished(1, "eins"),
        accepted(2, [0xff, 0xfe, 0x00]),
        finished(2, "z".repeat(20_000)),
        accepted(3, "three"),
    ]
}

pub(super) async fn begin(journal: &Journal, key: &SessionKey) -> Writer {
    journal
        .begin(key, started(), Durability::Process)
        .await
        .unwrap()
}

pub(super) fn plain(records: &[Sequenced<Record>]) -> Vec<Record> {
    records.iter().map(|record| record.record.clone()).collect()
}

/// What a load must give: the start, and these.
pub(super) fn whole(records: &[Record]) -> Vec<Record> {
    std::iter::once(Record::Started(started()))
        .chain(records.iter().cloned())
        .collect()
}

/// Returns when the writer has also done what it does after it has answered.
pub(super) async fn settled(journal: &Journal) {
    assert!(journal.load(&key(999)).await.unwrap().live.is_none());
}

/// An open session as a load gives it.
pub(super) async fn live(journal: &Journal, key: &SessionKey) -> History {
    let loaded = journal.load(key).await.unwrap();
    loaded.live.expect("the session is open")
}

/// All records of an open session.
pub(super) async fn load(journal: &Journal, key: &SessionKey) -> Result<Vec<Record>, Error> {
    let loaded = journal.load(key).await?;
    Ok(plain(&loaded.live.expect("the session is open").records))
}
