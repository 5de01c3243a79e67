//! InvokeAgentRuntimeCommand, which no session here can carry out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;

use super::data_plane::AgentQuery;
use super::{arn, headers};
use crate::api::Api;
use crate::api::error::{ApiError, Code};
use crate::tenants::Principal;

/// Says so, to who names an agent that is there.
pub(in crate::api) async fn run(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
) -> Result<(), ApiError> {
    headers::required_session(&request)?;
    let account = query.account_id.as_deref();
    let agent = arn::agent_of_segment(&api, &principal.tenant, &segment, account)?;
    api.agents.endpoint(&agent, &query.endpoint()?)?;
    Err(ApiError::new(
        Code::Validation,
        "a session here is a WebAssembly instance, which has no shell to run commands in; invoke the agent instead",
    ))
}
