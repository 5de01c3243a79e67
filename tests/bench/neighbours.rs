//! What a session notices of its neighbours: turns that are due at set times, alone and beside sessions that do their worst.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Error;
use super::client::{Connection, session_id};
use super::hostile::{self, Hostile};
use super::open_loop::{self, Schedule};
use super::server::{Agent, Apart, Server};
use super::stats::{Rounds, percentile};
use super::throughput::body;

const ECHO: &str = env!("KELLION_ECHO_WASM");
const PROBE: &str = env!("KELLION_PROBE_WASM");

/// Nobody is refused, and no turn ends by itself.
const CONFIGURATION: &str = "[sandbox]\nturn_cpu_ms = 36000000\n\
    [sessions]\ndurability = \"none\"\ncomputing_turns = 100000\n";

/// Until what begins has begun.
const SETTLE: Duration = Duration::from_millis(1_500);

struct Stage {
    server: Server,
    echo: Agent,
    waiter: Agent,
    probe: Agent,
    data: tempfile::TempDir,
    _apart: Apart,
}

impl Stage {
    fn start() -> Result<Self, Error> {
        let data = tempfile::tempdir()?;
        let (server, apart) = Server::apart(data.path(), CONFIGURATION)?;
        Ok(Self {
            echo: server.deploy(ECHO, "echo")?,
            waiter: server.deploy(PROBE, "waiter")?,
            probe: server.deploy(PROBE, "probe")?,
            server,
            data,
            _apart: apart,
        })
    }

    fn deploy(&self, component: &[u8], name: &str) -> Result<Agent, Error> {
        let file = self.data.path().join(format!("{name}.wasm"));
        std::fs::write(&file, component)?;
        self.server.deploy(&file.display().to_string(), name)
    }

    fn spinners(&self, count: usize) -> Hostile {
        Hostile::endless(&self.server, &self.probe, r#"{"do":"spin"}"#, count)
    }

    /// Median and 99th percentile of echoes, in milliseconds.
    async fn echoes(&self, seconds: f64, round: usize) -> Result<(f64, f64), Error> {
        self.victim(&self.echo, &body(), seconds, round).await
    }

    /// The same of turns that wait for 50 ms, as for a model.
    async fn waits(&self, seconds: f64, round: usize) -> Result<(f64, f64), Error> {
        const BODY: &[u8] = br#"{"do":"sleep","ms":50}"#;
        self.victim(&self.waiter, BODY, seconds, 1_000 + round)
            .await
    }

    async fn victim(
        &self,
        agent: &Agent,
        body: &[u8],
        seconds: f64,
        round: usize,
    ) -> Result<(f64, f64), Error> {
        const PER_SECOND: f64 = 300.0;
        let target = agent.invocations(&self.server.address);
        let schedule = Schedule {
            per_second: PER_SECOND,
            requests: (PER_SECOND * seconds) as usize,
            connections: 32,
            round,
        };
        let mut outcome = open_loop::run(&target, body, schedule).await?;
        if outcome.failed + outcome.refused.len() > 0 {
            let (failed, refused) = (outcome.failed, outcome.refused.len());
            return Err(format!("{failed} echoes failed and {refused} were refused").into());
        }
        Ok((outcome.good_at(50.0), outcome.good_at(99.0)))
    }
}

pub(crate) async fn run() -> Result<(), Error> {
    println!(
        "  The server has one core, and the client the others; latencies count from when a request was due."
    );
    let stage = Stage::start()?;
    spinning(&stage).await?;
    computing(&stage).await?;
    others(&stage).await
}

/// N1: a victim that hardly computes, and neighbours that do nothing else.
async fn spinning(stage: &Stage) -> Result<(), Error> {
    const COUNTS: [usize; 3] = [8, 64, 512];
    const ROUNDS: usize = 5;
    const SECONDS: f64 = 2.0;
    let mut alone = [const { Alone::new() }; 2];
    let mut beside = [const { [const { Beside::new() }; 2] }; 3];
    for round in 0..=ROUNDS {
        for (count, beside) in COUNTS.into_iter().zip(&mut beside) {
            let before = [
                stage.echoes(SECONDS / 2.0, 2 * round).await?,
                stage.waits(SECONDS / 2.0, 2 * round).await?,
            ];
            let neighbours = stage.spinners(count);
            tokio::time::sleep(SETTLE).await;
            let after = [
                stage.echoes(SECONDS, 2 * round + 1).await?,
                stage.waits(SECONDS, 2 * round + 1).await?,
            ];
            drop(neighbours);
            if round == 0 {
                continue;
            }
            for victim in 0..2 {
                let ((median_alone, p99_alone), (median, p99)) = (before[victim], after[victim]);
                alone[victim].median.push(median_alone);
                alone[victim].p99.push(p99_alone);
                beside[victim].median.push(median);
                beside[victim].p99.push(p99);
                beside[victim].ratio.push(p99 / p99_alone);
            }
        }
    }
    println!("  N1: turns beside spinning sessions, ms; {ROUNDS} rounds; median (least–most)");
    for (victim, name) in [(1, "wait 50 ms, as for a model"), (0, "echo")] {
        let Alone { median, p99 } = &alone[victim];
        println!("    {name}: alone     median {median:.2}, p99 {p99:.2}");
        for (count, beside) in COUNTS.iter().zip(&beside) {
            let Beside { median, p99, ratio } = &beside[victim];
            println!(
                "      {count:3} spin  median {median:.2}, p99 {p99:.2}; ratio of the p99 {ratio:.2}"
            );
        }
    }
    Ok(())
}

/// A victim by itself.
struct Alone {
    median: Rounds,
    p99: Rounds,
}

impl Alone {
    const fn new() -> Self {
        Self {
            median: Rounds::new(),
            p99: Rounds::new(),
        }
    }
}

/// A victim and its neighbours.
struct Beside {
    median: Rounds,
    p99: Rounds,
    ratio: Rounds,
}

impl Beside {
    const fn new() -> Self {
        Self {
            median: Rounds::new(),
            p99: Rounds::new(),
            ratio: Rounds::new(),
        }
    }
}

/// N2: a victim that computes, and its share of the cores.
async fn computing(stage: &Stage) -> Result<(), Error> {
    const WORK_MS: f64 = 20.0;
    const COUNTS: [(usize, usize); 3] = [(8, 24), (64, 8), (512, 2)];
    let target = stage.probe.invocations(&stage.server.address);
    let turns = async |rounds: f64, count: usize| -> Result<Vec<f64>, Error> {
        let body =
            format!(r#"{{"do":"after","rounds":{rounds:.0},"then":{{"do":"echo","value":1}}}}"#);
        let mut connection = Connection::open(&target, body.as_bytes()).await?;
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            connection.send(&session_id(8_000_000, 0)).await?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    };
    const TRIAL: f64 = 2e7;
    let mut trial = turns(TRIAL, 9).await?;
    let rounds = TRIAL * WORK_MS / percentile(&mut trial, 50.0);
    let alone = percentile(&mut turns(rounds, 24).await?, 50.0);
    println!("  N2: turns of {alone:.1} ms of computing beside spinning sessions");
    for (count, samples) in COUNTS {
        let neighbours = stage.spinners(count);
        tokio::time::sleep(SETTLE).await;
        let took = turns(rounds, samples).await;
        drop(neighbours);
        let mut took = took?;
        let fair = alone * (count as f64 + 1.0);
        let (median, p99) = (percentile(&mut took, 50.0), percentile(&mut took, 99.0));
        println!(
            "    {count:3} spin  fair {fair:.0} ms, median {median:.0} ms, worst {p99:.0} ms; worst to fair {:.2}, \
             efficiency {:.2}",
            p99 / fair,
            fair / median
        );
    }
    Ok(())
}

/// N3: other ways to be a bad neighbour.
async fn others(stage: &Stage) -> Result<(), Error> {
    const ROUNDS: usize = 3;
    const SECONDS: f64 = 1.5;
    let copier = stage.deploy(&hostile::copier(), "copier")?;
    let talker = stage.deploy(&hostile::talker(), "talker")?;
    let (server, probe, folder) = (&stage.server, &stage.probe, stage.data.path());
    type Start<'a> = Box<dyn Fn() -> Hostile + 'a>;
    let flood =
        |deed: &'static str| -> Start<'_> { Box::new(move || Hostile::flood(server, probe, deed)) };
    let kinds: [(&str, Start<'_>); 7] = [
        (
            "memory touched, 64 MiB a turn",
            flood(r#"{"do":"fill","mib":64}"#),
        ),
        (
            "memory.copy of 32 MiB",
            Box::new(|| Hostile::endless(server, &copier, "{}", 8)),
        ),
        (
            "log lines without end",
            Box::new(|| Hostile::endless(server, &talker, "{}", 8)),
        ),
        ("random numbers", flood(r#"{"do":"random"}"#)),
        (
            "1,000 new sessions/s that trap",
            Box::new(|| Hostile::sessions(server, probe, r#"{"do":"trap"}"#, 1_000)),
        ),
        (
            "64 who read nothing of 8 MB",
            Box::new(|| {
                let body = r#"{"do":"large","bytes":8000000}"#;
                Hostile::slow_readers(server, probe, body, 64)
            }),
        ),
        (
            "large components deployed",
            Box::new(|| Hostile::bombs(server, Path::new(folder))),
        ),
    ];
    println!(
        "  N3: turns that wait 50 ms, and echoes, beside other neighbours, p99 in ms; {ROUNDS} rounds"
    );
    for (name, start) in &kinds {
        let [mut waits, mut echoes] = [const { Beside::new() }; 2];
        for round in 0..ROUNDS {
            let (_, waits_alone) = stage.waits(SECONDS / 2.0, 100 + 2 * round).await?;
            let (_, echoes_alone) = stage.echoes(SECONDS / 2.0, 100 + 2 * round).await?;
            let neighbours = start();
            tokio::time::sleep(SETTLE / 3).await;
            let beside = async {
                let waits = stage.waits(SECONDS, 101 + 2 * round).await?;
                let echoes = stage.echoes(SECONDS, 101 + 2 * round).await?;
                Ok::<_, Error>((waits.1, echoes.1))
            };
            let beside = beside.await;
            drop(neighbours);
            let (wait, echo) = beside?;
            waits.p99.push(wait);
            waits.ratio.push(wait / waits_alone);
            echoes.p99.push(echo);
            echoes.ratio.push(echo / echoes_alone);
        }
        println!(
            "    {name:30} {:.1}, ratio {:.2}; echoes {:.2}, ratio {:.2}",
            waits.p99, waits.ratio, echoes.p99, echoes.ratio
        );
    }
    Ok(())
}
