//! The command line signs its requests as AWS clients do, with the same credentials, when there are any.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::Request;
use reqwest::header::HeaderValue;

use super::exit::Failure;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Credentials};
use crate::sigv4::{Outgoing, Signer, SigningIdentity};

/// The signer that the environment's credentials make; none when there are none, which a server without keys takes.
pub(super) fn signer() -> Result<Option<Signer>, Failure> {
    let Some(Credentials { id, secret }) = config::aws_credentials() else {
        return Ok(None);
    };
    let identity = SigningIdentity {
        access_key: id,
        secret,
        region: config::client_region(),
        service: "bedrock-agentcore".to_owned(),
    };
    Signer::new(identity)
        .map(Some)
        .map_err(|error| Failure::of(&error))
}

/// Signs a request whose body is at hand.
pub(super) fn sign(signer: &Signer, request: &mut Request) -> Result<(), Failure> {
    let url = request.url().clone();
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(Failure::new("the endpoint names no host")),
    };
    let host = HeaderValue::from_str(&host)
        .map_err(|error| Failure::new("the endpoint's host is not one").because(&error))?;
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let outgoing = Outgoing {
        method: request.method().as_str(),
        path: url.path(),
        query: url.query().unwrap_or_default(),
        host: &host,
        headers: request.headers(),
        body: body.unwrap_or_default(),
    };
    let now = UNIX_EPOCH + Duration::from_millis(SystemClock.now().as_millis());
    let signed = signer.sign(&outgoing, now);
    request.headers_mut().extend(signed);
    Ok(())
}
