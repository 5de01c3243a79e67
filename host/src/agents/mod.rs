//! Agents: names, versions, endpoints, artifacts, and the way from an upload to a program that can serve.
//!
//! [`Agents`] is the whole face. It knows neither sessions nor HTTP; it stores in SQLite, keeps what it stored in memory,
//! and compiles in a child process, never in this one.

mod artifacts;
mod builder;
mod catalog;
mod deployment;
mod once;
mod records;
mod secret;
mod store;
mod tags;

use std::path::PathBuf;

use serde::Deserialize;

pub use artifacts::{Artifact, Reference};
pub use builder::REFUSED;
pub use catalog::{Agents, NewAgent, NewEndpoint};
pub use deployment::{Deployment, NotServing};
pub use once::Once;
pub use records::{
    AGENT_CARD, Agent, ArtifactSource, Build, Configuration, DURABILITY, Endpoint, Lifecycle,
    Status, VersionRecord,
};
pub use secret::Secret;
pub use tags::{MAX_TAGS, Resource, Tags};

/// How agents are kept and built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where everything is kept: the database, artifacts, compiled programs.
    pub data: PathBuf,
    /// The program that compiles: this server's own executable.
    pub compiler: PathBuf,
}

/// What bounds an upload. `[agents]` in the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest artifact, in MiB. 256 by default: Python agents with many libraries have some 90.
    pub artifact_mib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { artifact_mib: 256 }
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
