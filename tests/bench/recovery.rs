//! Sessions that rest: what they cost in memory, and how soon a server serves them after it was killed.

use std::time::{Duration, Instant};

use super::Error;
use super::client::{self, Connection, Load, session_id};
use super::server::Server;
use super::stats::Rounds;

const SESSIONS: [usize; 2] = [10_000, 50_000];
const ROUNDS: usize = 5;

pub(crate) async fn run() -> Result<(), Error> {
    for sessions in SESSIONS {
        one(sessions).await?;
    }
    Ok(())
}

async fn one(sessions: usize) -> Result<(), Error> {
    let data = tempfile::tempdir()?;
    let configuration = "[sessions]\nhibernate_seconds = 1";
    let mut server = Server::configured(data.path(), None, configuration)?;
    let agent = server.deploy(env!("KELLION_TUTORIAL_WASM"), "tutorial")?;
    let body = br#"{"user_id":1,"prompt":"How is the weather?"}"#;
    let mut target = agent.invocations(&server.address);
    let load = Load {
        connections: 32,
        requests: sessions,
    };
    client::run(
        &target,
        body,
        Load {
            requests: 1,
            ..load
        },
        |_, _| session_id(1, 0),
    )
    .await?;
    rest(&server).await?;
    let before = server.process.memory()?;
    client::run(&target, body, load, |_, number| session_id(0, number)).await?;
    rest(&server).await?;
    let after = server.process.memory()?;
    println!(
        "  {sessions:6} sessions at rest: {:.2} KiB resident each",
        (after.resident - before.resident) / sessions as f64
    );

    let mut first = Rounds::new();
    let mut fresh = Rounds::new();
    for round in 0..ROUNDS {
        drop(server);
        let began = Instant::now();
        server = Server::configured(data.path(), None, configuration)?;
        target = agent.invocations(&server.address);
        let mut connection = Connection::open(&target, body).await?;
        connection.send(&session_id(0, round)).await?;
        first.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        connection.send(&session_id(2, round)).await?;
        fresh.push(began.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "  {sessions:6} sessions in the journal: {first:.1} ms from the start after kill -9 to the answer of one of them, {fresh:.1} ms for a new one then; median (least–most) of {ROUNDS}"
    );
    Ok(())
}

/// Waits until the server's memory has not shrunk for two seconds: everybody who can has left.
async fn rest(server: &Server) -> Result<(), Error> {
    let mut calm = 0;
    let mut least = f64::INFINITY;
    while calm < 8 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let resident = server.process.memory()?.resident;
        calm = if resident < least - 64.0 { 0 } else { calm + 1 };
        least = least.min(resident);
    }
    Ok(())
}
