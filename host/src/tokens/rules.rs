//! What an agent asks of a token beyond that its issuer signed it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Refused;
use super::claims::{client, text};

/// What an agent asks of a token. An empty list asks for nothing; what is asked for must all be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Where the issuer's discovery document is.
    pub discovery_url: String,
    /// The token is for one of these: `aud`, a text or a list.
    pub audiences: Vec<String>,
    /// The token was issued to one of these: `client_id`, and without one `azp`.
    pub clients: Vec<String>,
    /// The token has at least one of these: `scope`, a text with spaces, or `scp`, a text or a list.
    pub scopes: Vec<String>,
    /// What clients are to ask the issuer for to get a scope, where that is another name.
    pub advertised: BTreeMap<String, String>,
    /// What other claims say.
    pub claims: Vec<ClaimRule>,
}

/// What one claim must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRule {
    /// The claim.
    pub name: String,
    /// Its value.
    pub matches: Match,
}

/// How a claim's value matches. A value of another type never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// It is this text.
    Equals(String),
    /// It is a list with this text.
    Contains(String),
    /// It is a list with one of these texts.
    ContainsAny(Vec<String>),
}

impl Rules {
    /// Checks the claims of a verified token.
    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<(), Refused> {
        let asked = |wanted: &[String], held: &[&str]| {
            wanted.is_empty() || wanted.iter().any(|one| held.contains(&one.as_str()))
        };
        let client: Vec<&str> = client(claims).into_iter().collect();
        if !asked(&self.audiences, &texts(claims.get("aud"))) {
            return Err(mismatch("aud"));
        }
        if !asked(&self.clients, &client) {
            return Err(mismatch("client_id"));
        }
        if !asked(&self.scopes, &scopes(claims)) {
            return Err(mismatch("scope"));
        }
        match self.claims.iter().find(|rule| !rule.holds(claims)) {
            Some(rule) => Err(mismatch(&rule.name)),
            None => Ok(()),
        }
    }
}

impl ClaimRule {
    fn holds(&self, claims: &Map<String, Value>) -> bool {
        let value = claims.get(&self.name);
        let list = value.filter(|value| value.is_array());
        match &self.matches {
            Match::Equals(wanted) => value.and_then(Value::as_str) == Some(wanted),
            Match::Contains(wanted) => texts(list).contains(&wanted.as_str()),
            Match::ContainsAny(wanted) => {
                let held = texts(list);
                wanted.iter().any(|one| held.contains(&one.as_str()))
            }
        }
    }
}

/// AgentCore's own words. The claim's name is the agent's configuration; the value is the token's, and stays out.
fn mismatch(claim: &str) -> Refused {
    Refused::Forbidden(format!(
        "Claim '{claim}' value mismatch with configuration."
    ))
}

/// A text, or the texts of a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    let scope = text(claims, "scope").unwrap_or_default();
    let scp = texts(claims.get("scp"));
    let words = scp.into_iter().chain([scope]);
    words.flat_map(str::split_ascii_whitespace).collect()
}
