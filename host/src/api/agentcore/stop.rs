//! StopRuntimeSession.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::caller::{self, Identified};
use super::client_token::Asked;
use super::data_plane::{AgentQuery, insert};
use super::headers;
use crate::agents::Once;
use crate::api::auth::Credentials;
use crate::api::error::ApiError;
use crate::api::{Api, blocking};
use crate::clock::Timestamp;
use crate::ids::SessionKey;
use crate::sessions::Error;

/// Ends a session at once. A call that is made again does not end another session of the same id.
pub(in crate::api) async fn stop(
    State(api): State<Arc<Api>>,
    Extension(credentials): Extension<Credentials>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let agent = caller::agent(&api, &credentials, &segment, query.account_id())?;
    let endpoint = query.endpoint()?;
    let caller = caller::identify(&api, credentials, &agent, &endpoint, &request).await?;
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
        (Some(life), _) => stop_life(&api, &caller, &key, life).await?,
        (None, once) => {
            api.agents.endpoint(&key.agent, &endpoint)?;
            match once {
                Some(once) => stop_once(&api, &caller, &key, once).await?,
                None => end(&api, &caller, &key).await?,
            }
        }
    }
    let mut response = axum::Json(json!({})).into_response();
    insert(response.headers_mut(), headers::SESSION, session.as_str());
    Ok(response)
}

/// Ends the session, if it is this caller's to end.
async fn end(api: &Api, caller: &Identified, key: &SessionKey) -> Result<(), Error> {
    match caller.manages {
        true => api.sessions.stop(key).await,
        false => api.sessions.stop_own(key, &caller.owner).await,
    }
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
async fn stop_once(
    api: &Api,
    caller: &Identified,
    key: &SessionKey,
    once: Once,
) -> Result<(), ApiError> {
    let life = api.sessions.began(key).await;
    if life.is_none() {
        // There is none, or it is damaged; the call made again finds none, or the word that it was given up.
        end(api, caller, key).await?;
    }
    let (agents, tenant) = (api.agents.clone(), key.agent.tenant.clone());
    let earlier = blocking(move || agents.remember(&tenant, &once, &json!(life))).await?;
    match (earlier, life) {
        (None, None) => Ok(()),
        (None, Some(_)) => Ok(end(api, caller, key).await?),
        // The same call is being answered beside this one.
        (Some(word), _) => stop_life(api, caller, key, serde_json::from_value(word)?).await,
    }
}

/// Ends this life of the session, unless it is over.
async fn stop_life(
    api: &Api,
    caller: &Identified,
    key: &SessionKey,
    life: Life,
) -> Result<(), ApiError> {
    if life.is_none() || api.sessions.began(key).await != life {
        return Ok(());
    }
    match end(api, caller, key).await {
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
