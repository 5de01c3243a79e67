//! Builds: from a version in the queue to one that serves.

use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::super::Error;
use super::super::builder::BuildError;
use super::super::deployment::{Deployment, NotServing};
use super::super::records::{Agent, Build, Endpoint, VersionRecord};
use super::Inner;
use crate::ids::{AgentKey, Version};

impl Inner {
    /// Loads the program of a version that was built before.
    pub(super) async fn deploy(
        &self,
        key: &AgentKey,
        agent: Agent,
        version: VersionRecord,
    ) -> Result<Arc<Deployment>, NotServing> {
        let Build::Ready { digest } = &version.build else {
            return Err(NotServing::NotReady(version.status()));
        };
        let program = self
            .builder
            .program(digest, self.files.path(digest))
            .await
            .map_err(|error| match error {
                BuildError::Component(reason) => NotServing::Failed(reason),
                BuildError::Server(error) => NotServing::Load(error),
            })?;
        let artifact = digest.clone();
        let configuration = version.configuration;
        Ok(Arc::new(Deployment {
            agent: key.clone(),
            agent_name: agent.name,
            version: version.version,
            lifecycle: configuration.lifecycle,
            durability: configuration.durability(),
            artifact,
            environment: configuration.environment,
            request_headers: configuration.request_headers,
            program,
        }))
    }

    /// Builds one version, and lets the endpoints that wait for it go on.
    async fn build(&self, key: &AgentKey, version: Version) -> Result<(), Error> {
        let reference = {
            let mut known = self.known();
            // Deleted while it waited.
            let Ok(entry) = known.entry_of(key) else {
                return Ok(());
            };
            let Ok(record) = entry.version(version) else {
                return Ok(());
            };
            record.configuration.artifact.reference.clone()
        };
        let build = match self.store.artifact(&key.tenant, &reference)? {
            None => Build::Failed {
                reason: format!(
                    "no artifact is stored under {reference}; push one with: kellion push FILE.wasm {reference}"
                ),
            },
            Some(artifact) => match self
                .builder
                .program(&artifact.digest, self.files.path(&artifact.digest))
                .await
            {
                Ok(_) => Build::Ready {
                    digest: artifact.digest,
                },
                Err(BuildError::Component(reason)) => Build::Failed { reason },
                Err(BuildError::Server(error)) => return Err(error),
            },
        };
        tracing::info!(agent.id = %key.agent, version = version.number(), ?build, "built");
        let mut known = self.known();
        let Ok(entry) = known.entry_of(key) else {
            return Ok(());
        };
        let Some(record) = entry.versions.get(&version) else {
            return Ok(());
        };
        let now = self.clock.now();
        let record = VersionRecord {
            build,
            updated: now,
            ..record.clone()
        };
        let mut moved: Vec<Endpoint> = Vec::new();
        if matches!(record.build, Build::Ready { .. }) {
            let waiting = entry
                .endpoints
                .values()
                .filter(|endpoint| endpoint.target == version);
            moved.extend(waiting.map(|endpoint| Endpoint {
                live: Some(version),
                updated: now,
                ..endpoint.clone()
            }));
        }
        self.store.write(|write| {
            write.version(key, &record)?;
            moved
                .iter()
                .try_for_each(|endpoint| write.endpoint(key, endpoint))
        })?;
        entry.versions.insert(version, record);
        entry.endpoints.extend(
            moved
                .into_iter()
                .map(|endpoint| (endpoint.name.clone(), endpoint)),
        );
        self.serving.forget(key);
        Ok(())
    }
}

/// Builds versions one after another, as long as the catalog lives.
pub(super) async fn build_queue(
    catalog: Weak<Inner>,
    mut waiting: mpsc::UnboundedReceiver<(AgentKey, Version)>,
) {
    while let Some((key, version)) = waiting.recv().await {
        let Some(catalog) = catalog.upgrade() else {
            return;
        };
        if let Err(error) = catalog.build(&key, version).await {
            // It stays in its state and is built after the next start.
            tracing::error!(agent.id = %key.agent, version = version.number(), %error, "a build failed");
        }
    }
}
