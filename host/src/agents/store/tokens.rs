//! Client tokens on disk, with what their calls were answered.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::super::Error;
use super::super::once::{KEPT, Once};
use super::{Store, Write};
use crate::clock::Timestamp;
use crate::ids::TenantId;

impl Store {
    /// What an earlier call with this token was answered; none when there was none, or it was too long ago.
    pub(in super::super) fn answered(
        &self,
        tenant: &TenantId,
        once: &Once,
        now: Timestamp,
    ) -> Result<Option<Value>, Error> {
        let sql = "SELECT digest, answer FROM client_tokens WHERE tenant = ?1 AND token = ?2 AND made > ?3";
        let found: Option<(String, String)> = self
            .connection()
            .query_row(
                sql,
                params![tenant.as_str(), once.token.as_str(), horizon(now)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        match found {
            None => Ok(None),
            Some((digest, _)) if digest != once.digest.as_str() => Err(Error::TokenReused),
            Some((_, answer)) => Ok(Some(serde_json::from_str(&answer)?)),
        }
    }
}

impl Write<'_> {
    /// Keeps what a call with this token is answered, and forgets those of long ago.
    pub(in super::super) fn keep(
        &self,
        tenant: &TenantId,
        once: &Once,
        answer: &Value,
        now: Timestamp,
    ) -> Result<(), Error> {
        let forget = "DELETE FROM client_tokens WHERE made <= ?1";
        self.0.execute(forget, params![horizon(now)])?;
        let kept = self.0.execute(
            "INSERT OR IGNORE INTO client_tokens VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                tenant.as_str(),
                once.token.as_str(),
                once.digest.as_str(),
                serde_json::to_string(answer)?,
                millis(now.as_millis())
            ],
        )?;
        match kept {
            // Another call took the token a moment ago.
            0 => Err(Error::TokenReused),
            _ => Ok(()),
        }
    }
}

/// What was kept then or earlier is forgotten now.
fn horizon(now: Timestamp) -> i64 {
    millis(now.as_millis()) - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX)
}

fn millis(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}
