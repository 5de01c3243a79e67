//! Agents: names, versions, endpoints, artifacts, and the way from an upload to a program that can serve.
//!
//! [`Agents`] is the whole face. It knows neither sessions nor HTTP; it stores in SQLite, keeps what it stored in memory,
//! and compiles in a child process, never in this one.

mod artifacts;
mod authorizer;
mod builder;
mod catalog;
mod child;
mod deployment;
mod holds;
mod line;
mod loaded;
mod once;
mod places;
mod programs;
mod records;
mod refusals;
mod secret;
mod sources;
mod store;
mod tags;
mod workshop;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

pub use artifacts::{Artifact, Reference};
pub use authorizer::Authorizer;
pub use catalog::{Agents, NewAgent, NewEndpoint};
pub use child::{REFUSED, largest_program};
pub use deployment::{Deployment, Habits, NotServing};
pub use once::Once;
pub use programs::ProgramKey;
pub use records::{
    AGENT_CARD, Agent, ArtifactSource, Build, Configuration, DURABILITY, Endpoint, Lifecycle,
    Status, VersionRecord,
};
pub use secret::Secret;
pub use sources::{Access, Policy as SourcePolicy, zip};
pub use tags::{MAX_TAGS, Resource, Tags};
pub use workshop::{BuildPolicy, LARGEST_FILE};

use crate::ids::TenantId;
use crate::tenants::Policy;

/// How agents are kept and built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where everything is kept: the database, artifacts, compiled programs.
    pub data: PathBuf,
    /// The program that compiles: this server's own executable.
    pub compiler: PathBuf,
    /// Where artifacts may come from that nobody pushed.
    pub sources: SourcePolicy,
    /// What this machine has for that.
    pub access: Access,
    /// Which sources are built.
    pub build: BuildPolicy,
}

/// What a tenant has.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Agents.
    pub agents: usize,
    /// Artifacts, in bytes; what several references name counts once.
    pub storage_bytes: u64,
}

/// Says what bounds a tenant. A version keeps the grant that it was deployed with: for that it is asked once for each build.
pub type Policies = Arc<dyn Fn(&TenantId) -> Arc<Policy> + Send + Sync>;

/// What bounds an upload. `[agents]` in the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest artifact, in MiB. 256 by default: Python agents with many libraries have some 90.
    pub artifact_mib: u32,
    /// How long compiling one may take, in seconds. 300 by default: the largest Python agents take some 25 s on two idle
    /// cores, and minutes on busy ones.
    pub compile_seconds: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifact_mib: 256,
            compile_seconds: NonZeroU32::new(300).expect("a default is not zero"),
        }
    }
}

/// Why an operation on agents was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing of that name, or it is another tenant's.
    #[error("{0} was not found")]
    NotFound(String),
    /// It is there already, or in a state that does not allow the operation.
    #[error("{0}")]
    Conflict(String),
    /// A value does not fit.
    #[error("{message}")]
    Invalid {
        /// The member of the request.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        message: String,
    },
    /// The bytes are not those that were announced.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Digest,
    /// The client token belongs to another call.
    #[error(
        "the client token was used for another operation or with other parameters; use a token of its own for each call"
    )]
    TokenReused,
    /// As many as there may be.
    #[error("{0}")]
    Quota(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The database refused.
    #[error("the agents' database failed")]
    Database(#[from] rusqlite::Error),
    /// The disk refused.
    #[error("cannot {action} in the data directory")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A stored record cannot be read.
    #[error("the agents' database holds a record that cannot be read")]
    Record(#[from] serde_json::Error),
}

impl Error {
    fn disk(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Disk { action, source }
    }
}
