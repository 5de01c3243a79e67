//! The server, as everybody starts it: the executable, with an agent deployed by its own command line.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Error;
use super::client::Target;
use super::process::Process;

pub(crate) const KELLION: &str = env!("CARGO_BIN_EXE_kellion");

/// Environment of servers that ask the stand-in for Bedrock.
pub(crate) fn bedrock_at(endpoint: &str) -> [(&'static str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", endpoint),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "benchmark"),
        ("AWS_SECRET_ACCESS_KEY", "benchmark"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}

/// As long as this lives, this process stays off the core of a server.
pub(crate) struct Apart(usize);

impl Apart {
    fn from_core_0() -> Result<Self, Error> {
        let cores = std::thread::available_parallelism()?.get();
        if cores < 2 {
            return Err("a client on a core of its own needs a second one".into());
        }
        stay_on(&format!("1-{}", cores - 1))?;
        Ok(Self(cores))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = stay_on(&format!("0-{}", self.0 - 1));
    }
}

/// Has all threads of this process on these cores.
fn stay_on(cores: &str) -> Result<(), Error> {
    let process = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    let set = taskset.args(["-a", "-c", "-p", cores, &process]).output()?;
    match set.status.success() {
        true => Ok(()),
        false => Err("taskset, of util-linux, cannot set the cores of this process".into()),
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Server {
    /// Starts on a data directory; with models at a stand-in's endpoint, otherwise offline.
    pub(crate) fn start(data: &Path, bedrock: Option<&str>) -> Result<Self, Error> {
        Self::configured(data, bedrock, "")
    }

    /// The same, with this configuration file.
    pub(crate) fn configured(
        data: &Path,
        bedrock: Option<&str>,
        configuration: &str,
    ) -> Result<Self, Error> {
        Self::run(Command::new(KELLION), data, bedrock, configuration)
    }

    /// The same, offline and on one core, which this process leaves to it until what is returned is dropped.
    pub(crate) fn apart(data: &Path, configuration: &str) -> Result<(Self, Apart), Error> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0", KELLION]);
        let server = Self::run(command, data, None, configuration)?;
        Ok((server, Apart::from_core_0()?))
    }

    fn run(
        mut command: Command,
        data: &Path,
        bedrock: Option<&str>,
        configuration: &str,
    ) -> Result<Self, Error> {
        std::fs::write(data.join("kellion.toml"), configuration)?;
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .current_dir(data);
        match bedrock {
            Some(endpoint) => command.arg("--provider=bedrock").envs(bedrock_at(endpoint)),
            None => command.arg("--provider=offline"),
        };
        let (process, hello) = Process::start_speaking(&mut command)?;
        let hello: Value = serde_json::from_str(&hello)?;
        let address = hello["address"]
            .as_str()
            .ok_or("the server did not say where it listens")?;
        Ok(Self {
            process,
            address: address.to_owned(),
        })
    }

    /// Deploys a component and says how to reach it.
    pub(crate) fn deploy(&self, component: &str, name: &str) -> Result<Agent, Error> {
        let output = Command::new(KELLION)
            .args(["deploy", component, "--json", "--name", name, "--endpoint"])
            .arg(format!("http://{}", self.address))
            .output()?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cannot deploy {component}: {reason}").into());
        }
        let deployed: Value = serde_json::from_slice(&output.stdout)?;
        let arn = deployed["agentRuntimeArn"]
            .as_str()
            .ok_or("the agent has no ARN")?;
        // As AWS SDKs write it.
        Ok(Agent(arn.replace(':', "%3A").replace('/', "%2F")))
    }
}

/// A deployed agent.
#[derive(Debug, Clone)]
pub(crate) struct Agent(String);

impl Agent {
    /// Where a server, this one or one that only pretends, is invoked.
    pub(crate) fn invocations(&self, address: &str) -> Target {
        self.operation(address, "invocations")
    }

    /// Where sessions are stopped.
    pub(crate) fn stop(&self, server: &Server) -> Target {
        self.operation(&server.address, "stopruntimesession")
    }

    fn operation(&self, address: &str, operation: &str) -> Target {
        Target {
            address: address.to_owned(),
            path: format!("/runtimes/{}/{operation}", self.0),
        }
    }
}
