//! Create, get, update, delete and list the endpoints of an agent.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::agent_of_id;
use super::page::{PageQuery, page};
use super::runtimes::with_token;
use crate::agents::{Endpoint, Status};
use crate::api::error::ApiError;
use crate::api::{Api, blocking, parse};
use crate::ids::{AgentKey, EndpointName, Version};
use crate::tenants::Principal;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointInput {
    name: Option<String>,
    agent_runtime_version: Option<String>,
    description: Option<String>,
}

impl EndpointInput {
    fn target(&self) -> Result<(Option<Version>, Option<String>), ApiError> {
        Ok((
            self.agent_runtime_version
                .as_deref()
                .map(str::parse)
                .transpose()?,
            self.description.clone(),
        ))
    }
}

pub(in crate::api) async fn create(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let input: EndpointInput = parse(&body)?;
    let name: EndpointName = input
        .name
        .as_deref()
        .ok_or_else(|| ApiError::invalid("name", "name is required"))?
        .parse()?;
    let (version, description) = input.target()?;
    let (agents, at) = (api.agents.clone(), key.clone());
    let (endpoint, status) =
        blocking(move || agents.create_endpoint(&at, name, version, description)).await?;
    let mut output = output(&api, &key, &endpoint, status);
    output["endpointName"] = json!(endpoint.name);
    Ok((StatusCode::ACCEPTED, Json(output)))
}

pub(in crate::api) async fn update(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let name: EndpointName = name.parse()?;
    let (version, description) = parse::<EndpointInput>(&body)?.target()?;
    let (agents, at) = (api.agents.clone(), key.clone());
    let (endpoint, status) =
        blocking(move || agents.update_endpoint(&at, &name, version, description)).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(output(&api, &key, &endpoint, status)),
    ))
}

pub(in crate::api) async fn get(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let (endpoint, status, failure) = api.agents.endpoint(&key, &name.parse()?)?;
    let mut output = output(&api, &key, &endpoint, status);
    if let Some(reason) = failure {
        output["failureReason"] = json!(reason);
    }
    Ok((StatusCode::OK, Json(output)))
}

pub(in crate::api) async fn delete(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let name: EndpointName = name.parse()?;
    let output = json!({ "status": "DELETING", "agentRuntimeId": key.agent, "endpointName": name });
    let agents = api.agents.clone();
    blocking(move || agents.delete_endpoint(&key, &name)).await?;
    Ok((StatusCode::ACCEPTED, Json(output)))
}

pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let (endpoints, next) = page(&query, api.agents.endpoints(&key)?, |(endpoint, _)| {
        endpoint.name.to_string()
    })?;
    let endpoints: Vec<Value> = endpoints
        .iter()
        .map(|(endpoint, status)| output(&api, &key, endpoint, *status))
        .collect();
    Ok((
        StatusCode::OK,
        Json(with_token(json!({ "runtimeEndpoints": endpoints }), next)),
    ))
}

fn output(api: &Api, key: &AgentKey, endpoint: &Endpoint, status: Status) -> Value {
    let mut output = json!({
        "name": endpoint.name,
        "id": endpoint.name,
        "agentRuntimeId": key.agent,
        "agentRuntimeArn": api.arns().agent(key),
        "agentRuntimeEndpointArn": api.arns().endpoint(key, &endpoint.name),
        "targetVersion": endpoint.target.to_string(),
        "status": status,
        "createdAt": endpoint.created.to_string(),
        "lastUpdatedAt": endpoint.updated.to_string(),
    });
    if let Some(live) = endpoint.live {
        output["liveVersion"] = json!(live.to_string());
    }
    if let Some(description) = &endpoint.description {
        output["description"] = json!(description);
    }
    output
}
