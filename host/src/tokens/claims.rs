//! Whom a token stands for, and for how long.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Refused;
use crate::clock::Timestamp;

/// How far the issuer's clock and ours may be apart.
const LEEWAY: Duration = Duration::from_secs(30);

/// Whom a verified token stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// The issuer, as it names itself. A subject means something only together with it.
    pub issuer: String,
    /// The user, or the program that acts on its own account: `sub`.
    pub subject: Option<String>,
    /// The program that the token was issued to: `client_id`, and without one `azp`.
    pub client: Option<String>,
    /// When the token ends.
    pub expires: Timestamp,
}

impl Claims {
    /// Reads the claims of a token whose signature is verified; checks the issuer and the time.
    pub(super) fn of(
        claims: &Map<String, Value>,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        if text(claims, "iss") != Some(issuer) {
            return Err(Refused::Invalid(
                "the token's issuer (iss) is not the one that the agent trusts",
            ));
        }
        let expires = time(claims, "exp")?.ok_or(Refused::Invalid(
            "the token has no expiry (exp), and must have one",
        ))?;
        if now >= expires + LEEWAY {
            return Err(Refused::Invalid("the token has expired"));
        }
        if let Some(begins) = time(claims, "nbf")?
            && now + LEEWAY < begins
        {
            return Err(Refused::Invalid("the token is not valid yet"));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: text(claims, "sub").map(str::to_owned),
            client: client(claims).map(str::to_owned),
            expires,
        })
    }
}

/// Does not show what a token says: people's names end up in logs this way.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// The program that the token was issued to.
pub(super) fn client(claims: &Map<String, Value>) -> Option<&str> {
    match claims.get("client_id") {
        Some(client) => client.as_str(),
        None => text(claims, "azp"),
    }
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A moment in seconds since the epoch, maybe with a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().ok_or(Refused::Invalid(
        "the token's times (exp, nbf) are not numbers of seconds",
    ))?;
    // What lies before the epoch becomes the epoch, and what lies after the end of time its end.
    Ok(Some(Timestamp::from_millis((seconds * 1_000.0) as u64)))
}
