//! Who invokes an agent: proved by a signature, or by a token that the agent itself trusts.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::{arn, headers};
use crate::api::Api;
use crate::api::auth::Credentials;
use crate::api::error::{ApiError, Code};
use crate::ids::{AgentKey, EndpointName};
use crate::sessions::Owner;
use crate::tenants::{Permission, Policy, Principal};

/// A caller whom the agent takes.
pub(super) struct Identified {
    /// Whose its sessions are.
    pub(super) owner: Owner,
    /// What bounds its tenant.
    pub(super) policy: Arc<Policy>,
    /// Whether it may do as it likes with the sessions of others.
    pub(super) manages: bool,
}

/// The agent that a path names. A signature reaches its own tenant's alone; who brings none is known by its agent only.
pub(super) fn agent(
    api: &Api,
    credentials: &Credentials,
    segment: &str,
    account: Option<&str>,
) -> Result<AgentKey, ApiError> {
    match credentials {
        Credentials::Verified(principal) => {
            arn::agent_of_segment(api, &principal.tenant, segment, account)
        }
        Credentials::Bearer(_) | Credentials::Nothing => arn::agent_named(api, segment, account),
    }
}

/// Who calls, if this agent takes such a caller.
pub(super) async fn identify(
    api: &Api,
    credentials: Credentials,
    agent: &AgentKey,
    endpoint: &EndpointName,
    request: &HeaderMap,
) -> Result<Identified, ApiError> {
    let _ = (api, agent, endpoint);
    match credentials {
        Credentials::Verified(principal) => signed(&principal, request),
        Credentials::Bearer(_) => Err(mismatch()),
        Credentials::Nothing => Err(missing()),
    }
}

fn signed(principal: &Principal, request: &HeaderMap) -> Result<Identified, ApiError> {
    let user = headers::user(request)?;
    if user.is_some() && !principal.permissions.allow(Permission::InvokeForUser) {
        return Err(ApiError::new(
            Code::AccessDenied,
            "this key may not name a user: it lacks the permission invoke-for-user, which the header \
             X-Amzn-Bedrock-AgentCore-Runtime-User-Id needs",
        ));
    }
    Ok(Identified {
        owner: Owner {
            principal: principal.caller.name(),
            user,
        },
        policy: Arc::clone(&principal.policy),
        manages: principal.permissions.allow(Permission::Manage),
    })
}

/// As AWS words it.
fn mismatch() -> ApiError {
    ApiError::new(
        Code::AccessDenied,
        "Authorization method mismatch. The agent is configured for a different authorization method than what was used \
         in your request. Check the agent's authorization configuration and ensure your request uses the matching method \
         (OAuth or SigV4)",
    )
}

fn missing() -> ApiError {
    ApiError::new(
        Code::MissingAuthenticationToken,
        "Missing Authentication Token",
    )
}
