//! What the server knows of tenants and keys at one moment, for its hot path.

use std::collections::HashMap;
use std::sync::Arc;

use super::store::All;
use super::{Key, Policy, Tenant};
use crate::ids::{AccessKeyId, TenantId};

/// A picture of the database; never changed, only replaced.
#[derive(Default)]
pub(super) struct Directory {
    tenants: HashMap<TenantId, Known>,
    keys: HashMap<AccessKeyId, Credential>,
    /// Whether there was ever a key: from then on nobody comes in without one.
    pub(super) keyed: bool,
}

/// What of a tenant matters for a request.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) suspended: bool,
    pub(super) policy: Arc<Policy>,
}

/// A key that is good, with its sealed secret.
pub(super) struct Credential {
    pub(super) key: Key,
    pub(super) sealed: Vec<u8>,
}

impl Directory {
    pub(super) fn of(all: All) -> Self {
        let known = |tenant: Tenant| {
            let known = Known {
                suspended: tenant.suspended,
                policy: Arc::new(tenant.policy),
            };
            (tenant.id, known)
        };
        Self {
            keyed: !all.keys.is_empty(),
            tenants: all.tenants.into_iter().map(known).collect(),
            keys: all
                .keys
                .into_iter()
                .filter(|(key, _)| key.revoked.is_none())
                .map(|(key, sealed)| (key.id.clone(), Credential { key, sealed }))
                .collect(),
        }
    }

    pub(super) fn tenant(&self, id: &TenantId) -> Option<&Known> {
        self.tenants.get(id)
    }

    pub(super) fn key(&self, id: &AccessKeyId) -> Option<&Credential> {
        self.keys.get(id)
    }
}
