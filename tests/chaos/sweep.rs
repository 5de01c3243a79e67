//! A server that is killed before a chosen system call: every write, of whatever kind, can be the one that never happens.
//!
//! `strace` counts the calls of a running server and kills it at the number that the test says. A sample of all calls is
//! tried, by the seed, until each kind of moment was met; `KELLION_CHAOS_SWEEP=1` tries every single one.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;

use super::afterwards::examine;
use super::callers::Caller;
use super::checker::prompt;
use super::dice::Dice;
use super::history::{Deed, History};
use super::moments::{Moment, Step, moments};
use crate::harness::{Agent, Host, PROBE, Reply, Session, Threads, Trace, eventually, most_calls};
use crate::stand_in::StandIn;

/// Calls before which a server is killed.
#[derive(Debug, Clone, Copy)]
struct Aim {
    name: &'static str,
    threads: Threads,
    calls: &'static str,
}

/// What writes the journal, what writes files beside it, and what tells others.
const AIMS: [Aim; 3] = [
    Aim {
        name: "database",
        threads: Threads::Named("journal"),
        calls: "pwrite64,fsync,fdatasync,ftruncate",
    },
    Aim {
        name: "files",
        threads: Threads::All,
        calls: "write,?rename,renameat,renameat2,?unlink,unlinkat,fsync,fdatasync",
    },
    Aim {
        name: "network",
        threads: Threads::All,
        calls: "writev,sendto,sendmsg",
    },
];

/// What a session does while its server's calls are counted.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Turns of all kinds.
    Turns,
    /// Leaves memory, and comes back.
    Rest,
    /// Is stopped.
    Stop,
}

const PARTS: [Part; 3] = [Part::Turns, Part::Rest, Part::Stop];

/// How often a server is killed at least; it goes on until each moment was met.
const ROUNDS: usize = 24;

/// What every sample must meet.
const MOMENTS: [Moment; 10] = [
    Moment::BeforeAcceptance,
    Moment::BeforeModel,
    Moment::BeforeAnswerIsRecorded,
    Moment::BeforeTurnIsOver,
    Moment::BeforeReply,
    Moment::BeforeStop,
    Moment::BeforeStopIsTold,
    Moment::Between,
    Moment::InFile,
    Moment::FileWithoutRow,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_before_any_write_of_sessions_that_survive_crashes_loses_and_repeats_nothing() {
    Sweep::start("process").await.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_before_any_write_of_sessions_that_survive_power_cuts_loses_and_repeats_nothing() {
    Sweep::start("power").await.run().await;
}

/// A server that is killed, and what was found so far.
struct Sweep {
    durability: &'static str,
    dice: Dice,
    host: Host,
    agent: Agent,
    bedrock: Arc<StandIn>,
    caller: Caller,
    /// Which moments were met, and how often.
    met: BTreeMap<Moment, usize>,
    /// Files that kills left without a row.
    orphans: BTreeSet<String>,
}

impl Sweep {
    async fn start(durability: &'static str) -> Self {
        let mut dice = Dice::of(durability);
        let bedrock = Arc::new(StandIn::start().await);
        // Each session leaves memory, as an image, when it has nothing to do; and large is what is not small.
        let config = format!(
            "[sessions]\ndurability = \"{durability}\"\nhibernate_seconds = 0\n[journal]\ninline_kib = 4"
        );
        let builder = Host::builder().config(&config).bedrock(&bedrock);
        let host = builder.alone().start();
        let agent = host.deploy("probe", PROBE).await;
        let history = Arc::new(History::default());
        let caller = Caller::new(durability, &history, &bedrock, dice.split());
        Self {
            durability,
            dice,
            host,
            agent,
            bedrock,
            caller,
            met: BTreeMap::new(),
            orphans: BTreeSet::new(),
        }
    }

    async fn run(mut self) {
        let mut left = Vec::new();
        for part in PARTS {
            for aim in AIMS {
                for (call, most) in self.count(part, aim).await {
                    // Which thread makes it is the server's own choice, and so each number has two chances.
                    let mut numbers: Vec<usize> = (1..=most).chain(1..=most).collect();
                    self.dice.shuffle(&mut numbers);
                    left.push((part, aim, call, numbers));
                }
            }
        }
        let all = std::env::var("KELLION_CHAOS_SWEEP").is_ok();
        let mut rounds = 0;
        while left.iter().any(|(.., numbers)| !numbers.is_empty())
            && (all || rounds < ROUNDS || !self.missed().is_empty())
        {
            let which = rounds % left.len();
            let (part, aim, call, numbers) = &mut left[which];
            if let Some(number) = numbers.pop() {
                self.round(*part, *aim, call, number).await;
            }
            rounds += 1;
        }
        println!("{}: {rounds} rounds, {:?}", self.durability, self.met);
        let missed = self.missed();
        assert!(missed.is_empty(), "no kill met {missed:?}");
        examine(&mut self.host, &self.agent, &self.caller).await;
    }

    fn missed(&self) -> Vec<Moment> {
        let missed = MOMENTS.into_iter();
        missed
            .filter(|moment| !self.met.contains_key(moment))
            .collect()
    }

    /// How many of these calls a part takes, each by its name.
    async fn count(&self, part: Part, aim: Aim) -> BTreeMap<String, usize> {
        let script = Script::of(&self.agent, &self.caller.word());
        script.prepare(&self.caller).await;
        let trace = format!("trace={}", aim.calls);
        let trace = Trace::attach(&self.host, aim.threads, &["-e", &trace]);
        script.play(part, &self.caller).await;
        most_calls(&trace.end())
    }

    /// Plays a part, and kills the server before the call of this name and number.
    async fn round(&mut self, part: Part, aim: Aim, call: &str, number: usize) {
        let name = format!("{part:?}-{}-{call}-{number}", aim.name);
        println!("{}: {name}", self.durability);
        let script = Script::of(&self.agent, &format!("{name}-{}", self.caller.word()));
        script.prepare(&self.caller).await;
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:signal=SIGKILL:when={number}");
        let trace = Trace::attach(&self.host, aim.threads, &["-e", &trace, "-e", &inject]);
        let mut playing = pin!(script.play(part, &self.caller));
        let is_played = tokio::select! {
            () = &mut playing => true,
            () = death(&mut self.host) => false,
        };
        drop(trace);
        // What a session does when its last answer has left may kill the server as well.
        if lives(&mut self.host).await {
            return;
        }
        let step = script.step();
        let (folder, id) = (self.host.folder(), &script.session.id);
        let moments = moments(folder, id, &step, &self.bedrock, &mut self.orphans).await;
        let bought = self.bought(&step);
        self.caller.history.kill(|| self.host.kill());
        tokio::task::block_in_place(|| self.host.start_again());
        if !is_played {
            playing.await;
        }
        // Only what was asked and not written down yet may be asked again.
        if let Step::Turn { deed, .. } = &step
            && deed.prompt().is_some()
        {
            let again =
                moments.contains(&Moment::BeforeAnswerIsRecorded) || is_stream_cut(&moments, deed);
            let most = if again { 2 } else { 1.max(bought) };
            assert!(
                self.bought(&step) <= most,
                "{name}, {moments:?}: {step:?} was bought {} times",
                self.bought(&step)
            );
        }
        for moment in moments {
            *self.met.entry(moment).or_default() += 1;
        }
    }

    /// How often the provider was asked for what is under way.
    fn bought(&self, step: &Step) -> usize {
        let Step::Turn { deed, .. } = step else {
            return 0;
        };
        let requests = self.bedrock.requests();
        let asked = deed.prompt();
        let bought = requests
            .iter()
            .filter(|request| Some(prompt(request).as_str()) == asked);
        bought.count()
    }
}

/// A stream that was cut is asked for anew, however much of it is known.
fn is_stream_cut(moments: &BTreeSet<Moment>, deed: &Deed) -> bool {
    matches!(deed, Deed::Stream(_)) && moments.contains(&Moment::BeforeTurnIsOver)
}

/// Returns when the server is dead.
pub(super) async fn death(host: &mut Host) {
    while host.exited().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Whether the server is alive, and nothing that was sent to it before will kill it.
pub(super) async fn lives(host: &mut Host) -> bool {
    loop {
        if host.exited().is_some() {
            return false;
        }
        let ready = host.request(Method::GET, "/healthz/ready").send().await;
        if ready.is_ok_and(|ready| ready.status() == 200) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A session's life, with everything in it that writes.
struct Script {
    session: Session,
    step: Mutex<Step>,
}

impl Script {
    fn of(agent: &Agent, name: &str) -> Self {
        Self {
            session: agent.session(name),
            step: Mutex::new(Step::Nothing),
        }
    }

    fn step(&self) -> Step {
        self.step.lock().expect("steps do not panic").clone()
    }

    fn set(&self, step: Step) {
        *self.step.lock().expect("steps do not panic") = step;
    }

    /// Gives the session something to lose.
    async fn prepare(&self, caller: &Caller) {
        self.ask(caller, Deed::Keep(1)).await;
    }

    async fn play(&self, part: Part, caller: &Caller) {
        match part {
            Part::Turns => {
                let deeds = [
                    Deed::Count,
                    Deed::Model(caller.word()),
                    Deed::Stream(format!("slowly {}", caller.word())),
                    Deed::Large(20_000),
                    Deed::Model("x".repeat(6_000) + &caller.word()),
                ];
                for deed in deeds {
                    self.ask(caller, deed).await;
                }
            }
            Part::Rest => {
                self.ask(caller, Deed::Count).await;
                self.rest().await;
                self.ask(caller, Deed::Keep(1)).await;
                self.rest().await;
            }
            Part::Stop => {
                self.set(Step::Stop);
                caller.stop(&self.session).await;
                self.set(Step::Nothing);
            }
        }
    }

    async fn ask(&self, caller: &Caller, deed: Deed) {
        let invocation = caller.word();
        self.set(Step::Turn {
            invocation: invocation.clone(),
            deed: deed.clone(),
        });
        caller.ask_as(&self.session, invocation, deed).await;
        self.set(Step::Nothing);
    }

    /// Waits until the session has left memory, as it has when the server dies meanwhile.
    async fn rest(&self) {
        eventually("the session to leave memory", || async {
            let response = self.session.looking().send().await.ok()?;
            let reply = Reply::read(response).await.ok()?;
            (reply.status == 200 && reply.json()["awake"] == false).then_some(())
        })
        .await;
    }
}
