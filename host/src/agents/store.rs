//! Agents on disk: SQLite in the data directory. Documents are JSON, keys are columns.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::artifacts::{Artifact, Reference};
use super::{Agent, Endpoint, Error, VersionRecord};
use crate::ids::{AgentKey, EndpointName, TenantId, Version};

/// The layout that this program writes. A database of another one is refused, never guessed at.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE agents (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent)
    ) STRICT;
    CREATE TABLE versions (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent, version),
        FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE
    ) STRICT;
    CREATE TABLE endpoints (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent, name),
        FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE
    ) STRICT;
    CREATE TABLE artifacts (
        tenant TEXT NOT NULL, reference TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, reference)
    ) STRICT;
";

/// One connection, used from blocking threads.
pub(super) struct Store(Mutex<Connection>);

/// An agent with all that hangs on it, as stored.
pub(super) struct Stored {
    pub(super) key: AgentKey,
    pub(super) agent: Agent,
    pub(super) versions: Vec<VersionRecord>,
    pub(super) endpoints: Vec<Endpoint>,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What the control plane acknowledged survives a power cut; it writes seldom enough to afford it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match layout {
            LAYOUT => {}
            0 => {
                connection.execute_batch(&format!(
                    "BEGIN; {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;"
                ))?;
            }
            other => {
                return Err(Error::Conflict(format!(
                    "the data directory has database layout {other}, and this server knows layout {LAYOUT}; \
                     use the server version that wrote it"
                )));
            }
        }
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

    /// Writes what changed of an agent, all of it or nothing.
    pub(super) fn put(
        &self,
        key: &AgentKey,
        agent: Option<&Agent>,
        version: Option<&VersionRecord>,
        endpoints: &[Endpoint],
    ) -> Result<(), Error> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let (tenant, id) = (key.tenant.as_str(), key.agent.as_str());
        if let Some(agent) = agent {
            transaction.execute(
                "INSERT INTO agents VALUES (?1, ?2, ?3)",
                params![tenant, id, serde_json::to_string(agent)?],
            )?;
        }
        if let Some(version) = version {
            transaction.execute(
                "INSERT OR REPLACE INTO versions VALUES (?1, ?2, ?3, ?4)",
                params![
                    tenant,
                    id,
                    version.version.number(),
                    serde_json::to_string(version)?
                ],
            )?;
        }
        for endpoint in endpoints {
            transaction.execute(
                "INSERT OR REPLACE INTO endpoints VALUES (?1, ?2, ?3, ?4)",
                params![
                    tenant,
                    id,
                    endpoint.name.as_str(),
                    serde_json::to_string(endpoint)?
                ],
            )?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn delete_agent(&self, key: &AgentKey) -> Result<(), Error> {
        let sql = "DELETE FROM agents WHERE tenant = ?1 AND agent = ?2";
        self.connection()
            .execute(sql, params![key.tenant.as_str(), key.agent.as_str()])?;
        Ok(())
    }

    pub(super) fn delete_version(&self, key: &AgentKey, version: Version) -> Result<(), Error> {
        let sql = "DELETE FROM versions WHERE tenant = ?1 AND agent = ?2 AND version = ?3";
        self.connection().execute(
            sql,
            params![key.tenant.as_str(), key.agent.as_str(), version.number()],
        )?;
        Ok(())
    }

    pub(super) fn delete_endpoint(&self, key: &AgentKey, name: &EndpointName) -> Result<(), Error> {
        let sql = "DELETE FROM endpoints WHERE tenant = ?1 AND agent = ?2 AND name = ?3";
        self.connection().execute(
            sql,
            params![key.tenant.as_str(), key.agent.as_str(), name.as_str()],
        )?;
        Ok(())
    }

    /// Names an artifact, unless the tenant's artifacts have more than `limit` bytes with it.
    pub(super) fn put_artifact(
        &self,
        tenant: &TenantId,
        artifact: &Artifact,
        limit: Option<u64>,
    ) -> Result<bool, Error> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
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
            return Ok(false);
        }
        transaction.commit()?;
        Ok(true)
    }

    /// What the tenant's artifacts have together, in bytes; what several references name counts once.
    pub(super) fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, Error> {
        stored_bytes(&self.connection(), tenant)
    }

    pub(super) fn artifact(
        &self,
        tenant: &TenantId,
        reference: &Reference,
    ) -> Result<Option<Artifact>, Error> {
        let sql = "SELECT document FROM artifacts WHERE tenant = ?1 AND reference = ?2";
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

fn stored_bytes(connection: &Connection, tenant: &TenantId) -> Result<u64, Error> {
    let bytes: i64 = connection.query_row(
        "SELECT coalesce(sum(size), 0) FROM (
            SELECT DISTINCT document ->> 'digest', document ->> 'size_bytes' AS size FROM artifacts WHERE tenant = ?1
        )",
        [tenant.as_str()],
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
