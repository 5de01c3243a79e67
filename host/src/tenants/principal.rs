//! Who calls, and what they may do.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::ids::{TenantId, UserName};

/// Who stands behind a request, once that is proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Whose agents and sessions the request can reach.
    pub tenant: TenantId,
    /// Who of them it is.
    pub caller: Caller,
    /// What this caller may do.
    pub permissions: Permissions,
    /// What bounds the tenant.
    pub policy: Arc<Policy>,
}

impl Principal {
    /// Everybody on this machine, as long as the server has no keys.
    pub fn local() -> Self {
        Self {
            tenant: TenantId::local(),
            caller: Caller::Local,
            permissions: Permissions::ALL,
            policy: Arc::new(Policy::local()),
        }
    }
}

/// The name under which a principal opens sessions: keys are replaced, their user stays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Whoever reaches a server without keys.
    Local,
    /// A user of the tenant, who signs with a key.
    User(UserName),
    /// Whom a token speaks for.
    Subject {
        /// Who says so.
        issuer: String,
        /// The token's `sub`, or its client when it has none.
        subject: String,
    },
}

impl Caller {
    /// One text for each caller, as the journal keeps it; none where callers have no names.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Local => None,
            Self::User(user) => Some(format!("user/{user}")),
            // An issuer is a URL, which has no space.
            Self::Subject { issuer, subject } => Some(format!("token/{issuer} {subject}")),
        }
    }
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Permission>", into = "Vec<Permission>")]
pub struct Permissions {
    invoke: bool,
    invoke_for_user: bool,
    manage: bool,
}

impl Permissions {
    /// Everything.
    pub const ALL: Self = Self {
        invoke: true,
        invoke_for_user: true,
        manage: true,
    };

    /// What a token's bearer may do: call the agent that trusts its issuer.
    pub const INVOKE: Self = Self {
        invoke: true,
        invoke_for_user: false,
        manage: false,
    };

    /// Whether this is among them.
    pub fn allow(self, permission: Permission) -> bool {
        match permission {
            Permission::Invoke => self.invoke,
            Permission::InvokeForUser => self.invoke_for_user,
            Permission::Manage => self.manage,
        }
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(allowed: I) -> Self {
        let mut permissions = Self {
            invoke: false,
            invoke_for_user: false,
            manage: false,
        };
        for permission in allowed {
            match permission {
                Permission::Invoke => permissions.invoke = true,
                Permission::InvokeForUser => permissions.invoke_for_user = true,
                Permission::Manage => permissions.manage = true,
            }
        }
        permissions
    }
}

impl From<Vec<Permission>> for Permissions {
    fn from(allowed: Vec<Permission>) -> Self {
        allowed.into_iter().collect()
    }
}

impl From<Permissions> for Vec<Permission> {
    fn from(permissions: Permissions) -> Self {
        let all = [
            Permission::Invoke,
            Permission::InvokeForUser,
            Permission::Manage,
        ];
        all.into_iter()
            .filter(|permission| permissions.allow(*permission))
            .collect()
    }
}

/// One thing that a key may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Invoke agents and stop sessions.
    Invoke,
    /// Name a user in the header with the user's id.
    InvokeForUser,
    /// Everything else: agents, artifacts, and all sessions of the tenant.
    Manage,
}

impl Permission {
    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::InvokeForUser => "invoke-for-user",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "invoke" => Ok(Self::Invoke),
            "invoke-for-user" => Ok(Self::InvokeForUser),
            "manage" => Ok(Self::Manage),
            other => Err(format!(
                "{other:?} is no permission: there are invoke, invoke-for-user and manage"
            )),
        }
    }
}
