//! Disks that fail under a running server: what cannot be written or given to the disk is not acknowledged, an `fsync` that
//! failed is never taken back, and a slow disk holds up nobody who does not need it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::afterwards::examine;
use super::callers::Caller;
use super::dice::Dice;
use super::footprint::Footprint;
use super::history::{Deed, History};
use crate::harness::{Agent, Host, PROBE, Reply, Session, Threads, Trace, eventually, in_time};
use crate::stand_in::{Answer, StandIn};

async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

const NOT_RECORDED: &str = "the turn could not be recorded, and is not acknowledged; please retry";

const SYNCS_FAIL: [&str; 4] = [
    "-e",
    "trace=fsync,fdatasync",
    "-e",
    "inject=fsync,fdatasync:error=EIO",
];

#[tokio::test]
async fn after_an_fsync_that_failed_nothing_is_acknowledged_until_the_restart_and_reading_goes_on()
{
    let config = "[sessions]\ndurability = \"power\"";
    let mut host = Host::builder().config(config).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let [first, second] = ["first", "second"].map(|name| agent.session(name));
    let count = json!({ "do": "count" });
    assert_eq!(call(&first, "before", &count).await.json_of(200), 1);

    let trace = Trace::attach(&host, Threads::All, &SYNCS_FAIL);
    let refused = call(&first, "during", &count).await;
    refused.assert_refused(500, "InternalServerException", NOT_RECORDED);
    drop(trace);
    // The disk says yes again; but what the system forgot when it failed, no later yes brings back.
    for _ in 0..2 {
        let refused = call(&first, "during", &count).await;
        refused.assert_refused(500, "InternalServerException", NOT_RECORDED);
        let refused = call(&second, "also-during", &count).await;
        assert_eq!(refused.status, 500, "{refused:?}");
    }
    assert_eq!(call(&first, "before", &count).await.json_of(200), 1);
    assert_eq!(first.inspect().await["turns"], 1);
    assert_eq!(host.get("/healthz/ready").await.status, 200);
    assert!(is_refusing(&host), "{}", host.said());

    host.kill();
    host.start_again();
    for _ in 0..2 {
        assert_eq!(call(&first, "during", &count).await.json_of(200), 2);
        assert_eq!(call(&second, "also-during", &count).await.json_of(200), 1);
    }
    assert_eq!(call(&first, "before", &count).await.json_of(200), 1);
    assert_eq!(first.count().await, 3);
}

#[tokio::test]
async fn while_nothing_can_be_written_a_turn_that_a_crash_cut_buys_no_answers() {
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    let asked = json!({ "do": "model", "prompt": "Hello" });
    bedrock.push(Answer::text("lost").hold());
    let cut = session.invocation(asked.to_string());
    let cut = cut.header("amz-sdk-invocation-id", "the-call").send();
    let (cut, ()) = tokio::join!(cut, async {
        in_time("a call of a model", bedrock.arrived(1)).await;
        host.kill();
    });
    assert!(cut.is_err(), "{cut:?}");
    host.start_again();

    let full = ["-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC"];
    let trace = Trace::attach(&host, Threads::Named("journal"), &full);
    for _ in 0..3 {
        let refused = call(&session, "the-call", &asked).await;
        refused.assert_refused(500, "InternalServerException", NOT_RECORDED);
    }
    assert_eq!(bedrock.calls().total(), 1, "nobody could keep the answer");
    drop(trace);
    for _ in 0..2 {
        let answer = call(&session, "the-call", &asked).await;
        assert_eq!(answer.json_of(200)["text"], "You said: Hello");
    }
    assert_eq!(bedrock.calls().total(), 2);
    assert_eq!(session.count().await, 3);
}

#[tokio::test]
async fn while_the_disk_takes_its_time_all_that_need_not_wait_for_it_is_answered() {
    let bedrock = StandIn::start().await;
    let builder = Host::builder().bedrock(&bedrock).alone();
    let host = builder.start();
    let agent = |name: &'static str, durability: &'static str| {
        let more = json!({ "environmentVariables": { "KELLION_DURABILITY": durability } });
        let host = &host;
        async move { host.deploy_with(name, PROBE, more).await }
    };
    let (durable, light) = (
        agent("durable", "power").await,
        agent("light", "none").await,
    );
    let session = durable.session("first");
    let light = light.session("light");
    let count = json!({ "do": "count" });
    assert_eq!(call(&session, "before", &count).await.json_of(200), 1);
    assert_eq!(light.count().await, 1);

    // So long that nothing here waits until it is over.
    let slowly = [
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "inject=fsync,fdatasync:delay_exit=600s",
    ];
    let trace = Trace::attach(&host, Threads::All, &slowly);
    let turn = tokio::spawn({
        let (session, count) = (session.clone(), count.clone());
        async move { call(&session, "slow", &count).await }
    });
    eventually("the disk to be asked", || async {
        trace.written().contains("sync(").then_some(())
    })
    .await;
    for _ in 0..3 {
        assert_eq!(host.get("/healthz/ready").await.status, 200);
        assert!(light.count().await.is_u64());
        let asked = light.ask(json!({ "do": "model", "prompt": "Hello" })).await;
        assert_eq!(asked["text"], "You said: Hello");
        assert_eq!(durable.session("unknown").look().await.status, 404);
    }
    assert!(
        !turn.is_finished(),
        "it was acknowledged before the disk had it"
    );
    drop(trace);
    assert_eq!(turn.await.unwrap().json_of(200), 2);
    assert_eq!(session.count().await, 3);
}

/// What becomes of some of the calls that write the journal.
const FAULTS: [&str; 7] = [
    "pwrite64:error=EIO:when=@",
    "pwrite64:error=ENOSPC:when=@+",
    "pwrite64:retval=0:when=@",
    "fsync,fdatasync:error=EIO:when=1+",
    "ftruncate,openat:error=EIO:when=1+",
    "?rename,renameat,renameat2:error=ENOSPC:when=1+",
    "openat:error=ENOSPC:when=1+",
];

/// How often each is tried.
const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_writes_lose_and_repeat_nothing_of_sessions_that_survive_crashes() {
    fail("process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_writes_lose_and_repeat_nothing_of_sessions_that_survive_power_cuts() {
    fail("power").await;
}

async fn fail(durability: &'static str) {
    let mut dice = Dice::of(durability);
    let bedrock = Arc::new(StandIn::start().await);
    // The log is moved often, and so the disk is asked to sync, whatever the durability.
    let config = format!(
        "[sessions]\ndurability = \"{durability}\"\n[journal]\ninline_kib = 16\nwal_mib = 1"
    );
    let builder = Host::builder().config(&config).bedrock(&bedrock);
    let mut host = builder.alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let history = Arc::new(History::default());
    let callers: Vec<Caller> = (0..3)
        .map(|number| {
            let name = format!("{durability}-{number}");
            Caller::new(&name, &history, &bedrock, dice.split()).of_failing_disks()
        })
        .collect();
    work_of(&callers, &agent, 2).await;
    let quiet = Footprint::of(&host);
    let mut felt = 0;
    for round in 0..ROUNDS * FAULTS.len() {
        let fault = FAULTS[round % FAULTS.len()];
        let inject = fault.replace('@', &(1 + dice.below(40)).to_string());
        let calls = inject.split(':').next().unwrap();
        println!("{durability}: {inject}");
        let (trace, inject) = (format!("trace={calls}"), format!("inject={inject}"));
        history.fault_begins();
        let arguments = ["-e", trace.as_str(), "-e", inject.as_str()];
        let trace = Trace::attach(&host, Threads::Named("journal"), &arguments);
        let refused = async {
            let refusals = callers.iter().map(|caller| Box::pin(caller.refusals(1)));
            futures::future::select_all(refusals).await;
        };
        let mut work = std::pin::pin!(work_of(&callers, &agent, 5));
        let (is_felt, is_done) = tokio::select! {
            () = refused => (true, false),
            () = &mut work => (false, true),
            // Who reads a stream is not told why it broke.
            () = refusing(&host) => (true, false),
        };
        felt += usize::from(is_felt);
        drop(trace);
        if host
            .said()
            .contains("nothing more is written until this server is restarted")
        {
            // Also with turns under way.
            history.kill(|| host.kill());
            tokio::task::block_in_place(|| host.start_again());
        }
        if !is_done {
            work.await;
        }
        history.fault_ends();
    }
    // Most are felt: those of the log by all sessions, those of files by the large records.
    assert!(felt >= FAULTS.len() / 2, "only {felt} faults were felt");
    quiet.again(&host).await;
    let caller = Caller::new("examiner", &history, &bedrock, dice);
    examine(&mut host, &agent, &caller).await;
}

/// Whether the server writes nothing more.
fn is_refusing(host: &Host) -> bool {
    host.said()
        .contains("nothing more is written until this server is restarted")
}

async fn refusing(host: &Host) {
    while !is_refusing(host) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets each client make so many turns, in a session of its own.
async fn work_of(callers: &[Caller], agent: &Agent, turns: usize) {
    let working = callers.iter().map(|caller| async move {
        let session = agent.session(&caller.name);
        for _ in 0..turns {
            let deed = match caller.roll(|dice| dice.below(6)) {
                0 | 1 => Deed::Count,
                2 => Deed::Model(caller.word()),
                3 => Deed::Stream(caller.word()),
                4 => Deed::Print(caller.word()),
                _ => Deed::Large(100_000),
            };
            caller.ask(&session, deed).await;
        }
    });
    futures::future::join_all(working).await;
}
