//! Tokens: whether a bearer token (a JWT of an OpenID Connect issuer) opens an agent.
//!
//! [`Tokens::verify`] is the whole face. It reads the issuer's keys through its discovery document, keeps them for a
//! while, and holds the token against an agent's [`Rules`]. The only room that knows JWT; it knows no agents and no HTTP
//! of the server.

mod address;
mod cache;
mod claims;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod metadata;
mod rules;
mod token;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use self::cache::Cache;
use self::fetch::Fetcher;
use self::token::Token;
use crate::clock::Clock;

pub use self::claims::Claims;
pub use self::metadata::resource_metadata;
pub use self::rules::{ClaimRule, Match, Rules};

/// How long one answer of an issuer may take, from the name's resolution to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How callers are known. `[auth]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether issuers may be spoken to over plain HTTP, and at addresses that are not public (loopback, private,
    /// link-local). False by default: who deploys an agent names its issuer, and must not reach into this network with it.
    pub allow_private_issuers: bool,
    /// The URL under which callers reach this server, such as `https://agents.example.com`, for what it says of itself to
    /// clients without a token. By default what the request's `Host` header says.
    pub public_url: Option<String>,
    /// Whether requests may be signed in their query, where a signature ends up in logs and histories. False by default;
    /// then such requests are refused. They live 300 seconds at most.
    pub allow_presigned_urls: bool,
}

/// Why a token does not open an agent. Says nothing of what stands in the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no token, a forged or an expired one, or another issuer's: 401.
    #[error("{0}")]
    Invalid(&'static str),
    /// It is valid, but not for this agent: the audience, the client, the scope or a claim does not match. AgentCore
    /// Runtime answers this with 401 too, and in these words.
    #[error("{0}")]
    Forbidden(String),
    /// The issuer's keys cannot be had, so nobody can tell: 503. The server's log says why.
    #[error("{0}")]
    Unavailable(&'static str),
}

/// Verifies tokens. Cheap to clone; clones share what they know of issuers.
#[derive(Clone)]
pub struct Tokens {
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Speaks to nobody before the first token comes.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Self {
        Self::with_timeout(config, clock, TIMEOUT)
    }

    fn with_timeout(config: &Config, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let fetcher = Fetcher::new(config.allow_private_issuers, timeout);
        Self {
            cache: Arc::new(Cache::new(fetcher, Arc::clone(&clock))),
            clock,
        }
    }

    /// Whether `bearer`, what stood after `Authorization: Bearer `, opens an agent with these rules.
    ///
    /// May fetch the issuer's two documents, which takes up to twice 5 s. Must be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Refused`], for the caller to read.
    pub async fn verify(&self, rules: &Rules, bearer: &str) -> Result<Claims, Refused> {
        let token = Token::read(bearer)?;
        let mut published = self.cache.keys(&rules.discovery_url).await?;
        if let Some(kid) = token.kid()
            && !published.keys.knows(kid)
        {
            // The issuer may have begun to use a new key since.
            published = self
                .cache
                .newer_keys(&rules.discovery_url)
                .await
                .unwrap_or(published);
        }
        let claims = token.verified(&published.keys)?;
        let opened = Claims::of(&claims, &published.issuer, self.clock.now())?;
        rules.check(&claims)?;
        Ok(opened)
    }
}

#[cfg(test)]
mod tests;
