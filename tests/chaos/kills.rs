//! A server that is killed over and over while clients work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::afterwards::examine;
use super::callers::{Caller, ask_again};
use super::dice::Dice;
use super::history::{Deed, History};
use crate::harness::{Agent, Host, PROBE, Session, in_time};
use crate::stand_in::StandIn;

/// How often each of these servers is killed; they are four.
const ROUNDS: usize = 55;

/// What is different from server to server.
struct Variation {
    name: &'static str,
    config: &'static str,
    /// Sessions of one client each, and clients of one session that they share.
    own: usize,
    shared: usize,
    /// Of a hundred deeds: how many are stops, and how many stops come while a turn runs.
    stops: u64,
    raced: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_random_loses_nothing_and_repeats_nothing() {
    run(&Variation {
        name: "defaults",
        config: "",
        own: 4,
        shared: 2,
        stops: 3,
        raced: 50,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_random_loses_nothing_while_clients_share_a_session() {
    run(&Variation {
        name: "shared",
        config: "[sessions]\ndurability = \"power\"\nwaiting_turns = 2",
        own: 1,
        shared: 4,
        stops: 0,
        raced: 0,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_random_loses_nothing_of_large_records_and_small_logs() {
    run(&Variation {
        name: "files",
        // Nearly every record is a file, the log is moved all the time, and whoever writes waits for a place.
        config: "[journal]\ninline_kib = 1\nwal_mib = 1\nqueue_records = 2\nreaders = 1",
        own: 5,
        shared: 0,
        stops: 3,
        raced: 50,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_during_stops_leaves_sessions_ended_or_whole() {
    run(&Variation {
        name: "stops",
        config: "",
        own: 5,
        shared: 0,
        stops: 35,
        raced: 70,
    })
    .await;
}

async fn run(variation: &Variation) {
    let mut dice = Dice::of(variation.name);
    let bedrock = Arc::new(StandIn::start().await);
    let builder = Host::builder().config(variation.config).bedrock(&bedrock);
    let mut host = builder.alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let history = Arc::new(History::default());
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..variation.own + variation.shared {
        let name = format!("{}-{number}", variation.name);
        let caller = Caller::new(&name, &history, &bedrock, dice.split()).impatient(4);
        let (agent, over) = (agent.clone(), Arc::clone(&over));
        let (stops, raced) = (variation.stops, variation.raced);
        if number < variation.own {
            clients.spawn(work(caller, agent, None, stops, raced, over));
        } else {
            let shared = agent.session(&format!("{}-shared", variation.name));
            clients.spawn(work(caller, agent, Some(shared), 0, 0, over));
        }
    }
    for _ in 0..ROUNDS {
        let calls = dice.index(10);
        in_time("answers between two kills", history.progress(calls)).await;
        tokio::time::sleep(dice.moment(Duration::from_millis(25))).await;
        kill(&mut host, &history, &mut dice);
    }
    in_time("answers after the last kill", history.progress(10)).await;
    over.store(true, Ordering::Relaxed);
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let caller = Caller::new("examiner", &history, &bedrock, dice);
    examine(&mut host, &agent, &caller).await;
    println!(
        "{}: {} calls in {ROUNDS} rounds, {} bought",
        variation.name,
        history.calls().len(),
        bedrock.calls().total()
    );
}

/// Kills the server in one of several ways, and starts it again.
fn kill(host: &mut Host, history: &History, dice: &mut Dice) {
    let blocking = || {
        history.kill(|| {
            // In the middle of an orderly end.
            if dice.percent(10) {
                host.terminate();
                std::thread::sleep(dice.moment(Duration::from_millis(30)));
            }
            host.kill();
        });
        // And while it starts.
        while dice.percent(10) {
            let after = dice.moment(Duration::from_millis(120));
            history.kill(|| host.die_starting(after));
        }
        host.start_again();
    };
    tokio::task::block_in_place(blocking);
}

/// A client at work, on a session of its own unless it is given one.
async fn work(
    caller: Caller,
    agent: Agent,
    shared: Option<Session>,
    stops: u64,
    raced: u64,
    over: Arc<AtomicBool>,
) {
    let own = || agent.session(&caller.word());
    let mut session = shared.clone().unwrap_or_else(own);
    while !over.load(Ordering::Relaxed) {
        if shared.is_none() && caller.roll(|dice| dice.percent(3)) {
            session = own();
        }
        if caller.roll(|dice| dice.percent(5)) {
            again(&caller, &session).await;
        }
        if !caller.roll(|dice| dice.percent(stops)) {
            caller.ask(&session, deed(&caller)).await;
        } else if caller.roll(|dice| dice.percent(raced)) {
            let later = caller.roll(|dice| dice.moment(Duration::from_millis(10)));
            let stop = async {
                tokio::time::sleep(later).await;
                caller.stop(&session).await
            };
            tokio::join!(caller.ask(&session, deed(&caller)), stop);
        } else {
            caller.stop(&session).await;
        }
    }
}

/// Asks something again that was answered long ago. A server may be down, which is no other answer.
async fn again(caller: &Caller, session: &Session) {
    let calls = caller.history.calls();
    let of_session = calls.iter().filter(|call| call.session == session.id);
    let of_session: Vec<_> = of_session.collect();
    if of_session.is_empty() {
        return;
    }
    let call = of_session[caller.roll(|dice| dice.index(of_session.len()))];
    if let Err(wrong) = ask_again(session, call).await {
        let is_no_answer = [
            "error sending",
            "error decoding",
            "ConflictException",
            "429",
        ];
        let is_excused = is_no_answer.iter().any(|excuse| wrong.contains(excuse))
            || wrong.contains("please retry");
        assert!(is_excused, "{wrong}");
    }
}

fn deed(caller: &Caller) -> Deed {
    let slowly = |word: String| format!("slowly {word}");
    match caller.roll(|dice| dice.below(100)) {
        0..30 => Deed::Count,
        30..37 => Deed::Random,
        37..45 => Deed::Keep(caller.roll(|dice| 1 + dice.below(8))),
        45..55 => Deed::Model(caller.word()),
        55..65 => Deed::Model(slowly(caller.word())),
        65..80 => Deed::Stream(slowly(caller.word())),
        80..88 => Deed::Print(caller.word()),
        88..92 => Deed::Large(1 + caller.roll(|dice| dice.index(150_000))),
        92..96 => Deed::Fail(caller.word()),
        _ => Deed::Trap,
    }
}
