//! InvokeAgentRuntimeCommand, which no session here can carry out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;

use super::data_plane::AgentQuery;
use super::{caller, headers};
use crate::api::Api;
use crate::api::auth::Credentials;
use crate::api::error::{ApiError, Code};

/// Says so, to who names an agent that is there.
pub(in crate::api) async fn run(
    State(api): State<Arc<Api>>,
    Extension(credentials): Extension<Credentials>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
) -> Result<(), ApiError> {
    headers::required_session(&request)?;
    let agent = caller::agent(&api, &credentials, &segment, query.account_id())?;
    let endpoint = query.endpoint()?;
    caller::identify(&api, credentials, &agent, &endpoint, &request).await?;
    api.agents.endpoint(&agent, &endpoint)?;
    Err(ApiError::new(
        Code::Validation,
        "a session here is a WebAssembly instance, which has no shell to run commands in; invoke the agent instead",
    ))
}
