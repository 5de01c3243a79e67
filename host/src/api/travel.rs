//! Time travel in the admin API: what is recorded of a session, forks of it, and replays.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::admin::key;
use super::error::ApiError;
use super::{Api, blocking, parse};
use crate::ids::Version;
use crate::journal::Incarnation;
use crate::sessions::{Chronicle, Fork, Passage, Replay};
use crate::tenants::Principal;

/// The name of what an export is, with the number of its form.
const EXPORT: &str = "kellion-session/1";

#[derive(Debug, Deserialize)]
pub(super) struct LifeQuery {
    incarnation: Option<String>,
}

impl LifeQuery {
    fn parse(&self) -> Result<Option<Incarnation>, ApiError> {
        let number = self.incarnation.as_deref().map(str::parse).transpose();
        let number = number.map_err(|_| {
            ApiError::invalid("incarnation", "an incarnation is a number from 1 on")
        })?;
        Ok(number.map(Incarnation::from_number))
    }
}

pub(super) async fn journal(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
    Query(life): Query<LifeQuery>,
) -> Result<Response, ApiError> {
    let key = key(&principal, &agent, &session)?;
    let passage = api.sessions.passage(&key).await?;
    json_of(api.sessions.journal(&key, life.parse()?).await?, passage).await
}

#[derive(Serialize)]
struct Export {
    format: &'static str,
    #[serde(flatten)]
    chronicle: Chronicle,
}

pub(super) async fn export(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
    Query(life): Query<LifeQuery>,
) -> Result<Response, ApiError> {
    let key = key(&principal, &agent, &session)?;
    let passage = api.sessions.passage(&key).await?;
    let chronicle = api.sessions.export(&key, life.parse()?).await?;
    let disposition = format!("attachment; filename=\"{}.json\"", key.session);
    let export = Export {
        format: EXPORT,
        chronicle,
    };
    let headers = [
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, json_of(export, passage).await?).into_response())
}

/// A text, and the right to have it in memory.
struct Held {
    text: Vec<u8>,
    _passage: Passage,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// As JSON, which takes a while of a long session. Its passage ends when the last of it is sent.
async fn json_of(
    value: impl Serialize + Send + 'static,
    passage: Passage,
) -> Result<Response, ApiError> {
    let text = blocking(move || serde_json::to_vec(&value)).await?;
    let body = Bytes::from_owner(Held {
        text,
        _passage: passage,
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForkInput {
    turn: u64,
    session: Option<String>,
}

pub(super) async fn fork(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
    Query(life): Query<LifeQuery>,
    body: Bytes,
) -> Result<(StatusCode, Json<Fork>), ApiError> {
    let key = key(&principal, &agent, &session)?;
    let ForkInput { turn, session } = parse(&body)?;
    let turn = number(turn)?;
    let session = session.map(|session| session.parse()).transpose()?;
    let policy = &principal.policy;
    let fork = api
        .sessions
        .fork(key, life.parse()?, turn, session, policy)
        .await?;
    Ok((StatusCode::CREATED, Json(fork)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayInput {
    turn: Option<u64>,
    version: Option<Version>,
}

pub(super) async fn replay(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((agent, session)): Path<(String, String)>,
    Query(life): Query<LifeQuery>,
    body: Bytes,
) -> Result<Json<Replay>, ApiError> {
    let key = key(&principal, &agent, &session)?;
    let ReplayInput { turn, version } = match body.is_empty() {
        true => ReplayInput::default(),
        false => parse(&body)?,
    };
    let turn = turn.map(number).transpose()?;
    let replay = api.sessions.replay(&key, life.parse()?, turn, version);
    Ok(Json(replay.await?))
}

fn number(turn: u64) -> Result<u64, ApiError> {
    match turn {
        0 => Err(ApiError::invalid("turn", "turns are counted from 1")),
        turn => Ok(turn),
    }
}
