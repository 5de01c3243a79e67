//! An agent's authorizer: which bearer tokens open it, as its owner says on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Error;
use crate::tokens::{ClaimRule, Match, Rules};

/// The longest discovery URL, audience or client, in characters. The service model has no bound for them.
const LONGEST_TEXT: usize = 2_048;

/// The most texts in a list, rules for claims, and entries of a map.
const MOST: usize = 100;

/// Members of the service model that would narrow who is let in, or say how to reach the issuer. To store one and not heed
/// it would be a door that looks locked.
const UNSUPPORTED: [&str; 4] = [
    "allowedWorkloadConfiguration",
    "certificateConfigurations",
    "privateEndpoint",
    "privateEndpointOverrides",
];

const MEMBERS: [&str; 6] = [
    "advertisedScopeMapping",
    "allowedAudience",
    "allowedClients",
    "allowedScopes",
    "customClaims",
    "discoveryUrl",
];

/// Which bearer tokens open an agent: a `customJWTAuthorizer`.
///
/// Made from the wire's `authorizerConfiguration`, and kept as that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Authorizer {
    wire: Value,
    rules: Rules,
}

impl Authorizer {
    /// The `authorizerConfiguration` as it came, to be shown again.
    pub fn wire(&self) -> &Value {
        &self.wire
    }

    /// What it asks of a token.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl From<Authorizer> for Value {
    fn from(authorizer: Authorizer) -> Self {
        authorizer.wire
    }
}

impl TryFrom<Value> for Authorizer {
    type Error = Error;

    fn try_from(wire: Value) -> Result<Self, Error> {
        match rules(&wire) {
            Ok(rules) => Ok(Self { wire, rules }),
            Err(message) => Err(Error::Invalid {
                field: "authorizerConfiguration",
                message,
            }),
        }
    }
}

fn rules(wire: &Value) -> Result<Rules, String> {
    let union = wire
        .as_object()
        .filter(|members| members.len() == 1)
        .and_then(|members| members.get("customJWTAuthorizer"))
        .and_then(Value::as_object);
    let authorizer = union
        .ok_or("authorizerConfiguration has exactly one member, the object customJWTAuthorizer")?;
    known_members(authorizer)?;
    let rules = Rules {
        discovery_url: discovery_url(authorizer)?,
        audiences: texts(authorizer, "allowedAudience", is_short)?,
        clients: texts(authorizer, "allowedClients", is_short)?,
        scopes: texts(authorizer, "allowedScopes", is_scope)?,
        advertised: advertised(authorizer)?,
        claims: claims(authorizer)?,
    };
    if let Some(scope) = rules
        .advertised
        .keys()
        .find(|scope| !rules.scopes.contains(scope))
    {
        return Err(format!(
            "advertisedScopeMapping has {scope:?}, which is not in allowedScopes"
        ));
    }
    let asks = !rules.audiences.is_empty()
        || !rules.clients.is_empty()
        || !rules.scopes.is_empty()
        || !rules.claims.is_empty();
    if asks {
        Ok(rules)
    } else {
        Err("customJWTAuthorizer has at least one of allowedAudience, allowedClients, allowedScopes and customClaims: without them every token of the issuer would open the agent".to_owned())
    }
}

fn known_members(authorizer: &Map<String, Value>) -> Result<(), String> {
    for name in authorizer.keys().map(String::as_str) {
        if UNSUPPORTED.contains(&name) {
            return Err(format!(
                "customJWTAuthorizer.{name} is not supported by this server; leave it out"
            ));
        }
        if !MEMBERS.contains(&name) {
            return Err(format!(
                "customJWTAuthorizer has no member {name:?}; it has {}",
                MEMBERS.join(", ")
            ));
        }
    }
    Ok(())
}

fn discovery_url(authorizer: &Map<String, Value>) -> Result<String, String> {
    let url = authorizer.get("discoveryUrl").and_then(Value::as_str);
    url.filter(|url| is_short(url) && is_discovery_url(url))
        .map(str::to_owned)
        .ok_or_else(|| {
            format!("customJWTAuthorizer.discoveryUrl is required: an https URL of at most {LONGEST_TEXT} characters such as https://issuer.example.com/.well-known/openid-configuration")
        })
}

fn is_discovery_url(url: &str) -> bool {
    let whole = !url.contains(|c: char| c.is_whitespace() || c == '?' || c == '#');
    let has = |path: &str| {
        url.match_indices(path).any(|(at, _)| {
            let rest = &url[at + path.len()..];
            at > 0 && (rest.is_empty() || (rest.starts_with('/') && rest.len() > 1))
        })
    };
    whole
        && (url.starts_with("https://") || url.starts_with("http://"))
        && (has("/.well-known/openid-configuration")
            || has("/.well-known/oauth-authorization-server"))
}

/// A list that is left out, or has texts that fit.
fn texts(
    parent: &Map<String, Value>,
    name: &str,
    fits: fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let Some(value) = parent.get(name) else {
        return Ok(Vec::new());
    };
    let list = value
        .as_array()
        .filter(|list| (1..=MOST).contains(&list.len()))
        .ok_or_else(|| {
            format!("{name} is a list of 1 to {MOST} texts; leave it out to ask for none")
        })?;
    list.iter()
        .enumerate()
        .map(|(index, one)| text(one, &format!("{name}[{index}]"), fits))
        .collect()
}

fn text(value: &Value, name: &str, fits: fn(&str) -> bool) -> Result<String, String> {
    match value.as_str() {
        Some(text) if fits(text) => Ok(text.to_owned()),
        _ => Err(format!(
            "{name} is no text of the length and with the characters that the service model allows"
        )),
    }
}

fn advertised(authorizer: &Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    const NAME: &str = "advertisedScopeMapping";
    let Some(value) = authorizer.get(NAME) else {
        return Ok(BTreeMap::new());
    };
    let mapping = value
        .as_object()
        .filter(|mapping| (1..=50).contains(&mapping.len()))
        .ok_or_else(|| format!("{NAME} is a map of 1 to 50 scopes"))?;
    mapping
        .iter()
        .map(|(scope, advertised)| Ok((scope.clone(), text(advertised, NAME, is_scope)?)))
        .collect()
}

fn claims(authorizer: &Map<String, Value>) -> Result<Vec<ClaimRule>, String> {
    const NAME: &str = "customClaims";
    let Some(value) = authorizer.get(NAME) else {
        return Ok(Vec::new());
    };
    let list = value
        .as_array()
        .filter(|list| (1..=MOST).contains(&list.len()))
        .ok_or_else(|| {
            format!("{NAME} is a list of 1 to {MOST} rules; leave it out to ask for none")
        })?;
    list.iter()
        .enumerate()
        .map(|(index, rule)| claim(rule).map_err(|message| format!("{NAME}[{index}]: {message}")))
        .collect()
}

fn claim(rule: &Value) -> Result<ClaimRule, String> {
    let rule = members(
        Some(rule),
        "a rule",
        &[
            "inboundTokenClaimName",
            "inboundTokenClaimValueType",
            "authorizingClaimMatchValue",
        ],
    )?;
    let name = rule["inboundTokenClaimName"]
        .as_str()
        .filter(|name| is_claim(name));
    let name =
        name.ok_or("inboundTokenClaimName is a text of 1 to 255 letters, digits, and _ . - / :")?;
    if ["scope", "scp"].contains(&name) {
        return Err(format!(
            "inboundTokenClaimName is {name:?}: use allowedScopes for it"
        ));
    }
    let wanted = members(
        rule.get("authorizingClaimMatchValue"),
        "authorizingClaimMatchValue",
        &["claimMatchValue", "claimMatchOperator"],
    )?;
    let value = wanted["claimMatchValue"]
        .as_object()
        .filter(|value| value.len() == 1)
        .ok_or("claimMatchValue has exactly one of matchValueString and matchValueStringList")?;
    let one = || {
        let value = value.get("matchValueString");
        let value = value.ok_or("EQUALS and CONTAINS go with matchValueString")?;
        text(value, "matchValueString", is_match)
    };
    let operator = wanted["claimMatchOperator"].as_str();
    let kind = rule["inboundTokenClaimValueType"].as_str();
    let matches = match (kind, operator) {
        (Some("STRING"), Some("EQUALS")) => Match::Equals(one()?),
        (Some("STRING_ARRAY"), Some("CONTAINS")) => Match::Contains(one()?),
        (Some("STRING_ARRAY"), Some("CONTAINS_ANY")) => {
            let list = texts(value, "matchValueStringList", is_match)?;
            if list.is_empty() {
                return Err("CONTAINS_ANY goes with matchValueStringList".to_owned());
            }
            Match::ContainsAny(list)
        }
        _ => return Err("inboundTokenClaimValueType is STRING with the claimMatchOperator EQUALS, or STRING_ARRAY with CONTAINS or CONTAINS_ANY".to_owned()),
    };
    Ok(ClaimRule {
        name: name.to_owned(),
        matches,
    })
}

/// An object with exactly these members.
fn members<'a>(
    value: Option<&'a Value>,
    what: &str,
    names: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    value
        .and_then(Value::as_object)
        .filter(|object| {
            object.len() == names.len() && names.iter().all(|name| object.contains_key(*name))
        })
        .ok_or_else(|| format!("{what} is an object with {}", names.join(", ")))
}

fn is_short(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.chars().count())
}

fn is_scope(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

fn is_claim(text: &str) -> bool {
    is_word(text, "_.-/:")
}

fn is_match(text: &str) -> bool {
    is_word(text, "_.-")
}

fn is_word(text: &str, marks: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

#[cfg(test)]
mod tests;
