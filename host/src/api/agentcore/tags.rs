//! TagResource, UntagResource, ListTagsForResource, and the tags that agents and endpoints are created with.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::resource_of_segment;
use crate::agents::{MAX_TAGS, Tags};
use crate::api::error::ApiError;
use crate::api::{Api, blocking, parse};
use crate::tenants::Principal;

const FIELD: &str = "tags";

#[derive(Debug, Deserialize)]
struct TagInput {
    tags: Option<BTreeMap<String, String>>,
}

pub(in crate::api) async fn tag(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(arn): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let resource = resource_of_segment(&api, &principal.tenant, &arn)?;
    let input: TagInput = parse(&body)?;
    let required = || ApiError::invalid(FIELD, "tags is required");
    let tags = checked(input.tags.ok_or_else(required)?)?;
    let agents = api.agents.clone();
    blocking(move || agents.tag(&resource, &tags)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(in crate::api) async fn untag(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(arn): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<StatusCode, ApiError> {
    const FIELD: &str = "tagKeys";
    let resource = resource_of_segment(&api, &principal.tenant, &arn)?;
    let named = query.into_iter().filter(|(name, _)| name == FIELD);
    let keys: Vec<String> = named.map(|(_, key)| key).collect();
    if keys.is_empty() {
        return Err(ApiError::invalid(FIELD, "tagKeys is required"));
    }
    if keys.len() > 200 {
        let message = format!("there are {} keys, at most 200 fit", keys.len());
        return Err(ApiError::invalid(FIELD, message));
    }
    let agents = api.agents.clone();
    blocking(move || agents.untag(&resource, &keys)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(arn): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let resource = resource_of_segment(&api, &principal.tenant, &arn)?;
    let agents = api.agents.clone();
    let tags = blocking(move || agents.tags(&resource)).await?;
    Ok(Json(json!({ "tags": tags })))
}

/// The tags, if they may be some.
pub(super) fn checked(tags: Tags) -> Result<Tags, ApiError> {
    if tags.len() > MAX_TAGS {
        let message = format!("there are {} tags, at most {MAX_TAGS} fit", tags.len());
        return Err(ApiError::invalid(FIELD, message));
    }
    for key in tags.keys() {
        // AWS keeps these for itself, so no caller may find one that somebody else wrote.
        if key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        {
            let message = format!("a tag's key must not begin with aws:, and {key:?} does");
            return Err(ApiError::invalid(FIELD, message));
        }
    }
    Ok(tags)
}
