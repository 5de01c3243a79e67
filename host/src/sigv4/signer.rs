//! Signs requests as AWS clients do; our command line is one.

use std::fmt;
use std::time::SystemTime;

use hyper::http::header::{AUTHORIZATION, HOST};
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use super::canonical::{names, scope_text, string_to_sign};
use super::keys::{Scope, hex, sha256, sign, signing_key};
use super::stamp::Stamp;
use super::{ALGORITHM, Incoming, X_AMZ_CONTENT_SHA256, X_AMZ_DATE};

/// Who signs, and for what.
#[derive(Clone)]
pub struct SigningIdentity {
    /// The access key's id.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// The region that the server answers for.
    pub region: String,
    /// The service that the server answers as.
    pub service: String,
}

/// A part of an identity cannot stand in an Authorization header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} {value:?} is not valid: it must be visible ASCII characters without '/' and ','"
)]
pub struct UnusableIdentity {
    /// Which part: never the secret.
    pub what: &'static str,
    value: String,
}

/// A request that is to be signed, with path and query as they will be sent.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path, with its percent signs.
    pub path: &'a str,
    /// The query, without its question mark; empty when there is none.
    pub query: &'a str,
    /// The header `host` as the client will send it: with the port when that is not the scheme's.
    pub host: &'a HeaderValue,
    /// The headers to be signed, all of them: leave out what a proxy may change. Those that [`Signer::sign`] answers are
    /// replaced.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Signs requests of one access key to one service.
#[derive(Clone)]
pub struct Signer(SigningIdentity);

/// Without the secret.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("access_key", &self.0.access_key)
            .field("region", &self.0.region)
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer for this identity.
    ///
    /// # Errors
    /// [`UnusableIdentity`] when its access key, region or service cannot stand in an Authorization header.
    pub fn new(identity: SigningIdentity) -> Result<Self, UnusableIdentity> {
        for (what, value) in [
            ("access key", &identity.access_key),
            ("region", &identity.region),
            ("service", &identity.service),
        ] {
            let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b',';
            if value.is_empty() || !value.bytes().all(fits) {
                return Err(UnusableIdentity {
                    what,
                    value: value.clone(),
                });
            }
        }
        Ok(Self(identity))
    }

    /// The headers to add: `authorization`, `x-amz-date` and `x-amz-content-sha256`. Five minutes after `now` they are void.
    pub fn sign(&self, outgoing: &Outgoing<'_>, now: SystemTime) -> Vec<(HeaderName, HeaderValue)> {
        let stamp = Stamp::of(now);
        let payload = sha256(outgoing.body);
        let date = (HeaderName::from_static(X_AMZ_DATE), value(stamp.text()));
        let content = (
            HeaderName::from_static(X_AMZ_CONTENT_SHA256),
            value(&hex(&payload)),
        );

        let mut headers = outgoing.headers.clone();
        headers.remove(AUTHORIZATION);
        headers.insert(HOST, outgoing.host.clone());
        for (name, value) in [date.clone(), content.clone()] {
            headers.insert(name, value);
        }
        let mut signed: Vec<HeaderName> = headers.keys().cloned().collect();
        signed.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));

        let request = Incoming {
            method: outgoing.method,
            path: outgoing.path,
            query: outgoing.query,
            headers: &headers,
        };
        let scope = Scope {
            day: stamp.day(),
            region: &self.0.region,
            service: &self.0.service,
        };
        let text = string_to_sign(&request, &signed, &payload, &stamp, scope);
        let key = signing_key(self.0.secret.as_bytes(), scope);
        let authorization = value(&format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
            self.0.access_key,
            scope_text(scope),
            names(&signed),
            hex(sign(&key, &text).as_ref())
        ));
        vec![(AUTHORIZATION, authorization), date, content]
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text)
        .expect("digits, names of headers and a checked identity are visible ASCII")
}
