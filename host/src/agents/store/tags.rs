//! Tags on disk.

use rusqlite::params;

use super::super::{Error, Resource, Tags};
use super::{Store, Write};

/// The columns that name a resource.
fn columns(resource: &Resource) -> [&str; 3] {
    let key = resource.agent();
    let endpoint = resource.endpoint().map_or("", |name| name.as_str());
    [key.tenant.as_str(), key.agent.as_str(), endpoint]
}

impl Store {
    pub(in super::super) fn tags(&self, resource: &Resource) -> Result<Tags, Error> {
        let connection = self.connection();
        let mut rows = connection.prepare(
            "SELECT key, value FROM tags WHERE tenant = ?1 AND agent = ?2 AND endpoint = ?3",
        )?;
        Ok(rows
            .query_map(columns(resource), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?)
    }
}

impl Write<'_> {
    /// Adds tags, or gives those that are there their new values.
    pub(in super::super) fn tag(&self, resource: &Resource, tags: &Tags) -> Result<(), Error> {
        let [tenant, agent, endpoint] = columns(resource);
        for (key, value) in tags {
            self.0.execute(
                "INSERT OR REPLACE INTO tags VALUES (?1, ?2, ?3, ?4, ?5)",
                params![tenant, agent, endpoint, key, value],
            )?;
        }
        Ok(())
    }

    /// Takes tags away; those that are not there already are.
    pub(in super::super) fn untag(
        &self,
        resource: &Resource,
        keys: &[String],
    ) -> Result<(), Error> {
        let [tenant, agent, endpoint] = columns(resource);
        for key in keys {
            self.0.execute(
                "DELETE FROM tags WHERE tenant = ?1 AND agent = ?2 AND endpoint = ?3 AND key = ?4",
                params![tenant, agent, endpoint, key],
            )?;
        }
        Ok(())
    }

    /// How many tags a resource has.
    pub(in super::super) fn count_tags(&self, resource: &Resource) -> Result<usize, Error> {
        let sql = "SELECT count(*) FROM tags WHERE tenant = ?1 AND agent = ?2 AND endpoint = ?3";
        let count: u32 = self.0.query_row(sql, columns(resource), |row| row.get(0))?;
        Ok(count as usize)
    }
}
