//! A server that is killed while it is given artifacts and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::dice::Dice;
use super::sweep::{death, lives};
use crate::harness::{
    Client, ECHO, Host, ROLE, Reply, Threads, Trace, eventually, in_time, most_calls, reference,
};

/// What stores artifacts and agents, and what tells of them.
const AIMS: [&str; 2] = [
    "pwrite64,rename,renameat,renameat2,fsync,fdatasync",
    "writev,sendto,sendmsg",
];

/// How often the server is killed at least; it goes on until each moment was met.
const ROUNDS: usize = 12;

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
        let most = most_calls(&trace.end());
        // Which thread makes which of them is the server's own choice, and so each number has several chances.
        let mut numbers: Vec<usize> = (0..4).flat_map(|_| 1..=most).collect();
        dice.shuffle(&mut numbers);
        left.push((calls, numbers));
    }

    let all = std::env::var("KELLION_CHAOS_SWEEP").is_ok();
    let mut met: BTreeMap<Moment, usize> = BTreeMap::new();
    let mut rounds = 0;
    while left.iter().any(|(_, numbers)| !numbers.is_empty())
        && (all || rounds < ROUNDS || MOMENTS.iter().any(|moment| !met.contains_key(moment)))
    {
        rounds += 1;
        let script = Script::new(&format!("agent{rounds}"));
        let (calls, numbers) = &mut left[rounds % AIMS.len()];
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
