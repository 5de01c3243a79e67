//! HTTP: the AgentCore wire and the admin API, from bytes to domain types and back.
//!
//! This page holds every route. Handlers are one file for each resource; [`error`] alone knows status codes.

mod admin;
mod agentcore;
mod auth;
mod body;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod grants;
mod local;
mod metrics;
mod payloads;
mod travel;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use crate::agents::Agents;
use crate::clock::Clock;
use crate::ids::RequestId;
use crate::sessions::Sessions;
use crate::telemetry::Telemetry;
use crate::tenants::Tenants;
use crate::tokens::Tokens;
use agentcore::{
    arn, card, challenge, command, data_plane, endpoints, model, runtimes, stop, tags,
};
pub use auth::{Access, InvalidToken, OperatorToken, Rates};

pub use error::Refusal;
pub use metrics::Answers;
pub use payloads::Payloads;

/// What every handler may use.
pub struct Api {
    /// The agents.
    pub agents: Agents,
    /// The sessions.
    pub sessions: Sessions,
    /// Who may call.
    pub tenants: Tenants,
    /// Whether a token opens an agent.
    pub tokens: Tokens,
    /// The URL under which callers reach this server, when its operator says.
    pub public_url: Option<String>,
    /// Whether requests may be signed in their query.
    pub presigned: bool,
    /// Whether it is reached by TLS.
    pub https: bool,
    /// What time it is, for signatures.
    pub clock: Arc<dyn Clock>,
    /// The region in this server's ARNs.
    pub region: String,
    /// The name of the provider that answers model calls.
    pub provider: &'static str,
    /// How many requests each tenant has sent lately.
    pub rates: Rates,
    /// Memory for what requests bring.
    pub payloads: Payloads,
    /// The token of who runs the server, if there is one.
    pub operator: Option<OperatorToken>,
    /// What is counted.
    pub telemetry: Telemetry,
    /// How requests were answered.
    pub answers: Answers,
}

impl Api {
    fn arns(&self) -> arn::Arns<'_> {
        arn::Arns {
            region: &self.region,
        }
    }
}

/// One operation of the server.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Who may use it.
    pub access: Access,
    /// The method of HTTP.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
}

/// Writes the table once: as data, for those who go through all routes, and as the router with the gates before each: who
/// calls, then what is asked.
macro_rules! routes {
    ($($access:ident $method:ident $path:literal $handler:path;)*) => {
        /// Every route of the server.
        pub const ROUTES: &[Route] = &[
            $(Route { access: Access::$access, method: stringify!($method), path: $path }),*
        ];

        fn table(api: &Arc<Api>) -> Router<Arc<Api>> {
            let mut table = Router::new();
            $(
                let operation = on(MethodFilter::$method, $handler)
                    .route_layer(model::gate(stringify!($method), $path))
                    .route_layer(auth::gate(api, Access::$access));
                // Some SDKs leave out the slash at a path's end.
                if let Some(path) = $path.strip_suffix('/') {
                    table = table.route(path, operation.clone());
                }
                table = table.route($path, operation);
            )*
            table
        }
    };
}

routes! {
    Manage PUT "/runtimes/" runtimes::create;
    Manage POST "/runtimes/" runtimes::list;
    Manage GET "/runtimes/{agent}/" runtimes::get;
    Manage PUT "/runtimes/{agent}/" runtimes::update;
    Manage DELETE "/runtimes/{agent}/" runtimes::delete;
    Manage POST "/runtimes/{agent}/versions/" runtimes::versions;
    Manage PUT "/runtimes/{agent}/runtime-endpoints/" endpoints::create;
    Manage POST "/runtimes/{agent}/runtime-endpoints/" endpoints::list;
    Manage GET "/runtimes/{agent}/runtime-endpoints/{name}/" endpoints::get;
    Manage PUT "/runtimes/{agent}/runtime-endpoints/{name}/" endpoints::update;
    Manage DELETE "/runtimes/{agent}/runtime-endpoints/{name}/" endpoints::delete;
    Manage GET "/tags/{arn}" tags::list;
    Manage POST "/tags/{arn}" tags::tag;
    Manage DELETE "/tags/{arn}" tags::untag;

    Invoke POST "/runtimes/{agent}/invocations" data_plane::invoke;
    Invoke POST "/runtimes/{agent}/stopruntimesession" stop::stop;
    Invoke POST "/runtimes/{agent}/commands" command::run;
    Invoke GET "/runtimes/{agent}/invocations/.well-known/agent-card.json" card::get;
    Open GET "/runtimes/{agent}/invocations/.well-known/oauth-protected-resource" challenge::metadata;

    Manage GET "/kellion/v1/server" admin::server;
    Manage GET "/kellion/v1/status" admin::status;
    Manage GET "/kellion/v1/usage" admin::usage;
    Manage GET "/kellion/v1/artifacts" admin::artifacts;
    Upload PUT "/kellion/v1/artifacts" admin::push;
    Manage DELETE "/kellion/v1/artifacts" admin::forget;
    Manage GET "/kellion/v1/agents/{agent}/grant" grants::grant;
    Manage GET "/kellion/v1/sessions" admin::sessions;
    Manage GET "/kellion/v1/agents/{agent}/sessions/{session}" admin::session;
    Manage DELETE "/kellion/v1/agents/{agent}/sessions/{session}" admin::stop_session;
    Manage GET "/kellion/v1/agents/{agent}/sessions/{session}/log" admin::session_log;
    Manage GET "/kellion/v1/agents/{agent}/sessions/{session}/journal" travel::journal;
    Manage GET "/kellion/v1/agents/{agent}/sessions/{session}/export" travel::export;
    Manage POST "/kellion/v1/agents/{agent}/sessions/{session}/fork" travel::fork;
    Manage POST "/kellion/v1/agents/{agent}/sessions/{session}/replay" travel::replay;

    Operate GET "/kellion/v1/metrics" metrics::scrape;

    Open GET "/healthz/live" live;
    Open GET "/healthz/ready" ready;
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(api): State<Arc<Api>>) -> Result<&'static str, error::ApiError> {
    match api.sessions.are_well() {
        true => Ok("ready\n"),
        false => Err(error::ApiError::new(
            error::Code::Unavailable,
            "the journal has ended; start the server anew",
        )),
    }
}

/// The server's whole face.
pub fn router(api: Arc<Api>) -> Router {
    table(&api)
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_route)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&api),
            envelope,
        ))
        .with_state(api)
}

/// What holds for every request: as long as there are no keys it comes from this machine, and its answer has a request id;
/// an invocation's is its turn's.
async fn envelope(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let checked = match api.tenants.keyed() {
        true => Ok(()),
        false => local::check(request.headers()),
    };
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    seal(&mut response);
    api.answers.count(response.status());
    response
}

/// The answer to a request that no handler gets to see, or that none can answer any more.
pub fn refusal(refusal: Refusal) -> Response {
    let mut response = error::ApiError::from(refusal).into_response();
    seal(&mut response);
    response
}

/// What every answer has: the request's id, and a word to browsers. Whatever an agent or a tenant wrote into it, they run
/// nothing of it, guess nothing about it, and show it in no other page.
fn seal(response: &mut Response) {
    const POLICY: HeaderValue =
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
    let headers = response.headers_mut();
    if let header::Entry::Vacant(vacant) = headers.entry("x-amzn-requestid")
        && let Ok(id) = HeaderValue::from_str(RequestId::random().as_str())
    {
        vacant.insert(id);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

/// Reads a request's body.
fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, error::ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        error::ApiError::unreadable(format!("the request cannot be read: {error}"))
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
