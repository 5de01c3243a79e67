//! Create, get, update, delete and list the endpoints of an agent.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::agent_of_id;
use super::client_token::{Asked, TokenQuery};
use super::page::{List, PageQuery};
use super::runtimes::with_token;
use super::tags;
use crate::agents::{Endpoint, NewEndpoint, Status, Tags};
use crate::api::error::ApiError;
use crate::api::{Api, blocking};
use crate::ids::{AgentKey, EndpointName, Version};
use crate::tenants::Principal;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointInput {
    name: Option<String>,
    agent_runtime_version: Option<String>,
    description: Option<String>,
    tags: Option<Tags>,
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
    let asked = Asked("CreateAgentRuntimeEndpoint", &[&id]);
    let (mut input, once) = asked.body::<EndpointInput>(&body)?;
    let name: EndpointName = input
        .name
        .as_deref()
        .ok_or_else(|| ApiError::invalid("name", "name is required"))?
        .parse()?;
    let (version, description) = input.target()?;
    let new = NewEndpoint {
        name,
        version,
        description,
        tags: tags::checked(input.tags.take().unwrap_or_default())?,
    };
    let output = blocking(move || {
        let answer = |endpoint: &Endpoint, status| {
            let mut output = output(&api, &key, endpoint, status);
            output["endpointName"] = json!(endpoint.name);
            output
        };
        api.agents.create_endpoint(&key, new, once.as_ref(), answer)
    });
    Ok((StatusCode::ACCEPTED, Json(output.await?)))
}

pub(in crate::api) async fn update(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let asked = Asked("UpdateAgentRuntimeEndpoint", &[&id, &name]);
    let (input, once) = asked.body::<EndpointInput>(&body)?;
    let target = input.target()?;
    let name: EndpointName = name.parse()?;
    let output = blocking(move || {
        let answer = |endpoint: &Endpoint, status| output(&api, &key, endpoint, status);
        api.agents
            .update_endpoint(&key, &name, target, once.as_ref(), answer)
    });
    Ok((StatusCode::ACCEPTED, Json(output.await?)))
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
    Query(query): Query<TokenQuery>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let once = query.once(&Asked("DeleteAgentRuntimeEndpoint", &[&id, &name]))?;
    let name: EndpointName = name.parse()?;
    let output = json!({ "status": "DELETING", "agentRuntimeId": key.agent, "endpointName": name });
    let agents = api.agents.clone();
    let output = blocking(move || agents.delete_endpoint(&key, &name, once.as_ref(), output));
    Ok((StatusCode::ACCEPTED, Json(output.await?)))
}

pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let endpoints = api.agents.endpoints(&key)?;
    let scope = [key.tenant.as_str(), key.agent.as_str()];
    let list = List::new(api.agents.secret(), "endpoints", &scope);
    let (endpoints, next) =
        list.page(&query, endpoints, |(endpoint, _)| endpoint.name.to_string())?;
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
