//! StopRuntimeSession.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::client_token::Asked;
use super::data_plane::{AgentQuery, insert};
use super::{arn, headers};
use crate::agents::Once;
use crate::api::error::ApiError;
use crate::api::{Api, blocking};
use crate::clock::Timestamp;
use crate::ids::SessionKey;
use crate::sessions::{Error, Phase};
use crate::tenants::Principal;

/// Ends a session at once. A call that is made again does not end another session of the same id.
pub(in crate::api) async fn stop(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let agent = arn::agent_of_segment(
        &api,
        &principal.tenant,
        &segment,
        query.account_id.as_deref(),
    )?;
    let endpoint = query.endpoint()?;
    let session = headers::required_session(&request)?;
    let ids = [agent.agent.as_str(), endpoint.as_str(), session.as_str()];
    let asked = Asked("StopRuntimeSession", &ids);
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let (_, once): (Value, _) = asked.body(body)?;
    let key = SessionKey {
        agent,
        session: session.clone(),
    };
    let earlier = match &once {
        Some(once) => remembered(&api, &key, once).await?,
        None => None,
    };
    match (earlier, once) {
        (Some(life), _) => stop_life(&api, &key, life).await?,
        (None, once) => {
            api.agents.endpoint(&key.agent, &endpoint)?;
            match once {
                Some(once) => stop_once(&api, &key, once).await?,
                None => api.sessions.stop(&key).await?,
            }
        }
    }
    let mut response = axum::Json(json!({})).into_response();
    insert(response.headers_mut(), headers::SESSION, session.as_str());
    Ok(response)
}

/// The life of a session: when it began, which tells it from others of the same id. None when that could not be read.
type Life = Option<Timestamp>;

/// The life that this call was to end when it came first.
async fn remembered(api: &Api, key: &SessionKey, once: &Once) -> Result<Option<Life>, ApiError> {
    let (agents, tenant, once) = (api.agents.clone(), key.agent.tenant.clone(), once.clone());
    let word = blocking(move || agents.remembered(&tenant, &once)).await?;
    Ok(word.map(serde_json::from_value).transpose()?)
}

/// Ends the session, and remembers which before doing so: whatever happens in between, the call made again ends this one and
/// no other.
async fn stop_once(api: &Api, key: &SessionKey, once: Once) -> Result<(), ApiError> {
    let (agents, tenant) = (api.agents.clone(), key.agent.tenant.clone());
    let remember = async |life: Life| {
        let word = blocking(move || agents.remember(&tenant, &once, json!(life))).await?;
        Ok::<Life, ApiError>(serde_json::from_value(word)?)
    };
    match live(api, key).await {
        Some(life) => {
            let life = remember(Some(life)).await?;
            stop_life(api, key, life).await
        }
        // There is none, or it is damaged.
        None => {
            api.sessions.stop(key).await?;
            remember(None).await.map(|_| ())
        }
    }
}

/// Ends this life of the session, unless it is over.
async fn stop_life(api: &Api, key: &SessionKey, life: Life) -> Result<(), ApiError> {
    if life.is_none() || live(api, key).await != life {
        return Ok(());
    }
    match api.sessions.stop(key).await {
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The present life of the session, if it has one that can be read.
async fn live(api: &Api, key: &SessionKey) -> Life {
    let (summary, _) = api.sessions.inspect(key).await.ok()?;
    match summary.phase {
        Phase::Ended { .. } | Phase::Quarantined => None,
        Phase::Idle { .. } | Phase::Running { .. } => Some(summary.started),
    }
}
