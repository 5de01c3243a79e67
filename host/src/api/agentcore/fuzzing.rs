//! What a fuzzer calls of the wire: names in paths, headers, and documents.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::model::check_document;
use super::{arn, headers as read};
use crate::ids::{AgentId, EndpointName, InvocationId, SessionId, TenantId, UserId};

/// ARNs and names.
pub(crate) const NAMES: &[&str] = &[
    "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/support-Ab12Cd34Ef",
    "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/support-Ab12Cd34Ef/runtime-endpoint/DEFAULT",
    "support-Ab12Cd34Ef",
    "0123456789012345678901234567890123456789",
];

/// Headers of an invocation, one a line.
pub(crate) const HEADERS: &[&str] = &[
    "x-amzn-bedrock-agentcore-runtime-session-id: 0123456789012345678901234567890123456789\n\
     x-amzn-bedrock-agentcore-runtime-user-id: ada\namz-sdk-invocation-id: 5\ntraceparent: 00-1-2-01\n\
     content-type: application/json\nbaggage: a=b\nx-custom: value",
];

/// Requests of the control plane: the operation's method and path, then the document.
pub(crate) const DOCUMENTS: &[&str] = &[
    "PUT /runtimes\n{\"agentRuntimeName\":\"a\",\"agentRuntimeArtifact\":{\"containerConfiguration\":{\"containerUri\":\
     \"000000000000.dkr.ecr.us-west-2.amazonaws.com/a:latest\"}},\"roleArn\":\"arn:aws:iam::000000000000:role/kellion\",\
     \"networkConfiguration\":{\"networkMode\":\"PUBLIC\"}}",
    "POST /runtimes\n{\"maxResults\":3,\"nextToken\":\"x\"}",
];

/// What reads as a name has its grammar, and is written as it was read.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    fn same<T: std::str::FromStr + std::fmt::Display>(text: &str) {
        if let Ok(name) = text.parse::<T>() {
            assert_eq!(name.to_string(), text);
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
    same::<TenantId>(text);
    same::<AgentId>(text);
    same::<EndpointName>(text);
    same::<SessionId>(text);
    same::<InvocationId>(text);
    same::<UserId>(text);
    arn::fuzz(text);
}

/// What is read of headers has the bounds of the service model.
pub(crate) fn headers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut headers = HeaderMap::new();
    for line in text.lines().take(64) {
        if let Some((name, value)) = line.split_once(": ")
            && let Ok(name) = name.parse::<HeaderName>()
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.append(name, value);
        }
    }
    if let Ok(Some(session)) = read::session(&headers) {
        assert!((33..=256).contains(&session.as_str().len()));
    }
    if let Ok(Some(user)) = read::user(&headers) {
        assert!(user.as_str().len() <= 1_024);
    }
    let _ = read::required_session(&headers);
    let _ = read::invocation(&headers);
    let _ = read::short(&headers, &axum::http::header::CONTENT_TYPE);
    let _ = read::traceparent(&headers);
    let _ = read::allowed(
        &headers,
        &["x-custom".to_owned(), "authorization".to_owned()],
    );
    read::repeat(&headers, &mut HeaderMap::new());
}

/// The service model's check takes any document.
pub(crate) fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((operation, document)) = text.split_once('\n') else {
        return;
    };
    let Some((method, path)) = operation.split_once(' ') else {
        return;
    };
    if method.parse::<Method>().is_ok()
        && let Ok(document) = serde_json::from_str(document)
    {
        check_document(method, path, &document);
    }
}
