//! Sessions whose idle time went by while no server ran, and a server that is killed while it finds that out.

use std::sync::Arc;
use std::time::Duration;

use super::afterwards::examine;
use super::callers::Caller;
use super::dice::Dice;
use super::history::{Asked, Call, Deed, History, Told};
use crate::harness::{Host, Local, PROBE, in_time};
use crate::stand_in::StandIn;

/// How many sessions end, with one kill each: no more than the server in this process holds.
const SESSIONS: usize = 14;

/// More than the idle time of an agent that says nothing about it.
const LONG_AGO: Duration = Duration::from_secs(2_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_an_idle_session_ends_leaves_a_fresh_world_and_the_old_answers() {
    let mut dice = Dice::of("idle");
    let folder = tempfile::tempdir().unwrap();
    let bedrock = Arc::new(StandIn::start().await);
    let history = Arc::new(History::default());
    let caller = Caller::new("idle", &history, &bedrock, dice.split());

    // A server that lives in the past.
    let local = Local::start_in(&folder.path().join("data"), LONG_AGO).await;
    let agent = local.deploy("probe", PROBE).await;
    let names: Vec<String> = (0..SESSIONS)
        .map(|number| format!("idle-{number}"))
        .collect();
    for name in &names {
        for _ in 0..2 {
            caller.ask(&agent.session(name), Deed::Count).await;
        }
    }
    local.stop().await;

    let builder = Host::builder().bedrock(&bedrock).alone();
    let mut host = builder.start_in(folder);
    let agent = agent.of(&host);
    for name in &names {
        // The end of idle time is as a stop to those who come later.
        let session = agent.session(name);
        let (began, ended) = (history.now(), history.now());
        history.add(Call {
            session: session.id.clone(),
            invocation: String::new(),
            asked: Asked::Stop,
            began,
            ended,
            tries: 1,
            kills: 0,
            bought: 0,
            told: Told::nothing(),
        });
        let ask = async { caller.ask(&session, Deed::Count).await };
        let later = dice.moment(Duration::from_millis(4));
        let kill = async {
            tokio::time::sleep(later).await;
            tokio::task::block_in_place(|| {
                history.kill(|| host.kill());
                host.start_again();
            });
        };
        tokio::join!(in_time("a fresh world", ask), kill);
    }
    examine(&mut host, &agent, &caller).await;
}
