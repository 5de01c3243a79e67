//! What a version of an agent may use, in the admin API.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::ApiError;
use crate::ids::{AgentKey, EndpointName, Version};
use crate::tenants::Principal;

#[derive(Debug, Deserialize)]
pub(super) struct GrantQuery {
    version: Option<String>,
}

/// The grant of a version; of the one that DEFAULT serves when none is named, and of the newest while it serves none. A
/// version that is not built has none.
pub(super) async fn grant(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(agent): Path<String>,
    Query(query): Query<GrantQuery>,
) -> Result<Json<Value>, ApiError> {
    let key = AgentKey {
        tenant: principal.tenant,
        agent: agent.parse()?,
    };
    let wanted: Option<Version> = query.version.as_deref().map(str::parse).transpose()?;
    let version = match wanted {
        Some(version) => Some(version),
        None => {
            let (endpoint, ..) = api
                .agents
                .endpoint(&key, &EndpointName::default_endpoint())?;
            endpoint.live
        }
    };
    let (agent, record) = api.agents.get(&key, version)?;
    Ok(Json(json!({
        "agent": agent.id,
        "name": agent.name,
        "version": record.version.to_string(),
        "status": record.status(),
        "grant": record.grant(),
    })))
}
