//! Tokens against a real issuer on the loopback address, whose keys change and which misbehaves.

mod algorithms;
mod hostile;
#[path = "../../../tests/issuer/mod.rs"]
mod issuer;
mod malformed;
mod matching;
mod rotation;
mod times;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use self::issuer::{Issuer, SigningKey};
use super::*;
use crate::clock::{ManualClock, Timestamp};

/// The present, in seconds since the epoch.
const NOW: u64 = 1_800_000_000;

/// Made once, because it takes a moment.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::rsa("rsa"));

/// An issuer with one key, and tokens that are verified by a clock that stands still.
struct Stage {
    issuer: Issuer,
    key: SigningKey,
    clock: ManualClock,
    tokens: Tokens,
}

impl Stage {
    async fn new() -> Self {
        let key = SigningKey::p256("first");
        let issuer = Issuer::start(&[&key]).await;
        let clock = ManualClock::new(Timestamp::from_millis(NOW * 1_000));
        Self {
            tokens: tokens(true, &clock),
            issuer,
            key,
            clock,
        }
    }

    /// What an agent asks for: this issuer, and an audience.
    fn rules(&self) -> Rules {
        rules(&self.issuer.discovery_url())
    }

    /// The claims of a token that opens the agent, for an hour.
    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer.name(),
            "sub": "somebody",
            "aud": "agent",
            "client_id": "program",
            "exp": NOW + 3_600,
        })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    async fn verify(&self, token: &str) -> Result<Claims, Refused> {
        self.tokens.verify(&self.rules(), token).await
    }

    /// Verifies a good token of the issuer's first key.
    async fn verify_good(&self) -> Result<Claims, Refused> {
        self.verify(&self.key.token(&self.claims())).await
    }
}

fn tokens(allow_private_issuers: bool, clock: &ManualClock) -> Tokens {
    let config = Config {
        allow_private_issuers,
        ..Config::default()
    };
    // Long enough for a machine that is busy with other tests, except in the test of an issuer that does not answer.
    Tokens::with_timeout(&config, Arc::new(clock.clone()), Duration::from_secs(60))
}

fn rules(discovery_url: &str) -> Rules {
    Rules {
        discovery_url: discovery_url.to_owned(),
        audiences: vec!["agent".to_owned()],
        clients: Vec::new(),
        scopes: Vec::new(),
        advertised: Default::default(),
        claims: Vec::new(),
    }
}

#[track_caller]
fn assert_invalid(outcome: &Result<Claims, Refused>, because: &str) {
    match outcome {
        Err(Refused::Invalid(reason)) => assert!(reason.contains(because), "{reason}"),
        other => panic!("{other:?} in place of invalid because {because}"),
    }
}

#[track_caller]
fn assert_unavailable(outcome: &Result<Claims, Refused>, because: &str) {
    match outcome {
        Err(Refused::Unavailable(reason)) => assert!(reason.contains(because), "{reason}"),
        other => panic!("{other:?} in place of unavailable because {because}"),
    }
}

#[tokio::test]
async fn a_good_token_says_whom_it_stands_for() {
    let stage = Stage::new().await;
    let claims = stage.verify_good().await.unwrap();
    assert_eq!(claims.issuer, stage.issuer.name());
    assert_eq!(claims.subject.as_deref(), Some("somebody"));
    assert_eq!(claims.client.as_deref(), Some("program"));
    let hour = Duration::from_secs(3_600);
    assert_eq!(claims.expires, stage.clock.now() + hour);
    assert!(!format!("{claims:?}").contains("somebody"));
}

#[test]
fn metadata_names_the_issuer_and_the_scopes_to_ask_for() {
    let url = "https://agents.example.com/runtimes/a/invocations";
    let mut rules = rules("https://issuer.example.com/tenant/.well-known/openid-configuration");
    assert_eq!(
        resource_metadata(url, &rules),
        json!({
            "resource": url,
            "authorization_servers": ["https://issuer.example.com/tenant"],
            "bearer_methods_supported": ["header"],
        })
    );
    rules.scopes = vec!["read".to_owned(), "write".to_owned()];
    rules.advertised = [("write".to_owned(), "api://agents/write".to_owned())].into();
    rules.discovery_url =
        "https://issuer.example.com/.well-known/oauth-authorization-server/tenant".to_owned();
    let document = resource_metadata(url, &rules);
    assert_eq!(
        document["scopes_supported"],
        json!(["read", "api://agents/write"])
    );
    assert_eq!(
        document["authorization_servers"],
        json!(["https://issuer.example.com/tenant"])
    );
}
