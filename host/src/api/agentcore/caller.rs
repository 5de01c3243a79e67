//! Who invokes an agent: proved by a signature, or by a token that the agent itself trusts.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::{arn, challenge, headers};
use crate::agents::Authorizer;
use crate::api::Api;
use crate::api::auth::Credentials;
use crate::api::error::{ApiError, Code};
use crate::ids::{AgentKey, EndpointName, UserId};
use crate::sessions::Owner;
use crate::tenants::{Caller, Permission, Permissions, Policy, Principal};
use crate::tokens::Refused;

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

/// Who calls, if this agent takes such a caller: signatures or tokens, never both.
///
/// Who is not known is not told whether there is such an agent, unless the agent takes tokens.
pub(super) async fn identify(
    api: &Api,
    credentials: Credentials,
    agent: &AgentKey,
    endpoint: &EndpointName,
    request: &HeaderMap,
) -> Result<Identified, ApiError> {
    let authorizer = api.agents.authorizer(agent, endpoint);
    match (credentials, authorizer) {
        (Credentials::Verified(principal), None) => signed(&principal, request),
        (Credentials::Bearer(token), Some(authorizer)) => {
            let principal = bearer(api, agent, endpoint, &authorizer, &token, request).await?;
            on_own_behalf(&principal, request)
        }
        (Credentials::Verified(principal), Some(_)) => {
            // Without keys nothing was looked at yet.
            let nothing = !request.contains_key(header::AUTHORIZATION);
            Err(match principal.caller == Caller::Local && nothing {
                true => challenge::unauthorized(api, agent, endpoint, request, None),
                false => mismatch(),
            })
        }
        (Credentials::Nothing, Some(_)) => {
            Err(challenge::unauthorized(api, agent, endpoint, request, None))
        }
        (Credentials::Bearer(_), None) => Err(mismatch()),
        (Credentials::Nothing, None) => Err(ApiError::new(
            Code::MissingAuthenticationToken,
            "Missing Authentication Token",
        )),
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
    Ok(identified(principal, user))
}

async fn bearer(
    api: &Api,
    agent: &AgentKey,
    endpoint: &EndpointName,
    authorizer: &Authorizer,
    token: &str,
    request: &HeaderMap,
) -> Result<Principal, ApiError> {
    let Some(policy) = api.tenants.policy(&agent.tenant) else {
        return Err(mismatch());
    };
    let verified = api.tokens.verify(authorizer.rules(), token).await;
    let claims = verified.map_err(|refused| match &refused {
        Refused::Invalid(_) | Refused::Forbidden(_) => {
            challenge::unauthorized(api, agent, endpoint, request, Some(&refused.to_string()))
        }
        Refused::Unavailable(_) => ApiError::new(Code::Unavailable, refused.to_string()),
    })?;
    let subject = claims.subject.or(claims.client).ok_or_else(|| {
        let why = "the token names neither a subject (sub) nor a client";
        challenge::unauthorized(api, agent, endpoint, request, Some(why))
    })?;
    let principal = Principal {
        tenant: agent.tenant.clone(),
        caller: Caller::Subject {
            issuer: claims.issuer,
            subject,
        },
        permissions: Permissions::INVOKE,
        policy,
    };
    api.rates.admit(&principal)?;
    Ok(principal)
}

/// A token says itself on whose behalf it calls.
fn on_own_behalf(principal: &Principal, request: &HeaderMap) -> Result<Identified, ApiError> {
    let subject: Option<UserId> = match &principal.caller {
        Caller::Subject { subject, .. } => subject.parse().ok(),
        Caller::Local | Caller::User(_) => None,
    };
    let named = headers::user(request)?;
    if named.is_some() && named != subject {
        return Err(ApiError::new(
            Code::AccessDenied,
            "the header X-Amzn-Bedrock-AgentCore-Runtime-User-Id names another user than the token's subject",
        ));
    }
    Ok(identified(principal, subject))
}

fn identified(principal: &Principal, user: Option<UserId>) -> Identified {
    Identified {
        owner: Owner {
            principal: principal.caller.name(),
            user,
        },
        policy: Arc::clone(&principal.policy),
        manages: principal.permissions.allow(Permission::Manage),
    }
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
