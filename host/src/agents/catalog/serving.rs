//! What endpoints serve, for the hot path: its readers never wait for the disk, as those of the catalog may.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::super::Deployment;
use crate::ids::{AgentKey, Digest, EndpointName};

/// A cache of the catalog. Whoever changes an agent forgets it here before letting go of the catalog's lock.
#[derive(Default)]
pub(super) struct Serving(RwLock<HashMap<AgentKey, HashMap<EndpointName, Arc<Deployment>>>>);

impl Serving {
    pub(super) fn get(&self, key: &AgentKey, endpoint: &EndpointName) -> Option<Arc<Deployment>> {
        let serving = self.0.read().unwrap_or_else(PoisonError::into_inner);
        serving.get(key)?.get(endpoint).cloned()
    }

    pub(super) fn put(&self, key: AgentKey, endpoint: EndpointName, deployment: Arc<Deployment>) {
        let mut serving = self.0.write().unwrap_or_else(PoisonError::into_inner);
        serving.entry(key).or_default().insert(endpoint, deployment);
    }

    /// Forgets all that run an artifact: the next who ask have it from the catalog.
    pub(super) fn forget_artifact(&self, digest: &Digest) {
        let mut serving = self.0.write().unwrap_or_else(PoisonError::into_inner);
        serving.retain(|_, endpoints| {
            endpoints.retain(|_, deployment| deployment.artifact != *digest);
            !endpoints.is_empty()
        });
    }

    pub(super) fn forget(&self, key: &AgentKey) {
        let mut serving = self.0.write().unwrap_or_else(PoisonError::into_inner);
        serving.remove(key);
    }
}
