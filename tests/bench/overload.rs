//! More turns than the machine can take: what is still answered, how quickly the rest is refused, and how soon it is over.

use super::Error;
use super::client::{self, Load, session_id};
use super::open_loop::{self, Schedule};
use super::server::Server;
use super::stats::{Rounds, percentile};

const PROBE: &str = env!("KELLION_PROBE_WASM");
const CONNECTIONS: usize = 512;
const ROUNDS: usize = 3;
const SECONDS: f64 = 3.0;

/// N5.
pub(crate) async fn run() -> Result<(), Error> {
    const CONFIGURATION: &str = "[sessions]\ndurability = \"none\"\nmax_turns = 64\n";
    // About 5 ms of computing, so that the client is not what is overloaded.
    const BODY: &[u8] = br#"{"do":"after","rounds":5000000,"then":{"do":"echo","value":1}}"#;
    let data = tempfile::tempdir()?;
    let (server, _apart) = Server::apart(data.path(), CONFIGURATION)?;
    let agent = server.deploy(PROBE, "probe")?;
    let target = agent.invocations(&server.address);
    let closed = async |connections: usize, requests: usize| -> Result<f64, Error> {
        let load = Load {
            connections,
            requests,
        };
        let took = client::run(&target, BODY, load, |connection, _| {
            session_id(0, connection)
        });
        Ok(requests as f64 / took.await?.as_secs_f64())
    };
    println!("  The server has one core, and the client the others.");
    closed(16, 100).await?;
    let peak = closed(16, 600).await?;
    println!("  most in a closed loop of 16: {peak:.0} turns a second");
    let schedule = |factor: f64, round| Schedule {
        per_second: peak * factor,
        requests: (peak * factor * SECONDS) as usize,
        connections: CONNECTIONS,
        round,
    };
    let calm = async |round| -> Result<f64, Error> {
        let schedule = Schedule {
            connections: 16,
            requests: (peak * 0.3) as usize,
            ..schedule(0.3, round)
        };
        Ok(open_loop::run(&target, BODY, schedule).await?.good_at(99.0))
    };
    println!(
        "  N5: an open loop over at most {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s; median (least–most)"
    );
    for factor in [1.0, 2.0, 10.0] {
        let [mut goodput, mut refused, mut calmed] = [const { Rounds::new() }; 3];
        let mut quick = [const { Rounds::new() }; 2];
        let mut failed = 0;
        for round in 0..ROUNDS {
            let before = calm(1 + round).await?;
            let mut outcome = open_loop::run(&target, BODY, schedule(factor, 10 + round)).await?;
            let after = calm(20 + round).await?;
            goodput.push(outcome.goodput / peak);
            refused.push(outcome.refused.len() as f64 / (peak * factor * SECONDS));
            if !outcome.refused.is_empty() {
                quick[0].push(percentile(&mut outcome.refused, 50.0));
                quick[1].push(percentile(&mut outcome.refused, 99.0));
            }
            calmed.push(after / before);
            failed += outcome.failed;
        }
        println!(
            "    {factor:2.0}× offered: good {goodput:.2} of the most, {refused:.2} refused, in {:.1} ms (p99 {:.1}), \
             {failed} failed; in the second after it p99 {calmed:.2} of that before",
            quick[0], quick[1]
        );
    }
    Ok(())
}
