//! Agents on disk: SQLite in the data directory. Documents are JSON, keys are columns.

mod layout;
mod tags;
mod tokens;
mod write;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::artifacts::{Artifact, Reference};
use super::secret::Secret;
use super::{Agent, Endpoint, Error, VersionRecord};
use crate::ids::{AgentKey, Digest, TenantId};
pub(super) use write::Write;

/// One connection, used from blocking threads.
pub(super) struct Store(Mutex<Connection>);

/// An agent with all that hangs on it, as stored.
pub(super) struct Stored {
    pub(super) key: AgentKey,
    pub(super) agent: Agent,
    pub(super) versions: Vec<VersionRecord>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// What became of an artifact's name.
pub(super) enum Put {
    /// It is given, and names no longer what it named before.
    Named {
        /// What that was.
        before: Option<Digest>,
    },
    /// The tenant has no room for it.
    Full,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        // A server in jail has no folder for temporary files.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What the control plane acknowledged survives a power cut; it writes seldom enough to afford it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        layout::prepare(&connection)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Every agent, for the start.
    pub(super) fn load(&self) -> Result<Vec<Stored>, Error> {
        let connection = self.connection();
        let mut agents = connection.prepare("SELECT tenant, agent, document FROM agents")?;
        let rows = agents.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })?;
        let mut all = Vec::new();
        for row in rows {
            let (tenant, agent, document) = row?;
            let below = |table: &str| -> Result<Vec<String>, rusqlite::Error> {
                connection
                    .prepare(&format!(
                        "SELECT document FROM {table} WHERE tenant = ?1 AND agent = ?2"
                    ))?
                    .query_map(params![tenant, agent], |row| row.get(0))?
                    .collect()
            };
            all.push(Stored {
                versions: documents(&below("versions")?)?,
                endpoints: documents(&below("endpoints")?)?,
                agent: serde_json::from_str(&document)?,
                key: serde_json::from_value(
                    serde_json::json!({ "tenant": tenant, "agent": agent }),
                )?,
            });
        }
        Ok(all)
    }

    /// The secret that page tokens are marked with; made when the database is new.
    pub(super) fn secret(&self) -> Result<Secret, Error> {
        let mut fresh = [0; Secret::BYTES];
        getrandom::fill(&mut fresh).map_err(|_| Error::Random)?;
        let connection = self.connection();
        connection.execute(
            "INSERT OR IGNORE INTO secrets VALUES ('pages', ?1)",
            [fresh],
        )?;
        let sql = "SELECT value FROM secrets WHERE name = 'pages'";
        let bytes: Vec<u8> = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Secret::new(&bytes))
    }

    /// Names an artifact, unless the tenant's artifacts have more than `limit` bytes with it.
    pub(super) fn put_artifact(
        &self,
        tenant: &TenantId,
        artifact: &Artifact,
        limit: Option<u64>,
    ) -> Result<Put, Error> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let before: Option<String> = transaction
            .query_row(
                "SELECT document ->> 'digest' FROM artifacts WHERE tenant = ?1 AND reference = ?2",
                params![tenant.as_str(), artifact.reference.as_str()],
                |row| row.get(0),
            )
            .optional()?;
        transaction.execute(
            "INSERT OR REPLACE INTO artifacts VALUES (?1, ?2, ?3)",
            params![
                tenant.as_str(),
                artifact.reference.as_str(),
                serde_json::to_string(artifact)?
            ],
        )?;
        if let Some(limit) = limit
            && stored_bytes(&transaction, tenant)? > limit
        {
            return Ok(Put::Full);
        }
        transaction.commit()?;
        let before = before.and_then(|digest| digest.parse().ok());
        Ok(Put::Named { before })
    }

    /// Takes a name away, and says what it named, if anything.
    pub(super) fn forget_artifact(
        &self,
        tenant: &TenantId,
        reference: &Reference,
    ) -> Result<Option<Digest>, Error> {
        let sql = "DELETE FROM artifacts WHERE tenant = ?1 AND reference = ?2 RETURNING document";
        let gone = self.one(sql, tenant, reference)?;
        Ok(gone.map(|artifact| artifact.digest))
    }

    /// Whether a reference of any tenant names it.
    pub(super) fn is_named(&self, digest: &Digest) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM artifacts WHERE document ->> 'digest' = ?1)";
        let named = self
            .connection()
            .query_row(sql, [digest.as_str()], |row| row.get(0))?;
        Ok(named)
    }

    /// All that references name, of all tenants.
    pub(super) fn digests(&self) -> Result<HashSet<Digest>, Error> {
        let connection = self.connection();
        let mut rows =
            connection.prepare("SELECT DISTINCT document ->> 'digest' FROM artifacts")?;
        let found: Vec<String> = rows
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        // What is no digest names no file.
        Ok(found
            .iter()
            .filter_map(|digest| digest.parse().ok())
            .collect())
    }

    /// What the tenant's artifacts have together, in bytes; what several references name counts once, and
    /// each reference 4 KiB.
    pub(super) fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, Error> {
        stored_bytes(&self.connection(), tenant)
    }

    pub(super) fn artifact(
        &self,
        tenant: &TenantId,
        reference: &Reference,
    ) -> Result<Option<Artifact>, Error> {
        let sql = "SELECT document FROM artifacts WHERE tenant = ?1 AND reference = ?2";
        self.one(sql, tenant, reference)
    }

    fn one(
        &self,
        sql: &str,
        tenant: &TenantId,
        reference: &Reference,
    ) -> Result<Option<Artifact>, Error> {
        let document: Option<String> = self
            .connection()
            .query_row(sql, params![tenant.as_str(), reference.as_str()], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(document
            .map(|document| serde_json::from_str(&document))
            .transpose()?)
    }

    pub(super) fn artifacts(&self, tenant: &TenantId) -> Result<Vec<Artifact>, Error> {
        let connection = self.connection();
        let mut rows = connection
            .prepare("SELECT document FROM artifacts WHERE tenant = ?1 ORDER BY reference")?;
        let found: Vec<String> = rows
            .query_map(params![tenant.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        documents(&found)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reference, and what the disk takes for the smallest file, in bytes: a million of them are something, too.
const REFERENCE: u32 = 4_096;

fn stored_bytes(connection: &Connection, tenant: &TenantId) -> Result<u64, Error> {
    let bytes: i64 = connection.query_row(
        "SELECT coalesce(sum(size), 0) + ?2 * (SELECT count(*) FROM artifacts WHERE tenant = ?1) FROM (
            SELECT DISTINCT document ->> 'digest', document ->> 'size_bytes' AS size FROM artifacts WHERE tenant = ?1
        )",
        params![tenant.as_str(), REFERENCE],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

fn documents<T: DeserializeOwned>(texts: &[String]) -> Result<Vec<T>, Error> {
    texts
        .iter()
        .map(|text| Ok(serde_json::from_str(text)?))
        .collect()
}
