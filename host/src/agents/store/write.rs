//! One change of the database: whatever is written through it, all of it or nothing.

use rusqlite::{Transaction, params};

use super::super::{Agent, Endpoint, Error, VersionRecord};
use super::Store;
use crate::ids::{AgentKey, EndpointName, Version};

/// A change that is being made.
pub(in super::super) struct Write<'a>(pub(super) Transaction<'a>);

impl Store {
    /// Makes a change, which stands when this returns, and of which nothing stands when it fails.
    pub(in super::super) fn write(
        &self,
        change: impl FnOnce(&Write<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut connection = self.connection();
        let write = Write(connection.transaction()?);
        change(&write)?;
        Ok(write.0.commit()?)
    }
}

impl Write<'_> {
    pub(in super::super) fn agent(&self, key: &AgentKey, agent: &Agent) -> Result<(), Error> {
        self.0.execute(
            "INSERT INTO agents VALUES (?1, ?2, ?3)",
            params![
                key.tenant.as_str(),
                key.agent.as_str(),
                serde_json::to_string(agent)?
            ],
        )?;
        Ok(())
    }

    pub(in super::super) fn version(
        &self,
        key: &AgentKey,
        version: &VersionRecord,
    ) -> Result<(), Error> {
        self.0.execute(
            "INSERT OR REPLACE INTO versions VALUES (?1, ?2, ?3, ?4)",
            params![
                key.tenant.as_str(),
                key.agent.as_str(),
                version.version.number(),
                serde_json::to_string(version)?
            ],
        )?;
        Ok(())
    }

    pub(in super::super) fn endpoint(
        &self,
        key: &AgentKey,
        endpoint: &Endpoint,
    ) -> Result<(), Error> {
        self.0.execute(
            "INSERT OR REPLACE INTO endpoints VALUES (?1, ?2, ?3, ?4)",
            params![
                key.tenant.as_str(),
                key.agent.as_str(),
                endpoint.name.as_str(),
                serde_json::to_string(endpoint)?
            ],
        )?;
        Ok(())
    }

    /// With all that hangs on it.
    pub(in super::super) fn delete_agent(&self, key: &AgentKey) -> Result<(), Error> {
        let sql = "DELETE FROM agents WHERE tenant = ?1 AND agent = ?2";
        self.0
            .execute(sql, params![key.tenant.as_str(), key.agent.as_str()])?;
        Ok(())
    }

    pub(in super::super) fn delete_version(
        &self,
        key: &AgentKey,
        version: Version,
    ) -> Result<(), Error> {
        let sql = "DELETE FROM versions WHERE tenant = ?1 AND agent = ?2 AND version = ?3";
        self.0.execute(
            sql,
            params![key.tenant.as_str(), key.agent.as_str(), version.number()],
        )?;
        Ok(())
    }

    /// With its tags.
    pub(in super::super) fn delete_endpoint(
        &self,
        key: &AgentKey,
        name: &EndpointName,
    ) -> Result<(), Error> {
        for sql in [
            "DELETE FROM tags WHERE tenant = ?1 AND agent = ?2 AND endpoint = ?3",
            "DELETE FROM endpoints WHERE tenant = ?1 AND agent = ?2 AND name = ?3",
        ] {
            self.0.execute(
                sql,
                params![key.tenant.as_str(), key.agent.as_str(), name.as_str()],
            )?;
        }
        Ok(())
    }
}
