//! InvokeAgentRuntime.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;

use super::{caller, headers};
use crate::api::Api;
use crate::api::auth::Credentials;
use crate::api::body::{self, MAX_PAYLOAD};
use crate::api::error::ApiError;
use crate::ids::{EndpointName, RequestId, SessionId, SessionKey};
use crate::sessions::{Answer, Chunks, Invocation};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct AgentQuery {
    qualifier: Option<String>,
    pub(super) account_id: Option<String>,
}

impl AgentQuery {
    pub(super) fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// The endpoint that is meant.
    pub(super) fn endpoint(&self) -> Result<EndpointName, ApiError> {
        match &self.qualifier {
            None => Ok(EndpointName::default_endpoint()),
            Some(name) => name.parse().map_err(|error: crate::ids::InvalidId| {
                ApiError::invalid("qualifier", error.to_string())
            }),
        }
    }
}

/// One turn of a session.
pub(in crate::api) async fn invoke(
    State(api): State<Arc<Api>>,
    Extension(credentials): Extension<Credentials>,
    Path(segment): Path<String>,
    Query(query): Query<AgentQuery>,
    request: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let id = RequestId::random();
    let agent = caller::agent(&api, &credentials, &segment, query.account_id())?;
    let endpoint = query.endpoint()?;
    let caller = caller::identify(&api, credentials, &agent, &endpoint, &request).await?;
    let session = headers::session(&request)?.unwrap_or_else(SessionId::random);
    let deployment = api.agents.resolve(&agent, &endpoint).await?;
    let share = api.payloads.of(&agent.tenant).share();
    let invocation = Invocation {
        request: id.clone(),
        invocation: headers::invocation(&request)?,
        endpoint,
        owner: caller.owner,
        policy: caller.policy,
        headers: headers::allowed(&request, &deployment.request_headers)?,
        content_type: headers::short(&request, &header::CONTENT_TYPE)?,
        accept: headers::short(&request, &header::ACCEPT)?,
        traceparent: headers::traceparent(&request),
        payload: body::read(body, MAX_PAYLOAD, share).await?,
    };
    let key = SessionKey {
        agent,
        session: session.clone(),
    };
    let answer = api.sessions.invoke(key, deployment, invocation).await;
    let mut response = match answer {
        Ok(Answer::Whole { content_type, body }) => answered(&content_type, Body::from(body)),
        Ok(Answer::Stream {
            content_type,
            chunks,
        }) => answered(&content_type, streamed(chunks)),
        Err(error) => ApiError::from(error).into_response(),
    };
    let answered = response.headers_mut();
    headers::repeat(&request, answered);
    insert(answered, headers::SESSION, session.as_str());
    insert(answered, headers::REQUEST_ID, id.as_str());
    Ok(response)
}

fn answered(content_type: &str, body: Body) -> Response {
    let content_type = HeaderValue::from_str(content_type)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Chunks as they come. An error breaks the connection off, the one honest signal once the head is sent.
fn streamed(chunks: Chunks) -> Body {
    Body::from_stream(stream::unfold(Some(chunks), |chunks| async move {
        let mut chunks = chunks?;
        let chunk = chunks.next().await?;
        let rest = chunk.is_ok().then_some(chunks);
        Some((chunk, rest))
    }))
}

pub(super) fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
