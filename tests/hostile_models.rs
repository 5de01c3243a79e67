//! Providers of models that misbehave, and agents that ask them for what they may not. Each test is named after what is
//! tried; after each, another client's session still answers with its memory, and what the server spent is given back.

mod answers;
mod asked;
mod credentials;
mod tls;

use serde_json::{Value, json};

use crate::grants::{question, session};
use crate::harness::{Host, HostBuilder, PROBE, Session, Witness};
use crate::stand_in::StandIn;

/// Patience that a test can wait for.
const IMPATIENT: &str = "[models]\nanswer_timeout_seconds = 1\nidle_timeout_seconds = 1\n";

/// A server whose models are the stand-in's, and another client's session on it.
struct Stage {
    bedrock: StandIn,
    host: Host,
    witness: Witness,
}

impl Stage {
    async fn start(config: &str) -> Self {
        Self::of(Host::builder().config(config)).await
    }

    async fn of(builder: HostBuilder) -> Self {
        let bedrock = StandIn::start_closing().await;
        let host = builder.bedrock(&bedrock).start();
        let witness = witness(&host).await;
        Self {
            bedrock,
            host,
            witness,
        }
    }

    /// A session of an agent with this manifest.
    async fn session(&self, manifest: &str) -> Session {
        session(&self.host, manifest).await
    }

    async fn survived(self) {
        self.witness.survived(&self.host).await;
    }
}

/// Another client, on a server that has used its models before.
async fn witness(host: &Host) -> Witness {
    let peaceful = host.deploy("peaceful", PROBE).await;
    Witness::of(host, &peaceful).await
}

/// What a session has used of models.
async fn used(session: &Session) -> Value {
    session.inspect().await["models"].clone()
}

/// A question whose answer is streamed to the caller.
fn streamed() -> Value {
    json!({ "do": "model-stream", "prompt": "Hello" })
}

/// The error at the end of a stream of events.
async fn stream_fails(session: &Session, part: &str) {
    let reply = session.invoke(streamed()).await;
    let last = reply.text().split_terminator("\n\n").last();
    let last = last.unwrap_or_default();
    assert!(last.contains(part), "{part:?} is not in {last:?}");
}

/// The session goes on, and so does the model.
async fn goes_on(session: &Session) {
    let model = crate::grants::MODEL;
    let answer = session.ask(question(model)).await;
    assert!(
        answer["text"]
            .as_str()
            .is_some_and(|text| text.contains("xxx")),
        "{answer}"
    );
}
