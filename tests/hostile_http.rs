//! Hostile clients of the port. Each test is named after what it tries; after each, another client's session still answers
//! with its memory, and what the server spent on the hostile one is given back.

mod browsers;
mod frames;
mod many;
mod names;
mod slow;

use crate::harness::{Agent, Host, PROBE, Witness};

/// Bounds so low that a test meets them soon.
const LOW: &str = "[server]\nheader_timeout_seconds = 1\nidle_timeout_seconds = 1\nbody_grace_seconds = 1\n\
    body_bytes_per_second = 1000\nwrite_timeout_seconds = 1\n";

/// A server with a configuration, an agent on it, and another client.
async fn stage(config: &str) -> (Host, Agent, Witness) {
    let host = Host::builder().config(config).start();
    let agent = host.deploy("probe", PROBE).await;
    let witness = Witness::of(&host, &agent).await;
    (host, agent, witness)
}
