//! Create, get, update, delete and list agents (`agentRuntime` on the wire) and their versions.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::agent_of_id;
use super::client_token::Asked;
use super::configuration::{self, RuntimeInput};
use super::page::{List, PageQuery};
use super::tags;
use crate::agents::{Agent, NewAgent, VersionRecord};
use crate::api::error::ApiError;
use crate::api::{Api, blocking};
use crate::ids::{AgentKey, AgentName, Version};
use crate::tenants::Principal;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct VersionQuery {
    version: Option<String>,
    client_token: Option<String>,
}

impl VersionQuery {
    fn parse(&self) -> Result<Option<Version>, ApiError> {
        Ok(self.version.as_deref().map(str::parse).transpose()?)
    }
}

pub(in crate::api) async fn create(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    body: Bytes,
) -> Answer {
    let (mut input, once) = Asked("CreateAgentRuntime", &[]).body::<RuntimeInput>(&body)?;
    let name: AgentName = input
        .agent_runtime_name
        .take()
        .ok_or_else(|| ApiError::invalid("agentRuntimeName", "agentRuntimeName is required"))?
        .parse()
        .map_err(|error: crate::ids::InvalidId| {
            ApiError::invalid("agentRuntimeName", error.to_string())
        })?;
    let new = NewAgent {
        name,
        tags: tags::checked(input.tags.take().unwrap_or_default())?,
        configuration: input.configuration()?,
    };
    let output = blocking(move || {
        let answer =
            |agent: &Agent, version: &VersionRecord| written(&api, &principal, agent, version);
        api.agents
            .create(&principal.tenant, new, once.as_ref(), answer)
    });
    Ok((StatusCode::ACCEPTED, Json(output.await?)))
}

pub(in crate::api) async fn update(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let (input, once) = Asked("UpdateAgentRuntime", &[&id]).body::<RuntimeInput>(&body)?;
    if input.tags.is_some() {
        let message =
            "tags are no part of a version; change them with TagResource and UntagResource";
        return Err(ApiError::invalid("tags", message));
    }
    let configuration = input.configuration()?;
    let output = blocking(move || {
        let answer =
            |agent: &Agent, version: &VersionRecord| written(&api, &principal, agent, version);
        api.agents
            .update(&key, configuration, once.as_ref(), answer)
    });
    Ok((StatusCode::ACCEPTED, Json(output.await?)))
}

pub(in crate::api) async fn get(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Answer {
    let (agent, version) = api
        .agents
        .get(&agent_of_id(&principal, &id)?, query.parse()?)?;
    let mut output = summary(&api, &principal, &agent, &version);
    if let Value::Object(output) = &mut output {
        // Lists must have one; here it is what the owner said, if anything.
        output.remove("description");
        output.extend(configuration::output(&version.configuration));
        output.insert("createdAt".to_owned(), json!(agent.created.to_string()));
        output.insert(
            "workloadIdentityDetails".to_owned(),
            workload_identity(&api, &principal, &agent),
        );
        if let Some(reason) = version.failure() {
            output.insert("failureReason".to_owned(), json!(reason));
        }
    }
    Ok((StatusCode::OK, Json(output)))
}

pub(in crate::api) async fn delete(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Answer {
    let key = agent_of_id(&principal, &id)?;
    let version = query.parse()?;
    let parameters = json!({ "version": version });
    let once = Asked("DeleteAgentRuntime", &[&id]).once(query.client_token, &parameters)?;
    let mut output = json!({ "status": "DELETING", "agentRuntimeId": key.agent });
    let agents = api.agents.clone();
    let output = match version {
        Some(version) => {
            output["agentRuntimeVersion"] = json!(version.to_string());
            blocking(move || agents.delete_version(&key, version, once.as_ref(), output)).await?
        }
        None => {
            let deleted = key.clone();
            let output = blocking(move || agents.delete(&key, once.as_ref(), output)).await?;
            api.sessions.end_all(&deleted);
            output
        }
    };
    Ok((StatusCode::ACCEPTED, Json(output)))
}

pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let list = List::new(api.agents.secret(), "agents", &[principal.tenant.as_str()]);
    let agents = api.agents.list(&principal.tenant);
    let (agents, next) = list.page(&query, agents, |(agent, _)| agent.id.to_string())?;
    let agents: Vec<Value> = agents
        .iter()
        .map(|(agent, version)| summary(&api, &principal, agent, version))
        .collect();
    Ok((
        StatusCode::OK,
        Json(with_token(json!({ "agentRuntimes": agents }), next)),
    ))
}

pub(in crate::api) async fn versions(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let (agent, versions) = api.agents.versions(&agent_of_id(&principal, &id)?)?;
    let scope = [principal.tenant.as_str(), agent.id.as_str()];
    let list = List::new(api.agents.secret(), "versions", &scope);
    let (versions, next) = list.page(&query, versions, |version| newest_first(version.version))?;
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| summary(&api, &principal, &agent, version))
        .collect();
    Ok((
        StatusCode::OK,
        Json(with_token(json!({ "agentRuntimes": versions }), next)),
    ))
}

/// A key by which newer versions come before older ones.
fn newest_first(version: Version) -> String {
    format!("{:05}", 99_999 - version.number())
}

/// What create and update answer.
fn written(api: &Api, principal: &Principal, agent: &Agent, version: &VersionRecord) -> Value {
    json!({
        "agentRuntimeArn": api.arns().agent(&key(principal, agent)),
        "agentRuntimeId": agent.id,
        "agentRuntimeVersion": version.version.to_string(),
        "createdAt": agent.created.to_string(),
        "lastUpdatedAt": version.updated.to_string(),
        "status": version.status(),
        "workloadIdentityDetails": workload_identity(api, principal, agent),
    })
}

/// An element of the lists.
fn summary(api: &Api, principal: &Principal, agent: &Agent, version: &VersionRecord) -> Value {
    json!({
        "agentRuntimeArn": api.arns().agent(&key(principal, agent)),
        "agentRuntimeId": agent.id,
        "agentRuntimeName": agent.name,
        "agentRuntimeVersion": version.version.to_string(),
        "description": version.configuration.description.as_deref().unwrap_or_default(),
        "lastUpdatedAt": version.updated.to_string(),
        "status": version.status(),
    })
}

fn workload_identity(api: &Api, principal: &Principal, agent: &Agent) -> Value {
    json!({ "workloadIdentityArn": api.arns().workload_identity(&key(principal, agent)) })
}

fn key(principal: &Principal, agent: &Agent) -> AgentKey {
    AgentKey {
        tenant: principal.tenant.clone(),
        agent: agent.id.clone(),
    }
}

pub(super) fn with_token(mut output: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        output["nextToken"] = json!(next);
    }
    output
}
