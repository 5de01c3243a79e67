//! HTTP: the AgentCore wire and the admin API, from bytes to domain types and back.
//!
//! This page holds every route. Handlers are one file for each resource; [`error`] alone knows status codes.

mod admin;
mod agentcore;
mod error;
mod grants;
mod local;
mod travel;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use crate::agents::Agents;
use crate::ids::{RequestId, TenantId};
use crate::sessions::Sessions;
use agentcore::{arn, data_plane, endpoints, runtimes};

/// What every handler may use.
pub struct Api {
    /// The agents.
    pub agents: Agents,
    /// The sessions.
    pub sessions: Sessions,
    /// The region in this server's ARNs.
    pub region: String,
    /// The name of the provider that answers model calls.
    pub provider: &'static str,
}

impl Api {
    /// Whose request this is. In `local` mode everybody is the one tenant.
    fn tenant(&self) -> TenantId {
        TenantId::local()
    }

    fn arns(&self) -> arn::Arns<'_> {
        arn::Arns {
            region: &self.region,
        }
    }
}

/// Every route of the server.
pub fn router(api: Arc<Api>) -> Router {
    let control_plane = Router::new()
        .route("/runtimes/", put(runtimes::create).post(runtimes::list))
        .route(
            "/runtimes/{agent}/",
            get(runtimes::get)
                .put(runtimes::update)
                .delete(runtimes::delete),
        )
        .route("/runtimes/{agent}/versions/", post(runtimes::versions))
        .route(
            "/runtimes/{agent}/runtime-endpoints/",
            put(endpoints::create).post(endpoints::list),
        )
        .route(
            "/runtimes/{agent}/runtime-endpoints/{name}/",
            get(endpoints::get)
                .put(endpoints::update)
                .delete(endpoints::delete),
        );
    let data_plane = Router::new()
        .route("/runtimes/{agent}/invocations", post(data_plane::invoke))
        .route(
            "/runtimes/{agent}/stopruntimesession",
            post(data_plane::stop),
        );
    let admin = Router::new()
        .route("/kellion/v1/server", get(admin::server))
        .route(
            "/kellion/v1/artifacts",
            get(admin::artifacts).put(admin::push),
        )
        .route("/kellion/v1/agents/{agent}/grant", get(grants::grant))
        .route("/kellion/v1/sessions", get(admin::sessions))
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}",
            get(admin::session).delete(admin::stop_session),
        )
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}/log",
            get(admin::session_log),
        )
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}/journal",
            get(travel::journal),
        )
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}/export",
            get(travel::export),
        )
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}/fork",
            post(travel::fork),
        )
        .route(
            "/kellion/v1/agents/{agent}/sessions/{session}/replay",
            post(travel::replay),
        );
    let health = Router::new()
        .route("/healthz/live", get(|| async { "live\n" }))
        .route("/healthz/ready", get(|| async { "ready\n" }));
    control_plane
        .merge(data_plane)
        .merge(admin)
        .merge(health)
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_route)
        .layer(axum::middleware::from_fn(envelope))
        .with_state(api)
}

/// What holds for every request: it comes from this machine, and its answer has a request id; an invocation's is its turn's.
async fn envelope(request: Request, next: Next) -> Response {
    let mut response = match local::check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    if let header::Entry::Vacant(vacant) = response.headers_mut().entry("x-amzn-requestid")
        && let Ok(id) = HeaderValue::from_str(RequestId::random().as_str())
    {
        vacant.insert(id);
    }
    response
}

/// Reads a request's body.
fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, error::ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        error::ApiError::invalid("body", format!("the request cannot be read: {error}"))
    })
}

/// Work that waits for the disk, off the threads that serve.
async fn blocking<T: Send + 'static, E: Into<error::ApiError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, error::ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the work does not panic and is never aborted")
        .map_err(Into::into)
}
