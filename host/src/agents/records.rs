//! What is known of an agent: its versions, which never change, and its endpoints, which point to them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::artifacts::Reference;
use super::authorizer::Authorizer;
use crate::clock::Timestamp;
use crate::grants::Grant;
use crate::ids::{AgentId, AgentName, Digest, EndpointName, Version};
use crate::journal::Durability;

/// An agent, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Given by the server.
    pub id: AgentId,
    /// Given by the owner; one agent a name.
    pub name: AgentName,
    /// When it was created.
    pub created: Timestamp,
}

/// One version: a configuration and the artifact behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// 1, 2, 3…
    pub version: Version,
    /// What the owner asked for; never changes.
    pub configuration: Configuration,
    /// How far it is.
    pub build: Build,
    /// What it may use; known once it is built, unless that was before there were grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// When it was made.
    pub created: Timestamp,
    /// When its build ended, and otherwise when it was made.
    pub updated: Timestamp,
}

/// How far a version is on its way to serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Build {
    /// In the queue, or being compiled.
    Building,
    /// Serves.
    Ready {
        /// The artifact that its reference named when it was built. The reference may name another since.
        digest: Digest,
    },
    /// Will never serve.
    Failed {
        /// Why, for its owner.
        reason: String,
    },
}

/// A name that points to a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Such as "DEFAULT".
    pub name: EndpointName,
    /// The owner's words.
    pub description: Option<String>,
    /// The version it is to serve.
    pub target: Version,
    /// The version it serves; none before the first is ready.
    pub live: Option<Version>,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// A status, in the words of the AgentCore service model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The first version is being built.
    Creating,
    /// The first version could not be built.
    CreateFailed,
    /// A later version is being built.
    Updating,
    /// A later version could not be built; an older one still serves.
    UpdateFailed,
    /// Serves.
    Ready,
    /// Goes away.
    Deleting,
}

impl VersionRecord {
    /// The status of the agent as of this version.
    pub fn status(&self) -> Status {
        let first = self.version == Version::FIRST;
        match (&self.build, first) {
            (Build::Ready { .. }, _) => Status::Ready,
            (Build::Building, true) => Status::Creating,
            (Build::Building, false) => Status::Updating,
            (Build::Failed { .. }, true) => Status::CreateFailed,
            (Build::Failed { .. }, false) => Status::UpdateFailed,
        }
    }

    /// What the version may use; none before it is built.
    pub fn grant(&self) -> Option<Grant> {
        match self.build {
            // One of before there were grants has what an agent has that asks for nothing.
            Build::Ready { .. } => Some(self.grant.clone().unwrap_or_default()),
            Build::Building | Build::Failed { .. } => None,
        }
    }

    /// Why it will never serve, if so.
    pub fn failure(&self) -> Option<&str> {
        match &self.build {
            Build::Failed { reason } => Some(reason),
            Build::Building | Build::Ready { .. } => None,
        }
    }
}

impl Endpoint {
    /// The endpoint's status, which follows from the build of its target.
    pub fn status(&self, target: &Build) -> Status {
        if self.live == Some(self.target) {
            return Status::Ready;
        }
        match (target, self.live) {
            (Build::Failed { .. }, None) => Status::CreateFailed,
            (Build::Failed { .. }, Some(_)) => Status::UpdateFailed,
            (Build::Building | Build::Ready { .. }, None) => Status::Creating,
            (Build::Building | Build::Ready { .. }, Some(_)) => Status::Updating,
        }
    }
}

/// What an owner says of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Which artifact.
    pub artifact: ArtifactSource,
    /// Kept and shown; the server needs no role.
    pub role_arn: String,
    /// The owner's words.
    pub description: Option<String>,
    /// What the agent reads as configuration.
    pub environment: BTreeMap<String, String>,
    /// How long its sessions live.
    pub lifecycle: Lifecycle,
    /// Request headers that reach the agent, names in lower case.
    pub request_headers: Vec<String>,
    /// Which bearer tokens open the agent; without one none does.
    #[serde(default)]
    pub authorizer: Option<Authorizer>,
    /// Members that are kept and shown as they came, and have no effect here.
    pub kept: Map<String, Value>,
}

/// The environment variable by which a version says what its sessions survive: `none`, `process` or `power`.
///
/// An environment variable, because the service model has no member for it and existing deployment tools pass those on.
pub const DURABILITY: &str = "KELLION_DURABILITY";

/// The environment variable by which a version says more of itself on its agent card, or says it otherwise: members of a
/// JSON object.
///
/// An environment variable for the same reason.
pub const AGENT_CARD: &str = "KELLION_AGENT_CARD";

impl Configuration {
    /// What the version says its sessions survive, if it does.
    pub fn durability(&self) -> Option<Durability> {
        self.environment.get(DURABILITY)?.parse().ok()
    }

    /// The names of what is set for the agent itself, and not for the server.
    pub(super) fn agent_variables(&self) -> impl Iterator<Item = &str> {
        let names = self.environment.keys().map(String::as_str);
        names.filter(|name| *name != DURABILITY)
    }

    /// The configuration of an update. It says everything anew but the version of the platform, which is kept until another
    /// is named, as at AWS.
    pub fn after(mut self, previous: &Self) -> Self {
        const PLATFORM: &str = "platformVersion";
        if let Some(version) = previous.kept.get(PLATFORM) {
            let kept = self.kept.entry(PLATFORM);
            kept.or_insert_with(|| version.clone());
        }
        self
    }

    /// What protocol its agent speaks, in the words of the service model.
    pub fn protocol(&self) -> &str {
        self.kept
            .get("protocolConfiguration")
            .and_then(|protocol| protocol.get("serverProtocol")?.as_str())
            .unwrap_or("HTTP")
    }

    /// What the version says on its agent card itself.
    pub fn card(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(self.environment.get(AGENT_CARD)?).ok()
    }
}

/// Where an artifact is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactSource {
    /// The name in the tenant's own store.
    pub reference: Reference,
    /// The union as it came on the wire, to be shown again.
    pub wire: Value,
}

impl ArtifactSource {
    /// The version of the object, if one is named.
    pub fn version_id(&self) -> Option<&str> {
        self.wire
            .pointer("/codeConfiguration/code/s3/versionId")?
            .as_str()
    }

    /// The file in a zip where the agent begins. What observes it at AWS comes before it there.
    pub fn entry_point(&self) -> Option<&str> {
        self.wire
            .pointer("/codeConfiguration/entryPoint")?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .find(|word| *word != "opentelemetry-instrument")
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Without an invocation. 900 s by default, as at AWS.
    pub idle_timeout: Duration,
    /// In all. 28,800 s by default, as at AWS.
    pub max_lifetime: Duration,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(900),
            max_lifetime: Duration::from_secs(28_800),
        }
    }
}
