//! What a client without a good token is told: that it needs one, and where to get it (RFC 6750, RFC 9728).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::arn;
use super::data_plane::AgentQuery;
use crate::api::Api;
use crate::api::error::{ApiError, Code};
use crate::ids::{AgentKey, EndpointName};
use crate::tokens::resource_metadata;

/// The answer to a request without a token, or with one that is refused for this reason.
pub(super) fn unauthorized(
    api: &Api,
    agent: &AgentKey,
    endpoint: &EndpointName,
    request: &HeaderMap,
    refused: Option<&str>,
) -> ApiError {
    let metadata = format!(
        "{}/.well-known/oauth-protected-resource?qualifier={endpoint}",
        invocations(api, agent, request)
    );
    let error = match refused {
        Some(_) => ", error=\"invalid_token\"",
        None => "",
    };
    let challenge = format!("Bearer resource_metadata=\"{metadata}\"{error}");
    let message = refused.unwrap_or("Missing authentication token: this agent takes bearer tokens");
    let unauthorized = ApiError::new(Code::Unauthorized, message);
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => unauthorized.with(header::WWW_AUTHENTICATE, challenge),
        Err(_) => unauthorized,
    }
}

/// The document that says which issuer's tokens an agent takes. It is there for those who have none.
pub(in crate::api) async fn metadata(
    State(api): State<Arc<Api>>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let agent = arn::agent_named(&api, &segment, query.account_id())?;
    let authorizer = api.agents.authorizer(&agent, &query.endpoint()?);
    let authorizer = authorizer.ok_or_else(|| {
        ApiError::new(
            Code::ResourceNotFound,
            format!("no agent {} takes bearer tokens", agent.agent),
        )
    })?;
    let resource = invocations(&api, &agent, &request);
    Ok(Json(resource_metadata(&resource, authorizer.rules())))
}

/// The URL that invokes an agent, as its caller sees the server.
pub(super) fn invocations(api: &Api, agent: &AgentKey, request: &HeaderMap) -> String {
    let arn = api
        .arns()
        .agent(agent)
        .replace(':', "%3A")
        .replace('/', "%2F");
    let host = || {
        let host = request.get(header::HOST);
        host.and_then(|host| host.to_str().ok())
            .unwrap_or("localhost")
    };
    let base = match &api.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None if api.https => format!("https://{}", host()),
        None => format!("http://{}", host()),
    };
    format!("{base}/runtimes/{arn}/invocations")
}
