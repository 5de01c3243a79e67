//! Audiences, clients, scopes and claims: what an agent asks for, against what tokens have.

use super::*;

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Asks for `rules` of tokens that say `name: value`, none when null.
async fn holds(stage: &Stage, rules: &Rules, name: &str, value: &Value) -> bool {
    let mut claims = stage.claims();
    for other in ["aud", "client_id"] {
        claims.as_object_mut().unwrap().remove(other);
    }
    if !value.is_null() {
        claims[name] = value.clone();
    }
    match stage.tokens.verify(rules, &stage.key.token(&claims)).await {
        Ok(_) => true,
        Err(Refused::Forbidden(reason)) => {
            let asked = if name == "scp" { "scope" } else { name };
            let asked = if name == "azp" { "client_id" } else { asked };
            assert_eq!(
                reason,
                format!("Claim '{asked}' value mismatch with configuration.")
            );
            false
        }
        Err(other) => panic!("{name} {value}: {other:?}"),
    }
}

#[tokio::test]
async fn each_rule_takes_the_values_that_match_and_no_others() {
    let stage = Stage::new().await;
    let nothing = Rules {
        audiences: Vec::new(),
        ..stage.rules()
    };
    let audience = Rules {
        audiences: list(&["a", "b"]),
        ..nothing.clone()
    };
    let client = Rules {
        clients: list(&["a", "b"]),
        ..nothing.clone()
    };
    let scope = Rules {
        scopes: list(&["a", "b"]),
        ..nothing.clone()
    };
    let claim = |name: &str, matches| Rules {
        claims: vec![ClaimRule {
            name: name.to_owned(),
            matches,
        }],
        ..nothing.clone()
    };
    let equals = claim("c", Match::Equals("a".to_owned()));
    let contains = claim("c", Match::Contains("a".to_owned()));
    let any = claim("c", Match::ContainsAny(list(&["a", "b"])));
    let cases: [(&Rules, &str, Value, bool); 44] = [
        (&audience, "aud", json!("a"), true),
        (&audience, "aud", json!("b"), true),
        (&audience, "aud", json!("c"), false),
        (&audience, "aud", json!("A"), false),
        (&audience, "aud", json!("a b"), false),
        (&audience, "aud", json!(["c", "b"]), true),
        (&audience, "aud", json!(["c", 7, "b"]), true),
        (&audience, "aud", json!(["c", ["a"]]), false),
        (&audience, "aud", json!([]), false),
        (&audience, "aud", json!({ "a": "a" }), false),
        (&audience, "aud", json!(null), false),
        (&client, "client_id", json!("a"), true),
        (&client, "client_id", json!("c"), false),
        (&client, "client_id", json!(["a"]), false),
        (&client, "client_id", json!(null), false),
        (&client, "azp", json!("b"), true),
        (&client, "azp", json!("c"), false),
        (&scope, "scope", json!("a"), true),
        (&scope, "scope", json!("c b d"), true),
        (&scope, "scope", json!("c"), false),
        (&scope, "scope", json!("ab"), false),
        (&scope, "scope", json!(""), false),
        (&scope, "scope", json!(["a"]), false),
        (&scope, "scope", json!(null), false),
        (&scope, "scp", json!(["c", "a"]), true),
        (&scope, "scp", json!("c a"), true),
        (&scope, "scp", json!(["c"]), false),
        (&scope, "scp", json!({ "a": true }), false),
        (&equals, "c", json!("a"), true),
        (&equals, "c", json!("b"), false),
        (&equals, "c", json!(["a"]), false),
        (&equals, "c", json!(true), false),
        (&equals, "c", json!(null), false),
        (&contains, "c", json!(["b", "a"]), true),
        (&contains, "c", json!(["b"]), false),
        (&contains, "c", json!("a"), false),
        (&contains, "c", json!("ba"), false),
        (&contains, "c", json!(null), false),
        (&any, "c", json!(["c", "b"]), true),
        (&any, "c", json!(["c"]), false),
        (&any, "c", json!([]), false),
        (&any, "c", json!("a"), false),
        (&any, "c", json!(null), false),
        (&nothing, "c", json!(null), true),
    ];
    for (rules, name, value, expected) in &cases {
        let held = holds(&stage, rules, name, value).await;
        assert_eq!(held, *expected, "{name} {value} against {rules:?}");
    }
}

#[tokio::test]
async fn all_that_is_asked_for_must_be_there() {
    let stage = Stage::new().await;
    let rules = Rules {
        clients: list(&["program"]),
        scopes: list(&["run"]),
        claims: vec![
            ClaimRule {
                name: "team".to_owned(),
                matches: Match::Equals("sales".to_owned()),
            },
            ClaimRule {
                name: "cognito:groups".to_owned(),
                matches: Match::Contains("admins".to_owned()),
            },
        ],
        ..stage.rules()
    };
    let mut claims = stage.claims();
    claims["scope"] = json!("run");
    claims["team"] = json!("sales");
    claims["cognito:groups"] = json!(["admins"]);
    let token = stage.key.token(&claims);
    assert!(stage.tokens.verify(&rules, &token).await.is_ok());
    for name in ["aud", "client_id", "scope", "team", "cognito:groups"] {
        let mut lacking = claims.clone();
        lacking.as_object_mut().unwrap().remove(name);
        let outcome = stage
            .tokens
            .verify(&rules, &stage.key.token(&lacking))
            .await;
        let reason = format!("Claim '{name}' value mismatch with configuration.");
        assert_eq!(outcome, Err(Refused::Forbidden(reason)));
    }
}

#[tokio::test]
async fn the_party_a_token_names_does_not_stand_in_for_another_client() {
    let stage = Stage::new().await;
    let rules = Rules {
        clients: list(&["program"]),
        ..stage.rules()
    };
    let mut claims = stage.claims_with("azp", json!("program"));
    for client in [json!("another"), json!(7), json!(null)] {
        claims["client_id"] = client;
        let outcome = stage.tokens.verify(&rules, &stage.key.token(&claims)).await;
        assert!(matches!(outcome, Err(Refused::Forbidden(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_a_token_says_stays_out_of_errors() {
    let stage = Stage::new().await;
    let secret = "canary-0123456789";
    let claims = json!({
        "iss": secret, "sub": secret, "aud": secret, "client_id": secret, "scope": secret,
        "exp": NOW + 60,
    });
    let mut errors = Vec::new();
    for name in ["none", "iss", "aud"] {
        let mut claims = claims.clone();
        if name == "aud" {
            claims["iss"] = json!(stage.issuer.name());
        }
        let header =
            json!({ "alg": if name == "none" { secret } else { "ES256" }, "kid": "first" });
        let token = stage.key.token_with(&header, &claims);
        errors.push(stage.verify(&token).await.unwrap_err());
    }
    let header = json!({ "alg": "ES256", "kid": secret });
    let token = stage.key.token_with(&header, &claims);
    errors.push(stage.verify(&token).await.unwrap_err());
    for error in errors {
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
