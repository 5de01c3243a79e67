//! The admin API, `/kellion/v1`: artifacts and sessions, and what this server is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::DeclaredDigest;
use super::error::ApiError;
use super::{Api, blocking};
use crate::agents::Reference;
use crate::ids::{AgentId, AgentKey, RequestId, SessionKey};
use crate::jail;
use crate::tenants::Principal;

type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn server(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
) -> Json<Value> {
    Json(json!({
        "name": "kellion",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": if api.tenants.keyed() { "keys" } else { "local" },
        "account": principal.tenant,
        "region": api.region,
        "provider": api.provider,
    }))
}

/// What the server runs as.
pub(super) async fn status() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "sandbox": jail::state(),
    }))
}

#[derive(Debug, Deserialize)]
pub(super) struct PushQuery {
    reference: String,
}

pub(super) async fn push(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    declared: Option<Extension<DeclaredDigest>>,
    Query(query): Query<PushQuery>,
    body: Body,
) -> Answer {
    let reference: Reference = query
        .reference
        .parse()
        .map_err(|message: String| ApiError::invalid("reference", message))?;
    let declared = declared.and_then(|Extension(DeclaredDigest(digest))| digest);
    let artifact = api
        .agents
        .push(
            &principal.tenant,
            reference,
            declared.as_ref(),
            body.into_data_stream(),
        )
        .await?;
    Ok(Json(json!(artifact)))
}

/// Forgets a reference. Versions that were built of what it names go on.
pub(super) async fn forget(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<PushQuery>,
) -> Result<StatusCode, ApiError> {
    let reference: Reference = query
        .reference
        .parse()
        .map_err(|message: String| ApiError::invalid("reference", message))?;
    let agents = api.agents.clone();
    blocking(move || agents.forget_artifact(&principal.tenant, &reference)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn artifacts(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
) -> Answer {
    let (agents, tenant) = (api.agents.clone(), principal.tenant);
    let artifacts = blocking(move || agents.artifacts(&tenant)).await?;
    Ok(Json(json!({ "artifacts": artifacts })))
}

/// How much the tenant has of everything that is bounded, and how much it may have; null is without bound.
pub(super) async fn usage(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
) -> Answer {
    let (agents, tenant) = (api.agents.clone(), principal.tenant.clone());
    let stored = blocking(move || agents.usage(&tenant)).await?;
    let live = api.sessions.usage(&principal.tenant).await?;
    Ok(Json(json!({
        "account": principal.tenant,
        "usage": {
            "agents": stored.agents,
            "storageBytes": stored.storage_bytes,
            "sessions": live.sessions,
            "concurrentTurns": live.turns,
            "journalBytes": live.journal_bytes,
        },
        "policy": *principal.policy,
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct SessionsQuery {
    agent: Option<AgentId>,
}

pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<SessionsQuery>,
) -> Answer {
    let tenant = principal.tenant;
    let agent = query.agent.map(|agent| AgentKey {
        tenant: tenant.clone(),
        agent,
    });
    let sessions = api.sessions.list(&tenant, agent.as_ref()).await?;
    Ok(Json(json!({ "sessions": sessions })))
}

pub(super) async fn session(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
) -> Answer {
    let key = key(&principal, &agent, &session)?;
    let inspection = api.sessions.inspect(&key).await?;
    let mut output = json!(inspection.summary);
    output["receipts"] = json!(inspection.receipts);
    output["principal"] = json!(inspection.owner.principal);
    output["user"] = json!(inspection.owner.user);
    Ok(Json(output))
}

pub(super) async fn stop_session(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.sessions
        .stop(&key(&principal, &agent, &session)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct LogQuery {
    request: Option<RequestId>,
}

pub(super) async fn session_log(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
    Query(query): Query<LogQuery>,
) -> Answer {
    let entries = api
        .sessions
        .log(&key(&principal, &agent, &session)?, query.request.as_ref())
        .await?;
    Ok(Json(json!({ "entries": entries })))
}

pub(super) fn key(
    principal: &Principal,
    agent: &str,
    session: &str,
) -> Result<SessionKey, ApiError> {
    let agent = AgentKey {
        tenant: principal.tenant.clone(),
        agent: agent.parse()?,
    };
    Ok(SessionKey {
        agent,
        session: session.parse()?,
    })
}
