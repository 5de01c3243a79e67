//! What the server says of an agent to clients that have no token yet.

use serde_json::{Value, json};

use super::Rules;

/// The paths of discovery documents, behind an issuer's name or between its host and its path.
const WELL_KNOWN: [&str; 2] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

/// The protected resource metadata of an agent with these rules (RFC 9728). `resource` is the URL that invokes it.
pub fn resource_metadata(resource: &str, rules: &Rules) -> Value {
    let mut document = json!({
        "resource": resource,
        "authorization_servers": [issuer(&rules.discovery_url)],
        "bearer_methods_supported": ["header"],
    });
    if !rules.scopes.is_empty() {
        let advertised = |scope| rules.advertised.get(scope).unwrap_or(scope);
        let scopes: Vec<&String> = rules.scopes.iter().map(advertised).collect();
        document["scopes_supported"] = json!(scopes);
    }
    document
}

/// The issuer whose discovery document is at this URL.
fn issuer(discovery_url: &str) -> String {
    WELL_KNOWN
        .iter()
        .find_map(|path| discovery_url.rsplit_once(path))
        .map_or_else(
            || discovery_url.to_owned(),
            |(before, after)| format!("{before}{after}"),
        )
}
