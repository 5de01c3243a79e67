//! Agents as people write them for AgentCore, on the packages that they write them with, unchanged.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::harness::{Host, Tool, guest, script};

/// A stand-in for Bedrock that does what conversations tell it to.
struct ScriptedBedrock {
    process: Child,
    endpoint: String,
}

impl ScriptedBedrock {
    fn start(host: &Host) -> Self {
        let mut command = Tool::Script("scripted_bedrock.py").command(host.folder());
        let mut process = command
            .arg("0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let mut port = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout)
            .read_line(&mut port)
            .expect("stdout is readable");
        Self {
            process,
            endpoint: format!("http://127.0.0.1:{}", port.trim()),
        }
    }
}

impl Drop for ScriptedBedrock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn python_agents_on_strands_and_bedrock_agentcore() {
    let mut host = Host::builder().alone().start();
    for agent in [
        "plain",
        "tutorial",
        "streaming",
        "structured",
        "hooks",
        "boto",
    ] {
        let file = guest(&format!("agentcore-python-{agent}"));
        host.deploy(agent, &file).await;
    }
    script(&host, "agentcore_python.py", &[]).await;

    let bedrock = ScriptedBedrock::start(&host);
    host.shut_down();
    host.start_again_as(Host::builder().bedrock_at(&bedrock.endpoint));
    script(&host, "agentcore_python.py", &["--bedrock"]).await;
}

#[tokio::test]
async fn typescript_agents_on_strands_and_bedrock_agentcore() {
    let mut host = Host::builder().alone().start();
    for agent in ["assistant", "bedrock", "container", "own_app"] {
        let file = guest(&format!("strands-typescript-{agent}"));
        host.deploy(agent, &file).await;
    }
    script(&host, "agentcore_typescript.py", &[]).await;

    let bedrock = ScriptedBedrock::start(&host);
    host.shut_down();
    host.start_again_as(Host::builder().bedrock_at(&bedrock.endpoint));
    script(&host, "agentcore_typescript.py", &["--bedrock"]).await;
}
