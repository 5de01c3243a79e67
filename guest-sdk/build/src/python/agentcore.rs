//! Agents written for AgentCore, unchanged.

use std::path::Path;

use super::Prepared;
use crate::job::Job;
use crate::{Error, Result};

/// Installs what an agent on `bedrock-agentcore` and `strands-agents` needs.
pub(super) fn prepare(_job: &Job<'_>, _site: &Path) -> Result<Prepared> {
    Err(Error::Agent(
        "agents on bedrock_agentcore, strands or boto3 cannot be built yet; write the agent on the kellion package"
            .to_owned(),
    ))
}
