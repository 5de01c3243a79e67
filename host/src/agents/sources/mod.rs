//! Where artifacts come from when nobody pushed them: OCI registries and S3 buckets, as far as the operator allows.
//!
//! A source first says exactly which bytes a reference means now, and hands them out then, so that what a tenant has
//! already is not fetched again. What it tells when there are none goes to the version's owner, and holds no secret.

mod bucket;
mod docker;
mod registry;
pub mod zip;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Deserialize;

use super::Error;
use super::artifacts::{Artifact, Files, Reference};
use super::builder::BuildError;
use super::holds::Hold;
use super::records::ArtifactSource;
use crate::clock::Timestamp;

/// What may be fetched: nothing, unless it is listed. `[artifacts]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Registries that `containerUri` may name, as it names them: with their port, if they have one.
    pub registries: Vec<String>,
    /// Those of them that are spoken to without TLS. For tests and private networks.
    pub plain_http_registries: Vec<String>,
    /// Buckets that `codeConfiguration.code.s3` may name. Every tenant may read every object in them.
    pub buckets: Vec<String>,
}

/// What this machine's environment says about reading artifacts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The file in which docker keeps who this server is to registries.
    pub docker: Option<PathBuf>,
    /// The variables, by their names, that tell AWS SDKs how to reach S3.
    pub s3: Vec<(&'static str, String)>,
    /// All that toolchains see of the environment.
    pub build: Vec<(String, String)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s3: Vec<&str> = self.s3.iter().map(|(name, _)| *name).collect();
        let build: Vec<&String> = self.build.iter().map(|(name, _)| name).collect();
        f.debug_struct("Access")
            .field("docker", &self.docker)
            .field("s3", &s3)
            .field("build", &build)
            .finish()
    }
}

/// The bytes that a reference means now.
pub(super) struct Found {
    /// A name that never means others.
    pub(super) pinned: Reference,
    /// How many they are, if the source says.
    size: Option<u64>,
    /// They are not asked for before the first is read. Errors are words for the version's owner.
    bytes: BoxStream<'static, Result<Bytes, String>>,
}

/// All sources.
pub(super) struct Sources {
    policy: Policy,
    access: Access,
}

impl Sources {
    pub(super) fn new(policy: Policy, access: Access) -> Self {
        Self { policy, access }
    }

    /// What a version's reference means outside; or why there is nothing, in words for the version's owner.
    pub(super) async fn find(&self, source: &ArtifactSource) -> Result<Found, String> {
        let reference = &source.reference;
        match reference.bucket_and_key() {
            Some((bucket, key)) => {
                self.allow(
                    &self.policy.buckets,
                    reference,
                    "the bucket",
                    bucket,
                    "buckets",
                )?;
                bucket::find(&self.access, reference, (bucket, key), source.version_id()).await
            }
            None => {
                let image = registry::parse(reference)?;
                let host = image.registry();
                self.allow(&self.policy.registries, reference, "", host, "registries")?;
                registry::find(&self.policy, &self.access, reference, image).await
            }
        }
    }

    fn allow(
        &self,
        allowed: &[String],
        reference: &Reference,
        kind: &str,
        name: &str,
        setting: &str,
    ) -> Result<(), String> {
        if allowed.iter().any(|allowed| allowed == name) {
            return Ok(());
        }
        let space = if kind.is_empty() { "" } else { " " };
        Err(format!(
            "no artifact is stored under {reference}, and this server does not pull from {kind}{space}{name}: push one with \
             `kellion push FILE {reference}`, or have its operator add {name:?} to [artifacts] {setting}"
        ))
    }
}

impl Found {
    /// Stores the bytes under their digest, and gives what the pinned name means from then on.
    pub(super) async fn keep(
        self,
        files: &Files,
        now: Timestamp,
    ) -> Result<(Artifact, Hold), BuildError> {
        let Self {
            pinned,
            size,
            bytes,
        } = self;
        if size.is_some_and(|size| size > files.limit()) {
            return Err(BuildError::Component(format!(
                "{pinned}: {}",
                files.too_large()
            )));
        }
        // The store knows of uploads only that they broke off.
        let broken = Mutex::new(None);
        let watched = bytes.map(|chunk| {
            chunk.map_err(|why| {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            })
        });
        let stored = files.store(watched).await;
        let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (stored, broken) {
            (Ok((hold, size_bytes)), _) => {
                let artifact = Artifact {
                    reference: pinned,
                    digest: hold.digest().clone(),
                    size_bytes,
                    pushed: now,
                };
                Ok((artifact, hold))
            }
            (Err(_), Some(why)) => Err(BuildError::Component(why)),
            (Err(Error::Invalid { message, .. }), None) => {
                Err(BuildError::Component(format!("{pinned}: {message}")))
            }
            (Err(error), None) => Err(BuildError::Server(error)),
        }
    }
}
