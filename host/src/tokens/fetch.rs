//! Asks an issuer for its documents. What it answers is not trusted: it may be slow, endless, or point elsewhere.

use std::error::Error;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::address::{PublicOnly, is_public};
use super::keys::Keys;

/// The largest document, in bytes.
const LARGEST: usize = 256 * 1024;

/// What an issuer says of itself.
pub(super) struct Published {
    /// What `iss` is in its tokens.
    pub(super) issuer: String,
    pub(super) keys: Keys,
}

/// A discovery document, as far as it matters.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Fetches; keeps no connections.
pub(super) struct Fetcher {
    allow_private: bool,
    timeout: Duration,
    /// Made with the first fetch, because a server without such agents needs no certificates.
    client: OnceLock<Option<Client>>,
}

impl Fetcher {
    pub(super) fn new(allow_private: bool, timeout: Duration) -> Self {
        Self {
            allow_private,
            timeout,
            client: OnceLock::new(),
        }
    }

    /// The issuer's name and keys. An error is for callers to read; the log has more.
    pub(super) async fn published(&self, discovery_url: &str) -> Result<Published, &'static str> {
        let document = self.document(discovery_url).await?;
        let discovery: Discovery = serde_json::from_slice(&document)
            .map_err(|_| "the issuer's discovery document is not valid")?;
        let keys = self.document(&discovery.jwks_uri).await?;
        Ok(Published {
            issuer: discovery.issuer,
            keys: Keys::read(&keys)?,
        })
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, &'static str> {
        let url = self.permitted(url)?;
        let client = self
            .client
            .get_or_init(|| self.client())
            .as_ref()
            .ok_or("this server cannot speak to issuers")?;
        let unreachable = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(host = url.host_str(), %error, cause, "cannot fetch an issuer's document");
            "the issuer cannot be reached"
        };
        let mut response = client.get(url.clone()).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            // A redirection too: it would lead around what was checked.
            return Err("the issuer did not answer with a document");
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if document.len() + chunk.len() > LARGEST {
                return Err("the issuer's document is larger than 256 KiB");
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }

    /// The URL, if this server may speak to it. Names are checked when they are resolved.
    fn permitted(&self, url: &str) -> Result<Url, &'static str> {
        let url = Url::parse(url).map_err(|_| "the issuer's URL is not valid")?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private => {}
            _ => return Err("the issuer's URL does not begin with https://"),
        }
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let inside = literal
            .parse::<IpAddr>()
            .is_ok_and(|address| !is_public(address));
        if inside && !self.allow_private {
            return Err("the issuer's URL has an address that is not public");
        }
        Ok(url)
    }

    fn client(&self) -> Option<Client> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(self.timeout)
            // A connection that is kept would outlive what its name was checked for.
            .pool_max_idle_per_host(0);
        let client = if self.allow_private {
            client
        } else {
            client.dns_resolver(PublicOnly)
        };
        client
            .build()
            .inspect_err(|error| tracing::error!(%error, "cannot make a client for issuers"))
            .ok()
    }
}
