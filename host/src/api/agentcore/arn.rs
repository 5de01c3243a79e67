//! Amazon Resource Names, made and read.

use crate::agents::Resource;
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
    let malformed = || malformed("agentRuntimeArn", segment);
    let named = read(arn).ok_or_else(malformed)?;
    let agent: AgentId = named.below_runtime.parse().map_err(|_| malformed())?;
    named.agent(api, agent)
}

/// The agent or endpoint that a path segment names by its ARN, if it is this tenant's.
pub(super) fn resource_of_segment(
    api: &Api,
    tenant: &TenantId,
    segment: &str,
) -> Result<Resource, ApiError> {
    let malformed = || malformed("resourceArn", segment);
    let named = segment.strip_prefix("arn:").and_then(read);
    let named = named.ok_or_else(malformed)?;
    let (agent, endpoint) = match named.below_runtime.split_once("/runtime-endpoint/") {
        Some((agent, endpoint)) => (agent, Some(endpoint)),
        None => (named.below_runtime, None),
    };
    let agent: AgentId = agent.parse().map_err(|_| malformed())?;
    let endpoint: Option<EndpointName> = endpoint
        .map(str::parse)
        .transpose()
        .map_err(|_| malformed())?;
    let agent = named.agent(api, agent)?;
    if agent.tenant != *tenant {
        return Err(unknown(&agent.agent));
    }
    Ok(match endpoint {
        Some(endpoint) => Resource::Endpoint(agent, endpoint),
        None => Resource::Agent(agent),
    })
}

/// The parts of an ARN that say whose it is and what.
struct Named<'a> {
    region: &'a str,
    account: TenantId,
    /// What stands behind `runtime/`.
    below_runtime: &'a str,
}

/// Reads what follows `arn:`.
fn read(arn: &str) -> Option<Named<'_>> {
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, "bedrock-agentcore", region, account, resource] = parts[..] else {
        return None;
    };
    if !partition.starts_with("aws") || region.is_empty() {
        return None;
    }
    Some(Named {
        region,
        account: account.parse().ok()?,
        below_runtime: resource.strip_prefix("runtime/")?,
    })
}

/// What reads as an ARN names an account and something below `runtime/`.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(text: &str) {
    if let Some(named) = text.strip_prefix("arn:").and_then(read) {
        let tail = format!(
            ":bedrock-agentcore:{}:{}:runtime/{}",
            named.region, named.account, named.below_runtime
        );
        assert!(text.ends_with(&tail), "{text:?}");
    }
}

impl Named<'_> {
    /// The agent of this id, if the ARN is of this server's region.
    fn agent(self, api: &Api, agent: AgentId) -> Result<AgentKey, ApiError> {
        if self.region != api.region {
            return Err(unknown(&agent));
        }
        Ok(AgentKey {
            tenant: self.account,
            agent,
        })
    }
}

/// The agent that a control-plane path names, which is by its id.
pub(super) fn agent_of_id(principal: &Principal, id: &str) -> Result<AgentKey, ApiError> {
    Ok(AgentKey {
        tenant: principal.tenant.clone(),
        agent: id.parse()?,
    })
}

fn malformed(field: &'static str, segment: &str) -> ApiError {
    let shown: String = segment.chars().take(200).collect();
    ApiError::invalid(
        field,
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
