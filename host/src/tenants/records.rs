//! What is kept of tenants and their keys.

use serde::Serialize;

use super::{Permissions, Policy};
use crate::clock::Timestamp;
use crate::ids::{AccessKeyId, TenantId, UserName};

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// What its operator calls it.
    pub name: String,
    /// Whether its keys and tokens are refused at present.
    pub suspended: bool,
    /// What bounds it.
    pub policy: Policy,
    /// When it was made.
    pub created: Timestamp,
}

/// An access key, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Its public half.
    pub id: AccessKeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who of them.
    pub user: UserName,
    /// What it allows.
    pub permissions: Permissions,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked; none of one that is good.
    pub revoked: Option<Timestamp>,
}

/// A new key. The secret is shown this once.
pub struct NewKey {
    /// What is kept.
    pub key: Key,
    /// What signs; 40 letters, digits, dashes and underscores.
    pub secret: String,
}
