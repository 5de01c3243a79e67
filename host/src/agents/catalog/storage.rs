//! Artifacts, and how much room a tenant has for them.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::super::artifacts::{Artifact, Reference};
use super::super::store::Put;
use super::super::{Error, Usage};
use super::Agents;
use crate::ids::{Digest, TenantId};

const MIB: u64 = 1 << 20;

impl Agents {
    /// Stores bytes under a reference, which from then on names them. Reads the stream as it comes, up to the limit and to
    /// what the tenant's storage has left; bytes other than those that were announced get no name.
    pub async fn push<E>(
        &self,
        tenant: &TenantId,
        reference: Reference,
        announced: Option<&Digest>,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Artifact, Error> {
        let most = self.0.policy(tenant).quotas.storage_mib;
        let full = AtomicBool::new(false);
        let mut left = match most {
            None => u64::MAX,
            Some(most) => {
                let used = self.0.store.stored_bytes(tenant)?;
                (most * MIB).saturating_sub(used)
            }
        };
        let within = bytes.map(|chunk| {
            let chunk = chunk.map_err(|_| ())?;
            match left.checked_sub(chunk.len() as u64) {
                Some(rest) => left = rest,
                None => {
                    full.store(true, Ordering::Relaxed);
                    return Err(());
                }
            }
            Ok(chunk)
        });
        let stored = self.0.files.store(pin!(within)).await;
        let exceeded = |most: u64| {
            Error::Quota(format!(
                "the account's artifacts would have more than {most} MiB, its quota storage_mib; remove some with \
                 `kellion artifacts rm`, or ask the server's operator for more"
            ))
        };
        if let (true, Some(most)) = (full.load(Ordering::Relaxed), most) {
            return Err(exceeded(most));
        }
        let (hold, size_bytes) = stored?;
        let digest = hold.digest().clone();
        if announced.is_some_and(|announced| *announced != digest) {
            return Err(Error::Digest);
        }
        let artifact = Artifact {
            reference,
            digest,
            size_bytes,
            pushed: self.0.clock.now(),
        };
        let limit = most.map(|most| most * MIB);
        let Put::Named { before } = self.0.store.put_artifact(tenant, &artifact, limit)? else {
            return Err(exceeded(most.unwrap_or_default()));
        };
        if let Some(before) = before {
            self.0.files.holds().release(before);
        }
        Ok(artifact)
    }

    /// The tenant's artifacts, by reference.
    pub fn artifacts(&self, tenant: &TenantId) -> Result<Vec<Artifact>, Error> {
        self.0.store.artifacts(tenant)
    }

    /// Forgets a reference. What it names is removed, unless another reference or a version that was built of it needs it.
    pub fn forget_artifact(&self, tenant: &TenantId, reference: &Reference) -> Result<(), Error> {
        let named = self.0.store.forget_artifact(tenant, reference)?;
        let named = named.ok_or_else(|| Error::NotFound(format!("an artifact {reference}")))?;
        self.0.files.holds().release(named);
        Ok(())
    }

    /// How much of its quotas a tenant uses.
    pub fn usage(&self, tenant: &TenantId) -> Result<Usage, Error> {
        let agents = self.list(tenant).len();
        let storage_bytes = self.0.store.stored_bytes(tenant)?;
        Ok(Usage {
            agents,
            storage_bytes,
        })
    }
}
