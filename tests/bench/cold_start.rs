//! From "a session is wanted" to its first answer, and what it then holds in memory: the tutorial's agent here and as a
//! Python process of the AgentCore SDK, both with the same stand-in for Bedrock.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Error;
use super::client::{Connection, Target, session_id};
use super::process::Memory;
use super::python::Python;
use super::server::{Agent, Server};
use super::stand_in::StandIn;
use super::stats::{Rounds, percentile};

const TUTORIAL: &str = env!("KELLION_TUTORIAL_WASM");
const PAYLOAD: &[u8] = br#"{"user_id":1,"prompt":"How is the weather?"}"#;
const ROUNDS: usize = 5;
const SESSIONS: usize = 200;

pub(crate) async fn run() -> Result<(), Error> {
    let python = Python::prepare()?;
    let bedrock = StandIn::start().await;
    let data = tempfile::tempdir()?;
    let server = Server::start(data.path(), Some(bedrock.endpoint()))?;
    let agent = server.deploy(TUTORIAL, "tutorial")?;
    // Not counted: Python writes its bytecode, and the server's client for Bedrock reads its certificates.
    process(&python, bedrock.endpoint()).await?;
    sessions(&server, &agent, 0).await?;

    let [mut session_ms, mut session_kib] = [const { Rounds::new() }; 2];
    let [mut start_ms, mut python_ms, mut python_kib] = [const { Rounds::new() }; 3];
    let [mut faster, mut smaller] = [const { Rounds::new() }; 2];
    for round in 1..=ROUNDS {
        let (session, each_kib) = sessions(&server, &agent, round).await?;
        let (start, _) = from_nothing(data.path(), &agent, bedrock.endpoint()).await?;
        let (process, memory) = process(&python, bedrock.endpoint()).await?;
        session_ms.push(session * 1e3);
        session_kib.push(each_kib);
        start_ms.push(start * 1e3);
        python_ms.push(process * 1e3);
        python_kib.push(memory.private);
        faster.push(process / session);
        smaller.push(memory.private / each_kib);
    }
    println!("  to the first answer, ms; {ROUNDS} rounds; median (least–most)");
    println!(
        "    a session of a running server  {session_ms:.2}  (median of {SESSIONS} in each round)"
    );
    println!("    a server and its first session {start_ms:.0}");
    println!("    a Python process               {python_ms:.0}");
    println!("    ratio Python to session        {faster:.0}");
    println!("  private memory, KiB");
    println!("    a session                      {session_kib:.0}");
    println!("    a Python process               {python_kib:.0}");
    println!("    ratio                          {smaller:.0}");
    Ok(())
}

/// New sessions, one after another: the median of the time to the first answer, in seconds, and private memory of each.
async fn sessions(server: &Server, agent: &Agent, round: usize) -> Result<(f64, f64), Error> {
    let mut connection = Connection::open(&agent.invocations(&server.address), PAYLOAD).await?;
    let before = server.process.memory()?.private;
    let mut took = Vec::with_capacity(SESSIONS);
    for number in 0..SESSIONS {
        let began = Instant::now();
        check(connection.send(&session_id(round, number)).await?)?;
        took.push(began.elapsed().as_secs_f64());
    }
    let after = server.process.memory()?.private;
    Ok((
        percentile(&mut took, 50.0),
        (after - before) / SESSIONS as f64,
    ))
}

/// A server that finds its agent deployed, from the start of its process to the first answer, in seconds.
async fn from_nothing(data: &Path, agent: &Agent, bedrock: &str) -> Result<(f64, Memory), Error> {
    // A copy: a data directory has one server at a time.
    let copy = tempfile::tempdir()?;
    copy_folder(data, copy.path())?;
    let began = Instant::now();
    let server = Server::start(copy.path(), Some(bedrock))?;
    first_answer(&agent.invocations(&server.address)).await?;
    Ok((began.elapsed().as_secs_f64(), server.process.memory()?))
}

/// A Python process, from its start to its first answer, in seconds.
async fn process(python: &Python, bedrock: &str) -> Result<(f64, Memory), Error> {
    let began = Instant::now();
    let (process, target) = python.start(bedrock)?;
    first_answer(&target).await?;
    Ok((began.elapsed().as_secs_f64(), process.memory()?))
}

/// Asks as soon as somebody listens.
async fn first_answer(target: &Target) -> Result<(), Error> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let began = Instant::now();
    let mut connection = loop {
        match Connection::open(target, PAYLOAD).await {
            Ok(connection) => break connection,
            Err(error)
                if error.kind() == ErrorKind::ConnectionRefused && began.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    check(connection.send(&session_id(0, 0)).await?)
}

/// Both say what the stand-in said.
fn check(answer: &[u8]) -> Result<(), Error> {
    let answer = String::from_utf8_lossy(answer);
    if answer.contains("You said: My name is Maira.") {
        Ok(())
    } else {
        Err(format!("not the expected answer: {answer}").into())
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
