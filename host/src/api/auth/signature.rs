//! Signatures of requests, proved against the keys of tenants.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::{Access, Credentials};
use crate::api::Api;
use crate::api::body::{self, MAX_DOCUMENT, MAX_PAYLOAD};
use crate::api::error::ApiError;
use crate::ids::Digest;
use crate::sigv4::{BodyHash, Claim, Expected, Incoming, Refusal};
use crate::tenants::Opened;

/// What control and data plane sign as.
const SERVICE: &str = "bedrock-agentcore";

/// The SHA-256 that an upload was signed with: what arrives must have it.
#[derive(Debug, Clone)]
pub(in crate::api) struct DeclaredDigest(pub(in crate::api) Option<Digest>);

/// Who signed the request, and the request with its body checked, or with its digest declared if it is an upload.
///
/// A body is read before its signature is proved only when the signature covers it without naming it, and then only for a
/// key that is good: a stranger cannot make the server hold a body.
pub(super) async fn verify(
    api: &Api,
    access: Access,
    request: Request,
) -> Result<(Credentials, Request), ApiError> {
    let (parts, body) = request.into_parts();
    let headers = with_host(&parts);
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
    };
    let presigned = match api.presigned {
        true => Claim::presigned(&incoming)?,
        false => None,
    };
    let claim = match presigned {
        Some(claim) => Some(claim),
        None => Claim::of(&incoming)?,
    };
    let Some(claim) = claim else {
        return Ok((Credentials::Nothing, Request::from_parts(parts, body)));
    };
    let expected = Expected {
        region: &api.region,
        service: SERVICE,
        now: UNIX_EPOCH + Duration::from_millis(api.clock.now().as_millis()),
    };
    let key = match claim.access_key().parse() {
        Ok(id) => api.tenants.key(&id)?,
        Err(_) => None,
    };
    let Some(Opened { principal, secret }) = key else {
        // The body is not read; any digest makes the same work.
        let body = match claim.body_hash() {
            BodyHash::Declared(_) => None,
            BodyHash::Needed => Some([0; 32]),
        };
        return Err(claim.refuse_unknown(&incoming, body, &expected).into());
    };
    let max = match access {
        Access::Invoke => MAX_PAYLOAD,
        Access::Open | Access::Operate | Access::Manage | Access::Upload => MAX_DOCUMENT,
    };
    let share = || api.payloads.of(&principal.tenant).share();
    let (body, declared) = match (claim.body_hash(), access) {
        (BodyHash::Needed, Access::Upload) => {
            return Err(Refusal::Invalid(
                "An upload must be signed with 'x-amz-content-sha256', the SHA-256 of its body."
                    .to_owned(),
            )
            .into());
        }
        (BodyHash::Declared(hash), Access::Upload) => {
            claim.verify(&incoming, &secret, None, &expected)?;
            let digest = Digest::from_bytes(&hash);
            (body, Some(digest))
        }
        (BodyHash::Declared(_), _) => {
            claim.verify(&incoming, &secret, None, &expected)?;
            let whole = body::read(body, max, share()).await?;
            claim.body_hash().check(&Sha256::digest(&whole).into())?;
            (Body::from(whole), None)
        }
        (BodyHash::Needed, _) => {
            let whole = body::read(body, max, share()).await?;
            let hash = Sha256::digest(&whole).into();
            claim.verify(&incoming, &secret, Some(hash), &expected)?;
            (Body::from(whole), None)
        }
    };
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(DeclaredDigest(declared));
    Ok((Credentials::Verified(principal), request))
}

/// The headers as the client signed them: HTTP/2 has the host in the request's target.
fn with_host(parts: &Parts) -> HeaderMap {
    let mut headers = parts.headers.clone();
    if !headers.contains_key(header::HOST)
        && let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
    headers
}
