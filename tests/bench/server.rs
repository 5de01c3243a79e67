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
        std::fs::write(data.join("kellion.toml"), configuration)?;
        let mut command = Command::new(KELLION);
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
