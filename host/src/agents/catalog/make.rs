//! From a version's configuration to the component that it runs.

use std::time::Duration;

use super::super::Error;
use super::super::artifacts::Reference;
use super::super::builder::BuildError;
use super::super::holds::Hold;
use super::super::records::{ArtifactSource, Configuration};
use super::super::store::Put;
use super::Inner;
use crate::grants::Grant;
use crate::ids::TenantId;

/// Large artifacts take minutes on slow lines; past this the line is none.
const FETCH_TIME: Duration = Duration::from_secs(600);

impl Inner {
    /// The component that a new version of this configuration runs, compiled and tried, and what is granted to it.
    pub(super) async fn make(
        &self,
        tenant: &TenantId,
        configuration: &Configuration,
    ) -> Result<(Hold, Grant), BuildError> {
        let source = &configuration.artifact;
        let artifact = self.artifact(tenant, source).await?;
        let component = self
            .workshop
            .component(tenant, &self.files, artifact, configuration)
            .await?;
        let file = self.files.path(component.digest());
        self.builder
            .check_signature(
                tenant,
                &self.policy(tenant).signed_by,
                component.digest(),
                &file,
            )
            .await?;
        let manifest = self.builder.manifest(file.clone()).await?;
        let grant = Grant::of(&manifest, &self.policy(tenant).grants);
        for name in configuration.agent_variables() {
            grant
                .environment(name)
                .map_err(|denied| BuildError::Component(denied.to_string()))?;
        }
        let program = self
            .builder
            .program(tenant, component.digest(), file)
            .await?;
        if let Some(memory) = grant.granted.memory_mib {
            self.builder.try_start(&program, memory.get()).await?;
        }
        Ok((component, grant))
    }

    /// What a reference names: what its tenant pushed under it, and otherwise what it means outside, fetched once.
    async fn artifact(
        &self,
        tenant: &TenantId,
        source: &ArtifactSource,
    ) -> Result<Hold, BuildError> {
        if let Some(pushed) = self.named(tenant, &source.reference)? {
            return Ok(pushed);
        }
        let fetching = tokio::time::timeout(FETCH_TIME, self.fetch(tenant, source));
        fetching.await.unwrap_or_else(|_| {
            Err(BuildError::Component(format!(
                "fetching {} took longer than {} s",
                source.reference,
                FETCH_TIME.as_secs()
            )))
        })
    }

    async fn fetch(&self, tenant: &TenantId, source: &ArtifactSource) -> Result<Hold, BuildError> {
        let found = self.sources.find(source).await;
        let found = found.map_err(BuildError::Component)?;
        // That the bytes are here is not enough: another tenant's may be the same, and a digest is easily named.
        if let Some(known) = self.named(tenant, &found.pinned)? {
            return Ok(known);
        }
        let (fetched, hold) = found.keep(&self.files, self.clock.now()).await?;
        let most = self.policy(tenant).quotas.storage_mib;
        let limit = most.map(|most| most << 20);
        let Put::Named { before } = self.store.put_artifact(tenant, &fetched, limit)? else {
            return Err(BuildError::Component(format!(
                "with {} the account's artifacts would have more than {} MiB, its quota storage_mib",
                source.reference,
                most.unwrap_or_default()
            )));
        };
        if let Some(before) = before {
            self.files.holds().release(before);
        }
        tracing::info!(reference = %source.reference, pinned = %fetched.reference, "fetched");
        Ok(hold)
    }

    /// What a tenant's own name means.
    fn named(&self, tenant: &TenantId, name: &Reference) -> Result<Option<Hold>, Error> {
        let find = || self.store.artifact(tenant, name);
        let found = self
            .files
            .holds()
            .hold_found(find, |artifact| &artifact.digest)?;
        Ok(found.map(|(_, hold)| hold))
    }
}
