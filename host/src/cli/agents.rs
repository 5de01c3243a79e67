//! `kellion agents`.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;

pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let agents = client.agents().await?;
    if agents.is_empty() && !json {
        super::tell("there are no agents; make one with: kellion deploy FILE.wasm --name NAME");
    }
    for agent in agents {
        if json {
            super::say(json!({
                "name": agent.name, "agentRuntimeId": agent.id, "agentRuntimeArn": agent.arn,
                "agentRuntimeVersion": agent.version, "status": agent.status,
            }));
        } else {
            super::say(format_args!(
                "{:<24} version {:<5} {:<14} {}",
                agent.name, agent.version, agent.status, agent.arn
            ));
        }
    }
    Ok(())
}
