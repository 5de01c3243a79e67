//! Tenants and keys on disk: `tenants.db` in the data directory, which the server reads and its operator's commands write.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Error, Key, Tenant};
use crate::clock::Timestamp;
use crate::ids::{AccessKeyId, TenantId};

/// The layout that this program writes. A database of another one is refused, never guessed at.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE tenants (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, suspended INTEGER NOT NULL, policy TEXT NOT NULL, created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE keys (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants, user TEXT NOT NULL, permissions TEXT NOT NULL,
        secret BLOB NOT NULL, created INTEGER NOT NULL, revoked INTEGER
    ) STRICT, WITHOUT ROWID;
";

/// How long a command waits for another that writes.
const BUSY: Duration = Duration::from_secs(10);

/// One connection.
pub(super) struct Store(Mutex<Connection>);

/// Everything, at one moment.
pub(super) struct All {
    pub(super) tenants: Vec<Tenant>,
    /// Each with its sealed secret.
    pub(super) keys: Vec<(Key, Vec<u8>)>,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // A server in jail has no folder for temporary files.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A key that was shown is there after a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Two programs may open a new database at once.
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let layout: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match layout {
            LAYOUT => {}
            0 => {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", LAYOUT)?;
            }
            other => return Err(Error::Layout(other)),
        }
        transaction.commit()?;
        Ok(Self(Mutex::new(connection)))
    }

    /// A number that another one follows when somebody else has written.
    pub(super) fn version(&self) -> Result<i64, Error> {
        Ok(self
            .connection()
            .pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    pub(super) fn all(&self) -> Result<All, Error> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let tenants = transaction
            .prepare("SELECT id, name, suspended, policy, created FROM tenants ORDER BY id")?
            .query_map([], |row| Ok(tenant(row)))?
            .collect::<Result<Result<Vec<_>, _>, _>>()??;
        let keys = transaction
            .prepare(
                "SELECT id, tenant, user, permissions, created, revoked, secret FROM keys ORDER BY tenant, created, id",
            )?
            .query_map([], |row| Ok(key(row)))?
            .collect::<Result<Result<Vec<_>, _>, _>>()??;
        Ok(All { tenants, keys })
    }

    pub(super) fn create(&self, tenant: &Tenant) -> Result<(), Error> {
        let created = self.connection().execute(
            "INSERT OR IGNORE INTO tenants VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                tenant.id.as_str(),
                tenant.name,
                tenant.suspended,
                serde_json::to_string(&tenant.policy)?,
                millis(tenant.created)
            ],
        )?;
        if created == 0 {
            return Err(Error::Exists(tenant.id.clone()));
        }
        Ok(())
    }

    pub(super) fn tenant(&self, id: &TenantId) -> Result<Tenant, Error> {
        let found = self
            .connection()
            .query_row(
                "SELECT id, name, suspended, policy, created FROM tenants WHERE id = ?1",
                [id.as_str()],
                |row| Ok(tenant(row)),
            )
            .optional()?;
        found.ok_or_else(|| Error::NoTenant(id.clone()))?
    }

    /// Writes what may change of a tenant.
    pub(super) fn update(&self, tenant: &Tenant) -> Result<(), Error> {
        self.connection().execute(
            "UPDATE tenants SET suspended = ?2, policy = ?3 WHERE id = ?1",
            params![
                tenant.id.as_str(),
                tenant.suspended,
                serde_json::to_string(&tenant.policy)?
            ],
        )?;
        Ok(())
    }

    pub(super) fn add_key(&self, key: &Key, sealed: &[u8]) -> Result<(), Error> {
        self.tenant(&key.tenant)?;
        self.connection().execute(
            "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
            params![
                key.id.as_str(),
                key.tenant.as_str(),
                key.user.as_str(),
                serde_json::to_string(&key.permissions)?,
                sealed,
                millis(key.created)
            ],
        )?;
        Ok(())
    }

    /// Revokes a key; once is enough.
    pub(super) fn revoke(&self, id: &AccessKeyId, now: Timestamp) -> Result<(), Error> {
        let changed = self.connection().execute(
            "UPDATE keys SET revoked = coalesce(revoked, ?2) WHERE id = ?1",
            params![id.as_str(), millis(now)],
        )?;
        if changed == 0 {
            return Err(Error::NoKey(id.clone()));
        }
        Ok(())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tenant(row: &Row<'_>) -> Result<Tenant, Error> {
    Ok(Tenant {
        id: row.get::<_, String>(0)?.parse()?,
        name: row.get(1)?,
        suspended: row.get(2)?,
        policy: serde_json::from_str(&row.get::<_, String>(3)?)?,
        created: timestamp(row.get(4)?),
    })
}

fn key(row: &Row<'_>) -> Result<(Key, Vec<u8>), Error> {
    let key = Key {
        id: row.get::<_, String>(0)?.parse()?,
        tenant: row.get::<_, String>(1)?.parse()?,
        user: row.get::<_, String>(2)?.parse()?,
        permissions: serde_json::from_str(&row.get::<_, String>(3)?)?,
        created: timestamp(row.get(4)?),
        revoked: row.get::<_, Option<i64>>(5)?.map(timestamp),
    };
    Ok((key, row.get(6)?))
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis.try_into().unwrap_or(0))
}
