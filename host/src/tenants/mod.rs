//! Tenants: who may call, with which keys, and what bounds each account.
//!
//! The server's operator makes tenants and keys by commands on the data directory; there is no way to do so over the
//! network. A running server sees what they write within [`REFRESH`].

mod directory;
mod policy;
mod principal;
mod records;
mod sealing;
mod store;

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use policy::{Policy, Quotas};
pub use principal::{Caller, Permission, Permissions, Principal};
pub use records::{Key, NewKey, Tenant};

use crate::clock::{Clock, Timestamp};
use crate::ids::{AccessKeyId, InvalidId, TenantId, UserName};
use directory::Directory;
use sealing::Seal;
use store::Store;

/// How old the server's picture of keys and tenants may be: so long a revoked key may still be good.
pub const REFRESH: Duration = Duration::from_millis(100);

/// Letters and digits that nobody mistakes for each other.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Why tenants or keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such tenant.
    #[error("there is no tenant {0}; see: kellion tenants ls")]
    NoTenant(TenantId),
    /// The number is taken.
    #[error("there is a tenant {0} already")]
    Exists(TenantId),
    /// No such key.
    #[error("there is no key {0}; see: kellion keys ls")]
    NoKey(AccessKeyId),
    /// A name that is none.
    #[error(
        "a tenant's name has 1 to 128 characters and no control characters, and {0:?} is not one"
    )]
    Name(String),
    /// The master key's file is not one.
    #[error(
        "the master key is not 32 bytes; put the right file back: without it no key can be used"
    )]
    MasterKey,
    /// The secret was sealed with another master key.
    #[error(
        "a key's secret does not open with this master key; put the master key back that made it, or revoke the key and \
         make another"
    )]
    Unsealed,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// Written by another version of this program.
    #[error(
        "the tenants' database has layout {0}, which this program does not know; use the version that wrote it"
    )]
    Layout(i64),
    /// The database refused.
    #[error("the tenants' database failed")]
    Database(#[from] rusqlite::Error),
    /// A stored record cannot be read.
    #[error("the tenants' database holds a record that cannot be read")]
    Record(#[from] serde_json::Error),
    /// A stored name cannot be read.
    #[error("the tenants' database holds a name that cannot be read")]
    Id(#[from] InvalidId),
    /// The disk refused.
    #[error("cannot {action}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    fn disk(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Disk { action, source }
    }
}

/// The tenants of one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Tenants(Arc<Inner>);

struct Inner {
    store: Store,
    seal: Seal,
    clock: Arc<dyn Clock>,
    picture: Mutex<Picture>,
}

struct Picture {
    directory: Arc<Directory>,
    version: i64,
    looked: Timestamp,
}

/// A key that a signature names, opened.
pub struct Opened {
    /// Who signs with it.
    pub principal: Principal,
    /// What signs.
    pub secret: Vec<u8>,
}

impl Tenants {
    /// Opens what the data directory holds, and makes it where there is nothing. The master key is `master.key` in it
    /// unless another file is named.
    pub fn open(
        data: &Path,
        master_key: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .map_err(Error::disk("make the data directory"))?;
        let store = Store::open(&data.join("tenants.db"))?;
        let seal = Seal::open(&master_key.map_or_else(|| data.join("master.key"), PathBuf::from))?;
        let version = store.version()?;
        let picture = Picture {
            directory: Arc::new(Directory::of(store.all()?)),
            version,
            looked: clock.now(),
        };
        Ok(Self(Arc::new(Inner {
            store,
            seal,
            clock,
            picture: Mutex::new(picture),
        })))
    }

    /// The key by which the server knows its compiled programs again: derived of the master key, and of no other use.
    pub fn program_key(&self) -> [u8; 32] {
        self.0.seal.programs()
    }

    /// Whether requests need a key: there was one once. Before that the server takes requests of its own machine only.
    pub fn keyed(&self) -> bool {
        self.directory().keyed
    }

    /// The principal and the secret behind a key; none when it is unknown, revoked, or its tenant is suspended.
    pub fn key(&self, id: &AccessKeyId) -> Result<Option<Opened>, Error> {
        let directory = self.directory();
        let good = directory.key(id).and_then(|credential| {
            let tenant = directory.tenant(&credential.key.tenant)?;
            (!tenant.suspended).then_some((credential, tenant))
        });
        let Some((credential, tenant)) = good else {
            self.0.seal.unseal_nothing(id);
            return Ok(None);
        };
        let secret = self.0.seal.unseal(id, &credential.sealed)?;
        Ok(Some(Opened {
            principal: Principal {
                tenant: credential.key.tenant.clone(),
                caller: Caller::User(credential.key.user.clone()),
                permissions: credential.key.permissions,
                policy: Arc::clone(&tenant.policy),
            },
            secret,
        }))
    }

    /// The policy of a tenant that may be served; none of one that is unknown or suspended.
    pub fn policy(&self, tenant: &TenantId) -> Option<Arc<Policy>> {
        let directory = self.directory();
        match directory.tenant(tenant) {
            Some(known) if !known.suspended => Some(Arc::clone(&known.policy)),
            Some(_) => None,
            None => (!directory.keyed && *tenant == TenantId::local())
                .then(|| Arc::new(Policy::local())),
        }
    }

    /// What bounds a tenant, suspended or not; none of one that is unknown.
    pub fn bounds(&self, tenant: &TenantId) -> Option<Arc<Policy>> {
        let directory = self.directory();
        let known = directory.tenant(tenant)?;
        Some(Arc::clone(&known.policy))
    }

    /// Makes an account; with a number of its own unless one is given.
    pub fn create(
        &self,
        id: Option<TenantId>,
        name: &str,
        policy: Policy,
    ) -> Result<Tenant, Error> {
        let length = name.chars().count();
        if !(1..=128).contains(&length) || name.chars().any(char::is_control) {
            return Err(Error::Name(name.chars().take(128).collect()));
        }
        let given = id.is_some();
        let mut tenant = Tenant {
            id: id.map_or_else(random_account, Ok)?,
            name: name.to_owned(),
            suspended: false,
            policy,
            created: self.0.clock.now(),
        };
        loop {
            match self.0.store.create(&tenant) {
                Ok(()) => break,
                Err(Error::Exists(_)) if !given => tenant.id = random_account()?,
                Err(error) => return Err(error),
            }
        }
        self.reload()?;
        Ok(tenant)
    }

    /// Every tenant, by number.
    pub fn list(&self) -> Result<Vec<Tenant>, Error> {
        Ok(self.0.store.all()?.tenants)
    }

    /// One tenant.
    pub fn tenant(&self, id: &TenantId) -> Result<Tenant, Error> {
        self.0.store.tenant(id)
    }

    /// Changes what bounds a tenant.
    pub fn set_policy(&self, id: &TenantId, policy: Policy) -> Result<Tenant, Error> {
        self.change(id, |tenant| tenant.policy = policy)
    }

    /// Refuses a tenant's keys and tokens, or takes them again. What runs goes on.
    pub fn suspend(&self, id: &TenantId, suspended: bool) -> Result<Tenant, Error> {
        self.change(id, |tenant| tenant.suspended = suspended)
    }

    fn change(&self, id: &TenantId, change: impl FnOnce(&mut Tenant)) -> Result<Tenant, Error> {
        let mut tenant = self.0.store.tenant(id)?;
        change(&mut tenant);
        self.0.store.update(&tenant)?;
        self.reload()?;
        Ok(tenant)
    }

    /// Makes a key for a user of a tenant.
    pub fn create_key(
        &self,
        tenant: &TenantId,
        user: UserName,
        permissions: Permissions,
    ) -> Result<NewKey, Error> {
        let mut letters = [0; 16];
        getrandom::fill(&mut letters).map_err(|_| Error::Random)?;
        let letters: String = letters
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
            .collect();
        let mut secret = [0; 30];
        getrandom::fill(&mut secret).map_err(|_| Error::Random)?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let key = Key {
            id: format!("AKKL{letters}").parse()?,
            tenant: tenant.clone(),
            user,
            permissions,
            created: self.0.clock.now(),
            revoked: None,
        };
        let sealed = self.0.seal.seal(&key.id, &secret)?;
        self.0.store.add_key(&key, &sealed)?;
        self.reload()?;
        Ok(NewKey { key, secret })
    }

    /// Every key, by tenant; without secrets.
    pub fn keys(&self) -> Result<Vec<Key>, Error> {
        let keys = self.0.store.all()?.keys;
        Ok(keys.into_iter().map(|(key, _)| key).collect())
    }

    /// Revokes a key for ever.
    pub fn revoke(&self, id: &AccessKeyId) -> Result<(), Error> {
        self.0.store.revoke(id, self.0.clock.now())?;
        self.reload()
    }

    /// The picture, no older than [`REFRESH`]. When the database cannot be read the last one stands.
    fn directory(&self) -> Arc<Directory> {
        let now = self.0.clock.now();
        let mut picture = self.picture();
        if now.since(picture.looked) >= REFRESH {
            picture.looked = now;
            match self.look(picture.version) {
                Ok(None) => {}
                Ok(Some((version, directory))) => {
                    picture.version = version;
                    picture.directory = Arc::new(directory);
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the tenants' database cannot be read; what was known of keys stands"
                ),
            }
        }
        Arc::clone(&picture.directory)
    }

    /// What is new since this version.
    fn look(&self, known: i64) -> Result<Option<(i64, Directory)>, Error> {
        let version = self.0.store.version()?;
        if version == known {
            return Ok(None);
        }
        Ok(Some((version, Directory::of(self.0.store.all()?))))
    }

    /// Shows this process what it has written itself, which the version of the database does not tell.
    fn reload(&self) -> Result<(), Error> {
        let directory = Arc::new(Directory::of(self.0.store.all()?));
        self.picture().directory = directory;
        Ok(())
    }

    fn picture(&self) -> std::sync::MutexGuard<'_, Picture> {
        self.0
            .picture
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account number that begins with no zero: those are for accounts that operators name.
fn random_account() -> Result<TenantId, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    let number = 100_000_000_000 + u64::from_le_bytes(bytes) % 900_000_000_000;
    Ok(number.to_string().parse()?)
}

#[cfg(test)]
mod tests;
