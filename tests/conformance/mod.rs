//! One suite for every language: the probe agent of each does what the contract promises, whatever it is written in.
//!
//! `tests/guests` builds the probes with `kellion build`, as their authors would.

mod ends;
mod languages;
mod payloads;
mod replies;
mod sessions;

use serde_json::json;

use crate::harness::{Agent, Host, Session, guest};
use languages::Language;

/// Short limits, so that what runs into them does so soon, and what rests does so at once.
const CONFIG: &str = "[sandbox]\nturn_cpu_ms = 3000\n[sessions]\nhibernate_seconds = 1\n";

/// A server with the probe of one language.
struct Stage {
    language: Language,
    host: Host,
    agent: Agent,
}

impl Stage {
    async fn set(language: Language) -> Self {
        let host = Host::builder().config(CONFIG).alone().start();
        let file = guest(language.probe);
        let more = json!({
            "environmentVariables": { "GREETING": "Grüß Gott" },
            "requestHeaderConfiguration": { "requestHeaderAllowlist": ["X-Tenant"] },
        });
        let agent = host.deploy_with("probe", &file, more).await;
        Self {
            language,
            host,
            agent,
        }
    }

    /// A session that no other row uses.
    fn session(&self, row: &str) -> Session {
        self.agent.session(row)
    }
}

/// Everything, in one server: a large agent takes seconds to compile.
async fn conforms(language: Language) {
    let mut stage = Stage::set(language).await;
    payloads::come_back_unchanged(&stage).await;
    payloads::that_do_not_fit_are_refused(&stage).await;
    payloads::that_are_hostile_are_refused(&stage).await;
    payloads::may_be_large(&stage).await;
    sessions::continue_and_are_alone(&stage).await;
    sessions::know_their_context(&stage).await;
    sessions::know_time_and_chance(&stage).await;
    replies::stream(&stage).await;
    replies::have_any_content_type(&stage).await;
    replies::of_models(&stage).await;
    replies::of_agents_with_tools(&stage).await;
    replies::are_logged(&stage).await;
    ends::in_an_error_cost_the_turn_alone(&stage).await;
    ends::in_a_trap_cost_the_turn_alone(&stage).await;
    sessions::replay(&stage).await;
    sessions::rest_and_wake(&stage).await;
    sessions::survive_kill_9(&mut stage).await;
}

#[tokio::test]
async fn rust() {
    conforms(languages::RUST).await;
}

#[tokio::test]
async fn python() {
    conforms(languages::PYTHON).await;
}

#[tokio::test]
async fn typescript() {
    conforms(languages::TYPESCRIPT).await;
}

#[tokio::test]
async fn go() {
    conforms(languages::GO).await;
}

#[tokio::test]
async fn c() {
    conforms(languages::C).await;
}
