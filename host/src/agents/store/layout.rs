//! The tables, and how those of older programs become them.

use rusqlite::Connection;

use super::super::Error;

/// The layout that this program writes. Older ones are brought to it when they are opened; one that it does not know is
/// refused, never guessed at.
const LAYOUT: i64 = 2;

/// What there was at first.
const FIRST: &str = "
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

/// Layout 2: tags and client tokens in tables of their own. A tag's endpoint is empty when it is the agent's own.
const SECOND: &str = "
    CREATE TABLE tags (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, endpoint TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (tenant, agent, endpoint, key),
        FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE
    ) STRICT;
    CREATE TABLE client_tokens (
        tenant TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL, answer TEXT NOT NULL, made INTEGER NOT NULL,
        PRIMARY KEY (tenant, token)
    ) STRICT;
    CREATE INDEX client_tokens_by_age ON client_tokens (made);
    CREATE TABLE secrets (
        name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL
    ) STRICT;
";

/// Tags stood in the configuration they came with, which is that of the oldest version that has some.
const TAGS_OF_FIRST: &str = "
    INSERT INTO tags
        SELECT versions.tenant, versions.agent, '', tag.key, tag.value
        FROM versions, json_each(versions.document, '$.configuration.kept.tags') AS tag
        WHERE tag.type = 'text' AND versions.version = (
            SELECT min(version) FROM versions AS tagged
            WHERE tagged.tenant = versions.tenant AND tagged.agent = versions.agent
                AND json_type(tagged.document, '$.configuration.kept.tags') = 'object'
        );
    UPDATE versions SET document = json_remove(document, '$.configuration.kept.tags')
        WHERE json_type(document, '$.configuration.kept.tags') IS NOT NULL;
";

/// Makes the tables, or brings them up to date; all of it or nothing.
pub(super) fn prepare(connection: &Connection) -> Result<(), Error> {
    let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps: &[&str] = match layout {
        LAYOUT => return Ok(()),
        0 => &[FIRST, SECOND],
        1 => &[SECOND, TAGS_OF_FIRST],
        other => {
            return Err(Error::Conflict(format!(
                "the data directory has database layout {other}, and this server knows layouts up to {LAYOUT}; \
                 use the server version that wrote it"
            )));
        }
    };
    // An error on the way ends the connection, and with it what was begun.
    Ok(connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {} PRAGMA user_version = {LAYOUT}; COMMIT;",
        steps.concat()
    ))?)
}

#[cfg(test)]
mod tests;
