//! The provider, driven by the real AWS SDK against a stand-in that speaks Bedrock's wire.

mod calls;
mod environment;
mod faults;
#[expect(
    dead_code,
    reason = "the end-to-end tests, which share it, use more of it"
)]
#[path = "../../../../tests/stand_in/mod.rs"]
mod stand_in;
mod streams;

use std::time::Duration;

use aws_sdk_bedrockruntime::config::{BehaviorVersion, Builder, Credentials, Region};

use self::stand_in::StandIn;
use super::{Bedrock, Config};
use crate::contract::model::{Content, Inference, Message, Request, Role};

/// A provider that calls the stand-in and does not pause between attempts.
fn bedrock(stand_in: &StandIn) -> Bedrock {
    bedrock_with(stand_in.endpoint(), Config::default())
}

#[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
fn bedrock_with(endpoint: &str, config: Config) -> Bedrock {
    let sdk = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new(
            "AKIDFORTESTS",
            "not a secret",
            None,
            None,
            "tests",
        ))
        .endpoint_url(endpoint);
    Bedrock::new(
        sdk,
        Config {
            backoff: Duration::from_millis(1),
            ..config
        },
    )
}

/// A user's text to a model.
fn ask(text: &str) -> Request {
    Request {
        model: "amazon.nova-lite-v1:0".to_owned(),
        system: Vec::new(),
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text(text.to_owned())],
        }],
        inference: Inference {
            max_tokens: None,
            temperature: None,
            top_p: None,
            stop_sequences: Vec::new(),
        },
        tools: Vec::new(),
        tool_choice: None,
        guardrail: None,
        extra: None,
    }
}
