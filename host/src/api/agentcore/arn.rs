//! Amazon Resource Names, made and read.

use crate::api::Api;
use crate::api::error::{ApiError, Code};
use crate::ids::{AgentId, AgentKey, EndpointName, TenantId};
use crate::tenants::Principal;

/// Makes the ARNs of one region.
pub(in crate::api) struct Arns<'a> {
    pub(in crate::api) region: &'a str,
}

impl Arns<'_> {
    pub(super) fn agent(&self, key: &AgentKey) -> String {
        format!(
            "arn:aws:bedrock-agentcore:{}:{}:runtime/{}",
            self.region, key.tenant, key.agent
        )
    }

    pub(super) fn endpoint(&self, key: &AgentKey, name: &EndpointName) -> String {
        format!("{}/runtime-endpoint/{name}", self.agent(key))
    }

    /// Agents have no workload identity here; the member is required, so it names what it would be.
    pub(super) fn workload_identity(&self, key: &AgentKey) -> String {
        format!(
            "arn:aws:bedrock-agentcore:{}:{}:workload-identity-directory/default/workload-identity/{}",
            self.region, key.tenant, key.agent
        )
    }
}

/// The agent that a path segment names, if it is this tenant's.
///
/// What is another's, or of another region, is as unknown as what does not exist.
pub(super) fn agent_of_segment(
    api: &Api,
    tenant: &TenantId,
    segment: &str,
    account: Option<&str>,
) -> Result<AgentKey, ApiError> {
    let key = agent_named(api, segment, account)?;
    if key.tenant == *tenant {
        Ok(key)
    } else {
        Err(unknown(&key.agent))
    }
}

/// The agent that a path segment names, whoever's it is: by its ARN, or by its bare id and an account.
pub(super) fn agent_named(
    api: &Api,
    segment: &str,
    account: Option<&str>,
) -> Result<AgentKey, ApiError> {
    let Some(arn) = segment.strip_prefix("arn:") else {
        let tenant: TenantId = account
            .ok_or_else(|| {
                ApiError::invalid(
                    "accountId",
                    "accountId is required when the agent is named by its id alone",
                )
            })?
            .parse()?;
        let agent: AgentId = segment.parse()?;
        return Ok(AgentKey { tenant, agent });
    };
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, service, region, account, resource] = parts[..] else {
        return Err(malformed(segment));
    };
    let Some(agent) = resource.strip_prefix("runtime/") else {
        return Err(malformed(segment));
    };
    if !partition.starts_with("aws") || service != "bedrock-agentcore" || region.is_empty() {
        return Err(malformed(segment));
    }
    let tenant: TenantId = account.parse().map_err(|_| malformed(segment))?;
    let agent: AgentId = agent.parse().map_err(|_| malformed(segment))?;
    if region == api.region {
        Ok(AgentKey { tenant, agent })
    } else {
        Err(unknown(&agent))
    }
}

/// The agent that a control-plane path names, which is by its id.
pub(super) fn agent_of_id(principal: &Principal, id: &str) -> Result<AgentKey, ApiError> {
    Ok(AgentKey {
        tenant: principal.tenant.clone(),
        agent: id.parse()?,
    })
}

fn malformed(segment: &str) -> ApiError {
    let shown: String = segment.chars().take(200).collect();
    ApiError::invalid(
        "agentRuntimeArn",
        format!(
            "{shown:?} is not the ARN of an agent, such as arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/ID"
        ),
    )
}

/// In the words for an agent that is not there.
fn unknown(agent: &AgentId) -> ApiError {
    ApiError::new(
        Code::ResourceNotFound,
        format!("the agent {agent} was not found"),
    )
}
