//! The gate before each route: who calls, and whether they may.

mod operator;
mod rate;
mod signature;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::Response;
use futures::future::BoxFuture;

use super::Api;
use super::error::{ApiError, Code};
use crate::tenants::{Permission, Principal};
pub use operator::{InvalidToken, OperatorToken};
pub use rate::Rates;
pub(super) use signature::DeclaredDigest;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who may invoke agents: by a signature, or by a token if the agent trusts it. The handler asks for [`Credentials`].
    Invoke,
    /// Who may manage agents. The handler asks for the [`Principal`].
    Manage,
    /// The same, for a body too large to be held: it is checked against its [`DeclaredDigest`] as it is read.
    Upload,
    /// Who runs the server: by the operator's token, or the way from this machine as long as there are no keys.
    Operate,
}

/// What a caller of an agent has brought.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// A signature that is good, or the way from this machine as long as there are no keys.
    Verified(Principal),
    /// A token, not looked at: what it is worth, its agent says.
    Bearer(String),
    /// Nothing.
    Nothing,
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

async fn check(gate: Gate, request: Request, next: Next) -> Result<Response, ApiError> {
    let Gate { api, access } = gate;
    match access {
        Access::Open => return Ok(next.run(request).await),
        Access::Operate => {
            operates(&api, &request)?;
            return Ok(next.run(request).await);
        }
        Access::Invoke | Access::Manage | Access::Upload => {}
    }
    let (credentials, mut request) = match bearer(&request) {
        Some(token) => (Credentials::Bearer(token), request),
        None if api.tenants.keyed() => signature::verify(&api, access, request).await?,
        None => (Credentials::Verified(Principal::local()), request),
    };
    match (credentials, access) {
        (Credentials::Verified(principal), access) => {
            let needed = match access {
                Access::Invoke => Permission::Invoke,
                Access::Open | Access::Operate | Access::Manage | Access::Upload => {
                    Permission::Manage
                }
            };
            allowed(&principal, needed)?;
            api.rates.admit(&principal)?;
            let extensions = request.extensions_mut();
            extensions.insert(api.payloads.of(&principal.tenant));
            if access == Access::Invoke {
                extensions.insert(Credentials::Verified(principal));
            } else {
                extensions.insert(principal);
            }
        }
        (unproved, Access::Invoke) => {
            let extensions = request.extensions_mut();
            extensions.insert(api.payloads.of_strangers());
            extensions.insert(unproved);
        }
        (_, Access::Open | Access::Operate | Access::Manage | Access::Upload) => {
            return Err(ApiError::new(
                Code::MissingAuthenticationToken,
                "Missing Authentication Token",
            ));
        }
    }
    Ok(next.run(request).await)
}

/// Whether a request is the operator's.
fn operates(api: &Api, request: &Request) -> Result<(), ApiError> {
    if !api.tenants.keyed() {
        return Ok(());
    }
    let token = bearer(request);
    match (&api.operator, token) {
        (Some(known), Some(token)) if known.is(&token) => Ok(()),
        (known, _) => Err(ApiError::new(
            Code::Unauthorized,
            match known {
                Some(_) => "this needs the operator's token, as a bearer token",
                None => {
                    "this needs the operator's token, and the server has none; its operator names a file with one as \
                     operator_token_file under [server]"
                }
            },
        )
        .with(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Bearer"),
        )),
    }
}

fn allowed(principal: &Principal, needed: Permission) -> Result<(), ApiError> {
    if principal.permissions.allow(needed) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::AccessDenied,
        format!("this key lacks the permission {needed}, which the operation needs"),
    ))
}

/// The token that a request brings, if it brings one.
fn bearer(request: &Request) -> Option<String> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}
