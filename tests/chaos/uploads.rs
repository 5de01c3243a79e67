//! A server that is killed while it is given artifacts and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::dice::Dice;
use super::sweep::{death, lives};
use crate::harness::{
    Client, ECHO, Host, PROBE, ROLE, Reply, Threads, Trace, eventually, in_time, most_calls,
    reference,
};

/// What stores artifacts and agents, and what tells of them.
const AIMS: [&str; 2] = [
    "pwrite64,?rename,renameat,renameat2,fsync,fdatasync",
    "writev,sendto,sendmsg",
];

/// How often the server is killed at least; it goes on until each moment was met.
const ROUNDS: usize = 12;

/// How often each number is tried at most.
const CHANCES: usize = 4;

/// Where an upload was when the server died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Its file is not whole, and has no name.
    HalfWritten,
    /// Its file is there, and no reference names it.
    Unnamed,
    /// The reference names it, and who pushed it does not know.
    Untold,
    /// The agent is there, and who made it does not know.
    AgentUntold,
}

const MOMENTS: [Moment; 4] = [
    Moment::HalfWritten,
    Moment::Unnamed,
    Moment::Untold,
    Moment::AgentUntold,
];

/// One artifact that nobody else has, and one agent.
struct Script {
    name: String,
    /// What was acknowledged: the digest of the artifact, and that the agent is made.
    acknowledged: Mutex<(Option<String>, bool)>,
}

impl Script {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            acknowledged: Mutex::default(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.name.repeat(20_000).into_bytes()
    }

    fn acknowledged(&self) -> (Option<String>, bool) {
        self.acknowledged.lock().expect("it does not panic").clone()
    }

    async fn play(&self, client: &Client) {
        let pushed = until_answered(|| {
            let request = client.request(Method::PUT, "/kellion/v1/artifacts");
            let named = request.query(&[("reference", reference(&self.name))]);
            named.body(self.bytes())
        });
        let digest = pushed.await.json_of(200)["digest"]
            .as_str()
            .unwrap()
            .to_owned();
        self.acknowledged.lock().expect("it does not panic").0 = Some(digest);
        let input = json!({
            "agentRuntimeName": self.name,
            "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("echo") } },
            "roleArn": ROLE,
            "networkConfiguration": { "networkMode": "PUBLIC" },
        });
        let made = until_answered(|| client.request(Method::PUT, "/runtimes/").json(&input)).await;
        // There already is what an earlier try made.
        assert!([202, 409].contains(&made.status), "{made:?}");
        self.acknowledged.lock().expect("it does not panic").1 = true;
    }

    /// What an agent of its name is like, once it is built; none when there is no such agent.
    async fn agent(&self, client: &Client) -> Option<Value> {
        eventually("the build", || async {
            let listed = client.post("/runtimes/").await.json_of(200);
            let agents = listed["agentRuntimes"].as_array().unwrap();
            let own = agents
                .iter()
                .find(|agent| agent["agentRuntimeName"] == *self.name);
            match own {
                Some(agent) if agent["status"] == "CREATING" => None,
                own => Some(own.cloned()),
            }
        })
        .await
    }

    /// The digest that its reference names.
    async fn artifact(&self, client: &Client) -> Option<String> {
        let listed = client.get("/kellion/v1/artifacts").await.json_of(200);
        let artifacts = listed["artifacts"].as_array().unwrap();
        let own = artifacts
            .iter()
            .find(|artifact| artifact["reference"] == reference(&self.name))?;
        Some(own["digest"].as_str().unwrap().to_owned())
    }
}

async fn until_answered(ask: impl Fn() -> RequestBuilder) -> Reply {
    in_time("an answer", async {
        loop {
            let reply = async { Reply::read(ask().send().await?).await };
            if let Ok(reply) = reply.await {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    })
    .await
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_before_any_write_of_an_upload_loses_nothing_that_was_acknowledged() {
    let mut dice = Dice::of("uploads");
    let mut host = Host::builder().alone().start();
    host.deploy("echo", ECHO).await;
    let artifacts = host.folder().join("data/artifacts");
    let client = Client::clone(&host);

    let mut left = Vec::new();
    for (number, calls) in AIMS.into_iter().enumerate() {
        let trace = format!("trace={calls}");
        let trace = Trace::attach(&host, Threads::All, &["-e", &trace]);
        Script::new(&format!("counted{number}")).play(&client).await;
        for (call, most) in most_calls(&trace.end()) {
            // Which thread makes which of them is the server's own choice: one may make more than the busiest did, and each
            // number has several chances.
            let chances = CHANCES.max(24 / (most + 1));
            let mut numbers: Vec<usize> = (0..chances).flat_map(|_| 1..=most + 1).collect();
            dice.shuffle(&mut numbers);
            left.push((call, numbers));
        }
    }

    let all = std::env::var("KELLION_CHAOS_SWEEP").is_ok();
    let mut met: BTreeMap<Moment, usize> = BTreeMap::new();
    let mut rounds = 0;
    while left.iter().any(|(_, numbers)| !numbers.is_empty())
        && (all || rounds < ROUNDS || MOMENTS.iter().any(|moment| !met.contains_key(moment)))
    {
        rounds += 1;
        let script = Script::new(&format!("agent{rounds}"));
        let which = rounds % left.len();
        let (calls, numbers) = &mut left[which];
        let Some(number) = numbers.pop() else {
            script.play(&client).await;
            continue;
        };
        let before = files(&artifacts);
        let inject = format!("inject={calls}:signal=SIGKILL:when={number}");
        let trace = format!("trace={calls}");
        let trace = Trace::attach(&host, Threads::All, &["-e", &trace, "-e", &inject]);
        let mut playing = pin!(script.play(&client));
        let is_played = tokio::select! {
            () = &mut playing => true,
            () = death(&mut host) => false,
        };
        drop(trace);
        if lives(&mut host).await {
            continue;
        }
        let (pushed, made) = script.acknowledged();
        let left: BTreeSet<PathBuf> = files(&artifacts).difference(&before).cloned().collect();
        tokio::task::block_in_place(|| host.start_again());
        let context =
            format!("killed before call {number} of {calls}, with {pushed:?} and {made} told");

        let artifact = script.artifact(&client).await;
        assert!(
            pushed.is_none() || artifact == pushed,
            "{context}: {artifact:?}"
        );
        let agent = script.agent(&client).await;
        assert!(!made || agent.is_some(), "{context}: the agent is lost");
        if let Some(agent) = &agent {
            assert_eq!(agent["status"], "READY", "{context}");
        }
        if let Some(digest) = &artifact {
            let stored = fs::read(artifacts.join(format!("{digest}.wasm"))).unwrap();
            assert!(
                stored == script.bytes(),
                "{context}: the file is not what was pushed"
            );
        }
        for folder in ["artifacts", "compiled"] {
            let files = files(&host.folder().join("data").join(folder));
            let temporary: Vec<_> = files.iter().filter(|path| is_temporary(path)).collect();
            assert!(temporary.is_empty(), "{context}: left are {temporary:?}");
        }
        let moments = [
            (
                Moment::HalfWritten,
                left.iter().any(|path| is_temporary(path)),
            ),
            (
                Moment::Unnamed,
                artifact.is_none() && left.iter().any(|path| !is_temporary(path)),
            ),
            (Moment::Untold, artifact.is_some() && pushed.is_none()),
            (Moment::AgentUntold, agent.is_some() && !made),
        ];
        for (moment, _) in moments.into_iter().filter(|(_, met)| *met) {
            *met.entry(moment).or_default() += 1;
        }
        if !is_played {
            playing.await;
        }
        assert_eq!(
            script.agent(&client).await.unwrap()["status"],
            "READY",
            "{context}"
        );
    }
    println!("uploads: {rounds} rounds, {met:?}");
    for moment in MOMENTS {
        assert!(met.contains_key(&moment), "no kill met {moment:?}");
    }
    host.restart();
    for number in 1..=rounds {
        let script = Script::new(&format!("agent{number}"));
        let Some(agent) = script.agent(&client).await else {
            panic!("agent {number} is lost");
        };
        assert_eq!(agent["status"], "READY");
    }
}

/// Whether a file of a process shows what it should.
fn shows(process: &Path, file: &str, is_so: impl Fn(&str) -> bool) -> bool {
    fs::read_to_string(process.join(file)).is_ok_and(|text| is_so(&text))
}

/// The compiler of this server, when it has read all of its component.
fn compiler(host: &Host, component: u64) -> Option<Compiler> {
    let server = format!("PPid:\t{}", host.process_id());
    let position = format!("pos:\t{component}");
    let has_line = |text: &str, wanted: &str| text.lines().any(|line| line == wanted);
    let mut processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let compiler = processes.find(|process| {
        let process = process.path();
        shows(&process, "status", |status| has_line(status, &server))
            && shows(&process, "cmdline", |command| {
                command.contains("compile-artifact")
            })
            && shows(&process, "fdinfo/0", |input| has_line(input, &position))
    })?;
    let number = compiler.file_name().to_string_lossy().parse().ok()?;
    Some(Compiler(number))
}

/// A compiler at work, by its process; it is gone when this is dropped.
struct Compiler(u32);

impl Compiler {
    /// Its state, by the letter that the system has for it; none when it is gone.
    fn state(&self) -> Option<char> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let mut lines = status.lines();
        let state = lines.find_map(|line| line.strip_prefix("State:\t"))?;
        state.chars().next().filter(|state| !"ZX".contains(*state))
    }

    fn signal(&self, signal: &str) -> bool {
        let sent = Command::new("kill")
            .args([signal, &self.0.to_string()])
            .status();
        sent.unwrap().success()
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        if self.state().is_some() {
            self.signal("-KILL");
        }
    }
}

#[tokio::test]
async fn kill_9_of_a_server_ends_its_compiler_and_the_next_one_builds_the_agent() {
    let mut host = Host::builder().alone().start();
    let component = fs::read(PROBE).unwrap();
    let length = component.len() as u64;
    host.push(&reference("probe"), component).await;
    let agent = host.create("probe").await;
    let compiler = in_time("the compiler", async {
        loop {
            match compiler(&host, length) {
                Some(compiler) => return compiler,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    })
    .await;
    // So that it does not end by itself.
    assert!(compiler.signal("-STOP"), "the compiler is done already");
    eventually("the compiler to stop", || async {
        compiler.state().filter(|state| *state == 'T')
    })
    .await;
    host.kill();
    eventually("the end of the compiler", || async {
        compiler.state().is_none().then_some(())
    })
    .await;
    host.start_again();
    assert_eq!(agent.built().await["status"], "READY");
    let folder = files(&host.folder().join("data/compiled"));
    assert!(
        !folder.iter().any(|path| is_temporary(path)),
        "left are {folder:?}"
    );
    assert_eq!(agent.session("first").count().await, 1);
}
