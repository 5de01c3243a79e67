//! What it costs to write sessions down.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::future::try_join_all;

use kellion_host::clock::{Clock, SystemClock};
use kellion_host::ids::{AgentKey, Digest, SessionKey};
use kellion_host::journal::{
    Body, Config, Durability, Journal, Limits, Observation, Observed, Record, Seed, Started,
    TurnAccepted, Writer,
};
use rusqlite::Connection;

use super::cells;
use super::client::{Load, session_id};
use super::server::{Agent, Server};
use super::stats::Rounds;
use super::throughput::{Side, body};
use super::{Error, client::Target};

const ROUNDS: usize = 9;
const LEVELS: [&str; 3] = ["none", "process", "power"];

/// Turns over as many connections as are asked for in the promise.
pub(crate) async fn turns() -> Result<(), Error> {
    const LOAD: Load = Load {
        connections: 64,
        requests: 10_000,
    };
    let mut servers = Vec::new();
    for level in LEVELS {
        servers.push(start(level)?);
    }
    let mut sides: Vec<Side> = LEVELS.iter().map(|_| Side::default()).collect();
    let mut ratios: Vec<Rounds> = LEVELS.iter().map(|_| Rounds::default()).collect();
    for round in 0..=ROUNDS {
        let mut first = None;
        for (index, (_, server, target, _)) in servers.iter().enumerate() {
            let session = |connection, _| session_id(0, connection);
            let process = &server.process;
            let served = sides[index].round(process, target, LOAD, session).await?;
            let none = *first.get_or_insert(served);
            ratios[index].push(served / none);
        }
        if round == 0 {
            sides = LEVELS.iter().map(|_| Side::default()).collect();
            ratios = LEVELS.iter().map(|_| Rounds::default()).collect();
        }
    }
    println!(
        "  {} connections, 1 KiB, {ROUNDS} rounds of {} requests; median (least–most)",
        LOAD.connections, LOAD.requests
    );
    for ((level, side), ratio) in LEVELS.iter().zip(&sides).zip(&ratios) {
        println!(
            "  {level:8} {:.0} turns a second, {:.1} µs of CPU each; ratio {ratio:.2}",
            side.per_second, side.cpu_us
        );
    }
    Ok(())
}

fn start(level: &str) -> Result<(tempfile::TempDir, Server, Target, Agent), Error> {
    let data = tempfile::tempdir()?;
    let configuration = format!("[sessions]\ndurability = {level:?}");
    let server = Server::configured(data.path(), None, &configuration)?;
    let agent = server.deploy(env!("KELLION_ECHO_WASM"), "echo")?;
    let target = agent.invocations(&server.address);
    Ok((data, server, target, agent))
}

const WRITERS: u64 = 64;
const APPENDS: usize = 200;

/// Records of 1 KiB from many sessions at a time, each of which waits for its own; and rows of the same size in
/// transactions as large as the journal's can become here.
pub(crate) async fn appends() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let (mut journal, mut raw, mut ratio) = (Rounds::new(), Rounds::new(), Rounds::new());
    for round in 0..=ROUNDS {
        let written = journaled(&folder.path().join(format!("journal-{round}"))).await?;
        let alone = alone(&folder.path().join(format!("raw-{round}.db")))?;
        if round > 0 {
            journal.push(written);
            raw.push(alone);
            ratio.push(written / alone);
        }
    }
    println!(
        "  {WRITERS} sessions, 1 KiB, durability process, {ROUNDS} rounds of {}; median (least–most)",
        WRITERS as usize * APPENDS
    );
    println!("  journal  {journal:.0} durable appends a second");
    println!("  SQLite   {raw:.0} rows a second, {WRITERS} in each transaction");
    println!("  ratio    {ratio:.2}");
    Ok(())
}

async fn journaled(directory: &Path) -> Result<f64, Error> {
    let journal = Journal::open(directory, &Config::default(), Arc::new(SystemClock))?;
    let begun = (0..WRITERS).map(|number| begin(&journal, number));
    let writers = try_join_all(begun).await?;
    let began = Instant::now();
    try_join_all(writers.iter().map(append)).await?;
    let took = began.elapsed();
    journal.close().await;
    Ok((WRITERS as usize * APPENDS) as f64 / took.as_secs_f64())
}

async fn begin(journal: &Journal, number: u64) -> Result<Writer, Error> {
    let key = SessionKey {
        agent: AgentKey {
            tenant: "000000000000".parse()?,
            agent: "bench-0123456789".parse()?,
        },
        session: session_id(0, number as usize).parse()?,
    };
    let at = SystemClock.now();
    let started = Started {
        seed: Seed([0; 32]),
        version: "1".parse()?,
        artifact: Digest::of(b""),
        principal: None,
        user: None,
        at,
        limits: Limits { memory_mib: 256 },
        forked: None,
    };
    let writer = journal.begin(&key, started, Durability::Process).await?;
    let accepted = TurnAccepted {
        turn: 1,
        request: "request".parse()?,
        invocation: None,
        at,
        payload: Body::from(Vec::new()),
        context: cells::context(),
    };
    let accepted = Record::TurnAccepted(Box::new(accepted));
    writer.append(&accepted).await?.durable().await?;
    Ok(writer)
}

async fn append(writer: &Writer) -> Result<(), Error> {
    for call in 1..=APPENDS {
        let observed = Record::Observed(Box::new(Observed {
            turn: 1,
            call: call as u32,
            request: None,
            at: SystemClock.now(),
            result: Observation::InvokeModel {
                answer: Ok(body().into()),
            },
        }));
        writer.append(&observed).await?.durable().await?;
    }
    Ok(())
}

fn alone(path: &Path) -> Result<f64, Error> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    database.execute_batch("CREATE TABLE records (id INTEGER PRIMARY KEY, text TEXT)")?;
    let text = String::from_utf8(body())?;
    let began = Instant::now();
    for _ in 0..APPENDS {
        database.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..WRITERS {
            database
                .prepare_cached("INSERT INTO records (text) VALUES (?)")?
                .execute([&text])?;
        }
        database.execute_batch("COMMIT")?;
    }
    let took = began.elapsed();
    Ok((WRITERS as usize * APPENDS) as f64 / took.as_secs_f64())
}
