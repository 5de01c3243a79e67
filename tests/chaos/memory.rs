//! A machine that has no memory left for the server: it may die of that, and loses nothing of what it acknowledged.

use std::fs;
use std::sync::Arc;

use super::afterwards::examine_starved;
use super::callers::Caller;
use super::dice::Dice;
use super::history::{Deed, History};
use super::sweep::{death, lives};
use crate::harness::{Host, PROBE};
use crate::stand_in::StandIn;

/// How often memory is taken away.
const ROUNDS: u64 = 6;

/// Bytes of memory of its own that the server has.
fn data(host: &Host) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB").parse::<u64>();
    kib.unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_the_server_may_die_and_loses_nothing_that_it_acknowledged() {
    let mut dice = Dice::of("memory");
    let bedrock = Arc::new(StandIn::start().await);
    let builder = Host::builder().bedrock(&bedrock);
    let mut host = builder.alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let history = Arc::new(History::default());
    let caller = Caller::new("memory", &history, &bedrock, dice.split()).of_failing_disks();
    let mut died = 0;
    for round in 0..ROUNDS {
        let session = agent.session("kept");
        caller.ask(&session, Deed::Count).await;
        history.fault_begins();
        // From nothing at all to some turns' worth.
        host.limit(&format!("--data={}:", data(&host) + (round << 20)));
        let work = async {
            for number in 0..12 {
                let deed = match number % 4 {
                    0 => Deed::Model(caller.word()),
                    1 => Deed::Large(150_000),
                    2 => Deed::Stream(caller.word()),
                    _ => Deed::Print(caller.word()),
                };
                let session = match number % 3 {
                    0 => agent.session(&caller.word()),
                    _ => session.clone(),
                };
                caller.ask(&session, deed).await;
            }
        };
        let mut work = std::pin::pin!(work);
        let (is_dead, is_done) = tokio::select! {
            () = &mut work => (false, true),
            () = death(&mut host) => (true, false),
            () = caller.refusals(3) => (false, false),
        };
        if is_dead || !lives(&mut host).await {
            died += 1;
            host.kill();
            tokio::task::block_in_place(|| host.start_again());
        } else {
            host.limit("--data=unlimited:");
        }
        if !is_done {
            work.await;
        }
        history.fault_ends();
    }
    println!("memory: died {died} times");
    examine_starved(&mut host, &agent, &caller).await;
}
