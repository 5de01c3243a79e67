//! The request headers of an invocation, with the bounds of the service model, and those that go back.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::error::ApiError;
use crate::contract::types::Header;
use crate::ids::{InvalidId, InvocationId, SessionId, UserId};

pub(super) const SESSION: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-session-id");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const USER: HeaderName = HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-user-id");

/// Headers that the answer repeats, with the longest value of each.
const REPEATED: [(&str, usize); 6] = [
    ("mcp-session-id", 1_024),
    ("mcp-protocol-version", 1_024),
    ("x-amzn-trace-id", 1_024),
    ("traceparent", 128),
    ("tracestate", 512),
    ("baggage", 8_192),
];

/// The longest value of a header that an agent's configuration lets through.
const LONGEST_ALLOWED: usize = 4_096;

/// The session that a request names; none when it leaves the choice to the server.
pub(super) fn session(headers: &HeaderMap) -> Result<Option<SessionId>, ApiError> {
    let id = headers.get(&SESSION).map(HeaderValue::as_bytes);
    match id.map(String::from_utf8_lossy) {
        // An empty id is no id: the server makes one and returns it.
        None => Ok(None),
        Some(id) if id.is_empty() => Ok(None),
        Some(id) => id
            .parse()
            .map(Some)
            .map_err(|error: InvalidId| ApiError::invalid("runtimeSessionId", error.to_string())),
    }
}

/// The session that a request must name.
pub(super) fn required_session(headers: &HeaderMap) -> Result<SessionId, ApiError> {
    session(headers)?.ok_or_else(|| {
        ApiError::invalid(
            "runtimeSessionId",
            "the header with the session's id is required",
        )
    })
}

/// What names the call in all its retries: our own header, or the one that AWS SDKs send with every attempt.
pub(super) fn invocation(headers: &HeaderMap) -> Result<Option<InvocationId>, ApiError> {
    for name in ["idempotency-key", "amz-sdk-invocation-id"] {
        if let Some(id) = text(headers, &HeaderName::from_static(name), 256)? {
            return Ok(Some(id.parse()?));
        }
    }
    Ok(None)
}

/// On whose behalf the caller says that it calls.
pub(super) fn user(headers: &HeaderMap) -> Result<Option<UserId>, ApiError> {
    match text(headers, &USER, 1_024)? {
        None => Ok(None),
        Some(id) => Ok(Some(id.parse().map_err(
            |error: crate::ids::InvalidId| ApiError::invalid("runtimeUserId", error.to_string()),
        )?)),
    }
}

/// A header of 1 to 256 characters, as Content-Type and Accept are.
pub(super) fn short(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    Ok(text(headers, name, 256)?.map(str::to_owned))
}

/// The W3C trace context, if it is one; otherwise it is as if none was sent.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<String> {
    headers
        .get("traceparent")?
        .to_str()
        .ok()
        .filter(|value| value.len() <= 128)
        .map(str::to_owned)
}

/// What of the request's headers its agent may see.
pub(super) fn allowed(headers: &HeaderMap, allowed: &[String]) -> Result<Vec<Header>, ApiError> {
    let mut passed = Vec::new();
    for name in allowed {
        for value in headers.get_all(name) {
            let value = value
                .to_str()
                .ok()
                .filter(|value| value.len() <= LONGEST_ALLOWED)
                .ok_or_else(|| {
                    ApiError::invalid(
                        name.clone(),
                        format!("the header {name} has text of at most {LONGEST_ALLOWED} bytes"),
                    )
                })?;
            passed.push(Header {
                name: name.clone(),
                value: value.to_owned(),
            });
        }
    }
    Ok(passed)
}

/// Copies what the answer repeats.
pub(super) fn repeat(request: &HeaderMap, response: &mut HeaderMap) {
    for (name, longest) in REPEATED {
        if let Some(value) = request
            .get(name)
            .filter(|value: &&HeaderValue| value.len() <= longest)
        {
            response.insert(HeaderName::from_static(name), value.clone());
        }
    }
}

fn text<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    longest: usize,
) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(value) if value.len() <= longest => Ok(Some(value)),
        _ => Err(ApiError::invalid(
            name.as_str(),
            format!("the header {name} has at most {longest} visible ASCII characters"),
        )),
    }
}
