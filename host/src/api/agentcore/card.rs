//! GetAgentCard: what an agent that speaks A2A says of itself.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::data_plane::{AgentQuery, insert};
use super::{caller, challenge, headers};
use crate::agents::{Agent, VersionRecord};
use crate::api::Api;
use crate::api::auth::Credentials;
use crate::api::error::{ApiError, Code};
use crate::ids::SessionId;

/// The version of the protocol whose card this is.
const PROTOCOL_VERSION: &str = "0.3.0";

pub(in crate::api) async fn get(
    State(api): State<Arc<Api>>,
    Extension(credentials): Extension<Credentials>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let key = caller::agent(&api, &credentials, &segment, query.account_id())?;
    let endpoint = query.endpoint()?;
    caller::identify(&api, credentials, &key, &endpoint, &request).await?;
    let session = headers::session(&request)?.unwrap_or_else(SessionId::random);
    let (agent, version) = api.agents.served(&key, &endpoint)?;
    let protocol = version.configuration.protocol();
    if protocol != "A2A" {
        return Err(ApiError::new(
            Code::Validation,
            format!(
                "the agent speaks {protocol}, and has no agent card: that is A2A's; if it speaks A2A, update it with \
                 protocolConfiguration {{\"serverProtocol\": \"A2A\"}}"
            ),
        ));
    }
    let mut card = known(&agent, &version);
    let invocations = challenge::invocations(&api, &key, &request);
    let url = format!("{invocations}?qualifier={endpoint}");
    card.insert("url".to_owned(), Value::from(url));
    card.extend(version.configuration.card().unwrap_or_default());
    let mut response = Json(card).into_response();
    headers::repeat(&request, response.headers_mut());
    insert(response.headers_mut(), headers::SESSION, session.as_str());
    Ok(response)
}

/// What the server knows of an agent. The agent cannot be asked: it has one export, which takes a turn.
fn known(agent: &Agent, version: &VersionRecord) -> Map<String, Value> {
    let description = version.configuration.description.clone();
    let card = json!({
        "protocolVersion": PROTOCOL_VERSION,
        "name": agent.name,
        "description": description.unwrap_or_else(|| format!("The agent {}.", agent.name)),
        "version": version.version.to_string(),
        "preferredTransport": "JSONRPC",
        "capabilities": { "streaming": true },
        "defaultInputModes": ["application/json", "text/plain"],
        "defaultOutputModes": ["application/json", "text/plain"],
        "skills": [],
    });
    match card {
        Value::Object(card) => card,
        _ => Map::new(),
    }
}
