//! Requests per second over HTTP, the server and a plain axum echo in turns.

use super::client::{self, Load, session_id};
use super::echo;
use super::process::Process;
use super::server::{Agent, Server};
use super::stats::Rounds;
use super::{Error, client::Target};

const ECHO: &str = env!("KELLION_ECHO_WASM");
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 9;

/// Sessions that live together: below the server's limit of 10,000.
const NEW_SESSIONS: usize = 8_000;

/// The server, and what it is compared with.
struct Pair {
    server: Server,
    agent: Agent,
    echo: (Process, String),
    _data: tempfile::TempDir,
}

impl Pair {
    /// Without durability, as the echo has none.
    fn start() -> Result<Self, Error> {
        let data = tempfile::tempdir()?;
        let configuration = "[sessions]\ndurability = \"none\"";
        let server = Server::configured(data.path(), None, configuration)?;
        let agent = server.deploy(ECHO, "echo")?;
        Ok(Self {
            server,
            agent,
            echo: echo::start()?,
            _data: data,
        })
    }
}

/// What one side does.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) per_second: Rounds,
    pub(crate) cpu_us: Rounds,
}

impl Side {
    pub(crate) async fn round(
        &mut self,
        process: &Process,
        target: &Target,
        load: Load,
        session: impl Fn(usize, usize) -> String,
    ) -> Result<f64, Error> {
        let requests = load.requests;
        let cpu = process.cpu_time();
        let took = client::run(target, &body(), load, session).await?;
        let cpu = process.cpu_time() - cpu;
        let per_second = requests as f64 / took.as_secs_f64();
        self.per_second.push(per_second);
        self.cpu_us.push(cpu.as_secs_f64() * 1e6 / requests as f64);
        Ok(per_second)
    }
}

fn load(requests: usize) -> Load {
    Load {
        connections: CONNECTIONS,
        requests,
    }
}

/// 1 KiB of JSON.
pub(crate) fn body() -> Vec<u8> {
    let mut body = vec![b'x'; 1_024];
    (body[0], body[1_023]) = (b'"', b'"');
    body
}

/// Every connection has a session of its own, which lives.
pub(crate) async fn warm_turn() -> Result<(), Error> {
    const REQUESTS: usize = 20_000;
    let pair = Pair::start()?;
    let session = |connection, _| session_id(0, connection);
    compare(&pair, REQUESTS, async |_, server, target| {
        server
            .round(&pair.server.process, target, load(REQUESTS), session)
            .await
    })
    .await
}

/// No session is invoked twice. Between rounds, unmeasured, all are stopped.
pub(crate) async fn new_session() -> Result<(), Error> {
    let pair = Pair::start()?;
    compare(&pair, NEW_SESSIONS, async |round, server, target| {
        let session = |_, number| session_id(round, number);
        let process = &pair.server.process;
        let load = load(NEW_SESSIONS);
        let per_second = server.round(process, target, load, session).await?;
        client::run(&pair.agent.stop(&pair.server), b"", load, session).await?;
        Ok(per_second)
    })
    .await
}

/// Runs both sides in turns, after a round of each that does not count, and prints what they did.
async fn compare(
    pair: &Pair,
    requests: usize,
    serve: impl AsyncFn(usize, &mut Side, &Target) -> Result<f64, Error>,
) -> Result<(), Error> {
    let targets =
        [&pair.server.address, &pair.echo.1].map(|address| pair.agent.invocations(address));
    let (mut server, mut echo, mut ratios) = (Side::default(), Side::default(), Rounds::default());
    for round in 0..=ROUNDS {
        let served = serve(round, &mut server, &targets[0]).await?;
        let session = |connection, _| session_id(0, connection);
        let echoed = echo
            .round(&pair.echo.0, &targets[1], load(requests), session)
            .await?;
        if round == 0 {
            (server, echo) = (Side::default(), Side::default());
        } else {
            ratios.push(served / echoed);
        }
    }
    println!(
        "  {CONNECTIONS} connections, 1 KiB, {ROUNDS} rounds of {requests} requests; median (least–most)"
    );
    for (name, side) in [("kellion", &server), ("echo", &echo)] {
        println!(
            "  {name:8} {:.0} requests a second, {:.1} µs of CPU each",
            side.per_second, side.cpu_us
        );
    }
    println!("  ratio    {ratios:.2}");
    // The client has a part in every request, and neighbours in every second; the servers' own time is theirs alone.
    println!(
        "  ratio of the CPU times: {:.2}",
        echo.cpu_us.median() / server.cpu_us.median()
    );
    Ok(())
}
