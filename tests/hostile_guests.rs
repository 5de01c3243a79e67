//! Strangers' code. Each test is named after what its agent tries; after each, another tenant's session still answers with
//! its memory, and what the server spent on the hostile one is given back.

mod again;
mod calls;
mod cuts;
mod deeds;
mod handles;
mod memory;
mod output;
mod panics;
mod slots;
mod stack;
mod surroundings;
mod time;
mod traps;
mod values;

use serde_json::json;

use crate::harness::{Agent, Host, PROBE, Witness, reference};

/// A server with a configuration, and another client's session on it.
async fn stage(config: &str) -> (Host, Witness) {
    let host = Host::builder().config(config).start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    (host, witness)
}

/// Deploys a component that starts well.
async fn deployed(host: &Host, name: &str, component: Vec<u8>) -> Agent {
    host.push(&reference(name), component).await;
    let agent = host.create_with(name, json!({})).await;
    let runtime = agent.built().await;
    assert_eq!(runtime["status"], "READY", "{runtime}");
    agent
}
