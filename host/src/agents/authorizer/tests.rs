//! The constraints of the service model, member by member.

use serde_json::json;

use super::*;

const URL: &str = "https://issuer.example.com/.well-known/openid-configuration";

#[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
fn authorizer(more: Value) -> Value {
    let mut members = json!({ "discoveryUrl": URL });
    for (name, value) in more.as_object().unwrap() {
        members[name] = value.clone();
    }
    json!({ "customJWTAuthorizer": members })
}

#[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
fn claim_rule(kind: &str, operator: &str, value: Value) -> Value {
    authorizer(json!({ "customClaims": [{
        "inboundTokenClaimName": "cognito:groups",
        "inboundTokenClaimValueType": kind,
        "authorizingClaimMatchValue": { "claimMatchValue": value, "claimMatchOperator": operator },
    }] }))
}

#[track_caller]
fn refused(wire: Value, because: &str) {
    match Authorizer::try_from(wire) {
        Err(Error::Invalid { field, message }) => {
            assert_eq!(field, "authorizerConfiguration");
            assert!(message.contains(because), "{message}");
        }
        other => panic!("{other:?} in place of {because}"),
    }
}

#[test]
fn everything_the_model_has_becomes_rules() {
    let wire = authorizer(json!({
        "allowedAudience": ["a", "b"],
        "allowedClients": ["c"],
        "allowedScopes": ["agents/read", "write"],
        "advertisedScopeMapping": { "write": "api://agents/write" },
        "customClaims": [
            {
                "inboundTokenClaimName": "department",
                "inboundTokenClaimValueType": "STRING",
                "authorizingClaimMatchValue": {
                    "claimMatchValue": { "matchValueString": "sales" },
                    "claimMatchOperator": "EQUALS",
                },
            },
            {
                "inboundTokenClaimName": "https://example.com/groups",
                "inboundTokenClaimValueType": "STRING_ARRAY",
                "authorizingClaimMatchValue": {
                    "claimMatchValue": { "matchValueString": "admin" },
                    "claimMatchOperator": "CONTAINS",
                },
            },
            {
                "inboundTokenClaimName": "roles",
                "inboundTokenClaimValueType": "STRING_ARRAY",
                "authorizingClaimMatchValue": {
                    "claimMatchValue": { "matchValueStringList": ["x", "y"] },
                    "claimMatchOperator": "CONTAINS_ANY",
                },
            },
        ],
    }));
    let authorizer = Authorizer::try_from(wire.clone()).unwrap();
    let texts = |texts: &[&str]| {
        texts
            .iter()
            .map(|&text| text.to_owned())
            .collect::<Vec<_>>()
    };
    let rule = |name: &str, matches| ClaimRule {
        name: name.to_owned(),
        matches,
    };
    assert_eq!(
        authorizer.rules(),
        &Rules {
            discovery_url: URL.to_owned(),
            audiences: texts(&["a", "b"]),
            clients: texts(&["c"]),
            scopes: texts(&["agents/read", "write"]),
            advertised: [("write".to_owned(), "api://agents/write".to_owned())].into(),
            claims: vec![
                rule("department", Match::Equals("sales".to_owned())),
                rule(
                    "https://example.com/groups",
                    Match::Contains("admin".to_owned())
                ),
                rule("roles", Match::ContainsAny(texts(&["x", "y"]))),
            ],
        }
    );
    // It is stored as it came.
    let stored = serde_json::to_value(&authorizer).unwrap();
    assert_eq!(stored, wire);
    assert_eq!(
        serde_json::from_value::<Authorizer>(stored).unwrap(),
        authorizer
    );
}

#[test]
fn a_union_has_one_member() {
    let audience = json!({ "allowedAudience": ["a"] });
    let mut both = authorizer(audience);
    both["another"] = json!({});
    for wire in [
        json!({}),
        json!([]),
        json!("customJWTAuthorizer"),
        json!({ "customJWTAuthorizer": null }),
        json!({ "another": {} }),
        both,
    ] {
        refused(wire, "exactly one member");
    }
    let two = json!({ "matchValueString": "a", "matchValueStringList": ["a"] });
    refused(claim_rule("STRING", "EQUALS", two), "exactly one of");
    refused(claim_rule("STRING", "EQUALS", json!({})), "exactly one of");
}

#[test]
fn an_authorizer_that_asks_for_nothing_is_refused() {
    refused(authorizer(json!({})), "at least one of");
    for name in [
        "allowedAudience",
        "allowedClients",
        "allowedScopes",
        "customClaims",
    ] {
        refused(authorizer(json!({ name: [] })), name);
        refused(authorizer(json!({ name: "text" })), name);
        refused(authorizer(json!({ name: [1] })), name);
        refused(authorizer(json!({ name: vec!["a"; 101] })), name);
    }
}

#[test]
fn what_would_not_be_heeded_is_refused() {
    for name in UNSUPPORTED {
        let wire = authorizer(json!({ "allowedAudience": ["a"], name: {} }));
        refused(
            wire,
            &format!("customJWTAuthorizer.{name} is not supported"),
        );
    }
    let wire = authorizer(json!({ "allowedAudience": ["a"], "allowedAudiences": ["b"] }));
    refused(wire, "no member \"allowedAudiences\"");
}

#[test]
fn a_discovery_url_has_the_models_form() {
    let good = [
        URL,
        "http://127.0.0.1:8/.well-known/openid-configuration",
        "https://a.example/tenant/v2.0/.well-known/openid-configuration",
        "https://a.example/.well-known/oauth-authorization-server/tenant",
    ];
    for url in good {
        let wire = authorizer(json!({ "discoveryUrl": url, "allowedAudience": ["a"] }));
        assert!(Authorizer::try_from(wire).is_ok(), "{url}");
    }
    let bad = [
        json!(null),
        json!(7),
        json!(""),
        json!("https://issuer.example.com"),
        json!("https://issuer.example.com/.well-known/openid-configuration/"),
        json!("https://issuer.example.com/.well-known/openid-configurations"),
        json!("https://issuer.example.com/.well-known/openid-configuration?x"),
        json!("https://issuer.example.com/.well-known/openid-configuration#x"),
        json!("https://issuer example.com/.well-known/openid-configuration"),
        json!("file:///etc/.well-known/openid-configuration"),
        json!("/.well-known/openid-configuration"),
        json!(format!(
            "https://{}/.well-known/openid-configuration",
            "a".repeat(2_048)
        )),
    ];
    for url in bad {
        let wire = authorizer(json!({ "discoveryUrl": url, "allowedAudience": ["a"] }));
        refused(wire, "customJWTAuthorizer.discoveryUrl");
    }
}

#[test]
fn texts_keep_to_their_bounds() {
    for scope in [
        "",
        "two words",
        "quo\"te",
        "back\\slash",
        "ünicode",
        &"s".repeat(256),
    ] {
        refused(
            authorizer(json!({ "allowedScopes": ["ok", scope] })),
            "allowedScopes[1]",
        );
    }
    refused(
        authorizer(json!({ "allowedAudience": [""] })),
        "allowedAudience[0]",
    );
    let mapping = |mapping: Value| {
        authorizer(json!({ "allowedScopes": ["a"], "advertisedScopeMapping": mapping }))
    };
    refused(mapping(json!({})), "1 to 50");
    refused(
        mapping(json!({ "b": "c" })),
        "\"b\", which is not in allowedScopes",
    );
    refused(
        mapping(json!({ "a": "two words" })),
        "advertisedScopeMapping",
    );
}

#[test]
fn a_rule_for_a_claim_fits_together() {
    let one = || json!({ "matchValueString": "a" });
    let list = || json!({ "matchValueStringList": ["a"] });
    let fits = [
        ("STRING", "EQUALS", one()),
        ("STRING_ARRAY", "CONTAINS", one()),
        ("STRING_ARRAY", "CONTAINS_ANY", list()),
    ];
    for (kind, operator, value) in fits {
        let wire = claim_rule(kind, operator, value);
        assert!(Authorizer::try_from(wire).is_ok(), "{kind} {operator}");
    }
    let misfits = [
        ("STRING", "EQUALS", list()),
        ("STRING", "CONTAINS", one()),
        ("STRING", "CONTAINS_ANY", list()),
        ("STRING_ARRAY", "EQUALS", one()),
        ("STRING_ARRAY", "CONTAINS", list()),
        ("STRING_ARRAY", "CONTAINS_ANY", one()),
        (
            "STRING_ARRAY",
            "CONTAINS_ANY",
            json!({ "matchValueStringList": [] }),
        ),
        ("NUMBER", "EQUALS", one()),
        ("STRING", "equals", one()),
        (
            "STRING",
            "EQUALS",
            json!({ "matchValueString": "two words" }),
        ),
        (
            "STRING",
            "EQUALS",
            json!({ "matchValueString": "a".repeat(256) }),
        ),
    ];
    for (kind, operator, value) in misfits {
        refused(claim_rule(kind, operator, value), "customClaims[0]: ");
    }
    let mut named = claim_rule("STRING", "EQUALS", one());
    for name in ["", "with space", "scp", "scope"] {
        named["customJWTAuthorizer"]["customClaims"][0]["inboundTokenClaimName"] = json!(name);
        refused(named.clone(), "inboundTokenClaimName");
    }
}
