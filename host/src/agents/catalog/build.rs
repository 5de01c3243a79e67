//! Builds: from a version in the queue to one that serves.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::Error;
use super::super::builder::BuildError;
use super::super::deployment::{Deployment, Habits, NotServing};
use super::super::line::Line;
use super::super::records::{Agent, Build, Endpoint, VersionRecord};
use super::Inner;
use crate::ids::{AgentKey, Version};

/// Builds at one time. What they have children do has places of its own; the rest of a build waits for the network, and
/// for such a place.
const AT_ONCE: usize = 16;

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
            .program(&key.tenant, digest, self.files.path(digest))
            .await
            .map_err(|error| match error {
                BuildError::Component(reason) => NotServing::Failed(reason),
                BuildError::Server(error) => NotServing::Load(error),
            })?;
        let artifact = digest.clone();
        if self.is_gone(key, version.version) {
            self.files.holds().release(artifact.clone());
        }
        let grant = version.grant().unwrap_or_default();
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
            grant,
            authorizer: configuration.authorizer,
            program,
            habits: Habits::default(),
        }))
    }

    /// Whether a version was deleted meanwhile.
    fn is_gone(&self, key: &AgentKey, version: Version) -> bool {
        let known = self.known();
        let entry = known.get(key);
        entry.is_none_or(|entry| !entry.versions.contains_key(&version))
    }

    /// Builds one version, and lets the endpoints that wait for it go on.
    async fn build(&self, key: &AgentKey, version: Version) -> Result<(), Error> {
        let configuration = {
            let mut known = self.known();
            // Deleted while it waited.
            let Ok(entry) = known.entry_of(key) else {
                return Ok(());
            };
            let Ok(record) = entry.version(version) else {
                return Ok(());
            };
            record.configuration.clone()
        };
        // What is built is a stranger's: a panic over it is the version's failure, or it would be built for ever.
        let made = AssertUnwindSafe(self.make(&key.tenant, &configuration)).catch_unwind();
        let made = made.await.unwrap_or_else(|_| {
            let reason = "the server failed while it built this version; its log says where";
            Err(BuildError::Component(reason.to_owned()))
        });
        // Held until the version is known by it.
        let (build, grant, _hold) = match made {
            Ok((hold, grant)) => {
                let digest = hold.digest().clone();
                (Build::Ready { digest }, Some(grant), Some(hold))
            }
            Err(BuildError::Component(reason)) => (Build::Failed { reason }, None, None),
            Err(BuildError::Server(error)) => return Err(error),
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
            grant,
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

/// Builds versions as long as the catalog lives: one at a time for each tenant, and tenants in turn.
pub(super) async fn build_queue(
    catalog: Weak<Inner>,
    mut waiting: mpsc::UnboundedReceiver<(AgentKey, Version)>,
) {
    let mut line = Line::new(1);
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((tenant, (key, version))) = line.next()
        {
            let Some(catalog) = catalog.upgrade() else {
                return;
            };
            running.spawn(async move {
                // In a task of its own: a build that panics takes nobody else's with it.
                let building = tokio::spawn(async move {
                    let built = catalog.build(&key, version).await;
                    if let Err(error) = built {
                        // It stays in its state and is built after the next start.
                        tracing::error!(agent.id = %key.agent, version = version.number(), %error, "a build failed");
                    }
                });
                if let Err(error) = building.await {
                    tracing::error!(%error, "a build broke off");
                }
                tenant
            });
        }
        tokio::select! {
            more = waiting.recv() => match more {
                Some((key, version)) => line.join(key.tenant.clone(), (key, version)),
                None => return,
            },
            Some(Ok(tenant)) = running.join_next() => line.done(&tenant),
        }
    }
}
