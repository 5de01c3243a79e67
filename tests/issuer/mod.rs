//! A stand-in for an issuer of tokens (OpenID Connect) on the loopback address, with real keys, which can change its keys
//! and misbehave.

mod keys;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use self::keys::SigningKey;

/// A document that issuers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The discovery document.
    Discovery,
    /// The key set.
    Keys,
}

/// What is answered when a document is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A document.
    Document(Value),
    /// Text that may be no document.
    Text(String),
    /// This status, and nothing else.
    Status(u16),
    /// A redirection to this place.
    Redirect(String),
    /// Nothing, for ever.
    Nothing,
    /// White space, a GiB of it.
    Endless,
}

/// The issuer. Gone when dropped.
pub(crate) struct Issuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    pages: Mutex<Pages>,
    /// Bytes of endless answers that were taken.
    sent: AtomicU64,
}

struct Pages {
    discovery: Answer,
    keys: Answer,
    asked_discovery: usize,
    asked_keys: usize,
}

impl Issuer {
    /// Serves these keys.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let shared = Arc::new(Shared {
            pages: Mutex::new(Pages {
                discovery: Answer::Document(json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{issuer}/keys"),
                    "id_token_signing_alg_values_supported": ["RS256"],
                })),
                keys: Answer::Document(key_set(keys)),
                asked_discovery: 0,
                asked_keys: 0,
            }),
            sent: AtomicU64::new(0),
        });
        let router = server::router(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            server,
        }
    }

    /// The issuer's name: `iss` in its tokens.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its discovery document is.
    pub(crate) fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.name())
    }

    /// Publishes these keys in place of those before.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        self.answer(Page::Keys, Answer::Document(key_set(keys)));
    }

    /// Answers like this from now on.
    pub(crate) fn answer(&self, page: Page, answer: Answer) {
        let mut pages = self.shared.pages();
        match page {
            Page::Discovery => pages.discovery = answer,
            Page::Keys => pages.keys = answer,
        }
    }

    /// How often a document was asked for.
    pub(crate) fn asked(&self, page: Page) -> usize {
        let pages = self.shared.pages();
        match page {
            Page::Discovery => pages.asked_discovery,
            Page::Keys => pages.asked_keys,
        }
    }

    /// How many bytes of endless answers were taken from it.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }
}

/// The public halves of these keys.
pub(crate) fn key_set(keys: &[&SigningKey]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys })
}

/// Header and claims of a token, without a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// Base64 as tokens have it.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
