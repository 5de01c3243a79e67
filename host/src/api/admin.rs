//! The admin API, `/kellion/v1`: artifacts and sessions, and what this server is.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Api, blocking};
use crate::agents::Reference;
use crate::ids::{AgentId, AgentKey, RequestId, SessionKey};

type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn server(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(json!({
        "name": "kellion",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": "local",
        "account": api.tenant(),
        "region": api.region,
        "provider": api.provider,
    }))
}

#[derive(Debug, Deserialize)]
pub(super) struct PushQuery {
    reference: String,
}

pub(super) async fn push(
    State(api): State<Arc<Api>>,
    Query(query): Query<PushQuery>,
    body: Body,
) -> Answer {
    let reference: Reference = query
        .reference
        .parse()
        .map_err(|message: String| ApiError::invalid("reference", message))?;
    let artifact = api
        .agents
        .push(&api.tenant(), reference, body.into_data_stream())
        .await?;
    Ok(Json(json!(artifact)))
}

pub(super) async fn artifacts(State(api): State<Arc<Api>>) -> Answer {
    let (agents, tenant) = (api.agents.clone(), api.tenant());
    let artifacts = blocking(move || agents.artifacts(&tenant)).await?;
    Ok(Json(json!({ "artifacts": artifacts })))
}

#[derive(Debug, Deserialize)]
pub(super) struct SessionsQuery {
    agent: Option<AgentId>,
}

pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    Query(query): Query<SessionsQuery>,
) -> Answer {
    let tenant = api.tenant();
    let agent = query.agent.map(|agent| AgentKey {
        tenant: tenant.clone(),
        agent,
    });
    let sessions = api.sessions.list(&tenant, agent.as_ref()).await?;
    Ok(Json(json!({ "sessions": sessions })))
}

pub(super) async fn session(
    State(api): State<Arc<Api>>,
    Path((agent, session)): Path<(String, String)>,
) -> Answer {
    let (summary, receipts) = api.sessions.inspect(&key(&api, &agent, &session)?).await?;
    let mut output = json!(summary);
    output["receipts"] = json!(receipts);
    Ok(Json(output))
}

pub(super) async fn stop_session(
    State(api): State<Arc<Api>>,
    Path((agent, session)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.sessions.stop(&key(&api, &agent, &session)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct LogQuery {
    request: Option<RequestId>,
}

pub(super) async fn session_log(
    State(api): State<Arc<Api>>,
    Path((agent, session)): Path<(String, String)>,
    Query(query): Query<LogQuery>,
) -> Answer {
    let entries = api
        .sessions
        .log(&key(&api, &agent, &session)?, query.request.as_ref())
        .await?;
    Ok(Json(json!({ "entries": entries })))
}

pub(super) fn key(api: &Api, agent: &str, session: &str) -> Result<SessionKey, ApiError> {
    let agent = AgentKey {
        tenant: api.tenant(),
        agent: agent.parse()?,
    };
    Ok(SessionKey {
        agent,
        session: session.parse()?,
    })
}
