//! Agents that take bearer tokens: `customJWTAuthorizer`, with a real issuer beside the server.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Agent, Client, Host, PROBE, Reply, Witness, encoded, eventually, session_id};
use crate::issuer::{Issuer, SigningKey};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const USER: &str = "x-amzn-bedrock-agentcore-runtime-user-id";
const PRIVATE: &str = "[auth]\nallow_private_issuers = true\n";

/// An issuer with a key, and what its tokens say.
struct Stage {
    issuer: Issuer,
    key: SigningKey,
}

impl Stage {
    async fn start() -> Self {
        let key = SigningKey::p256("first");
        let issuer = Issuer::start(&[&key]).await;
        Self { issuer, key }
    }

    /// What an agent asks for, with more members.
    fn authorizer(&self, more: &Value) -> Value {
        let mut custom = json!({
            "discoveryUrl": self.issuer.discovery_url(),
            "allowedAudience": ["agents"],
        });
        let members = custom.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("members").clone());
        json!({ "authorizerConfiguration": { "customJWTAuthorizer": custom } })
    }

    fn claims(&self, subject: &str) -> Value {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        json!({
            "iss": self.issuer.name(),
            "aud": "agents",
            "sub": subject,
            "exp": now.as_secs() + 600,
            "scope": "invoke other",
        })
    }

    fn token(&self, subject: &str) -> String {
        self.key.token(&self.claims(subject))
    }
}

fn invocation(host: &Client, agent: &Agent, session: &str) -> RequestBuilder {
    let path = format!("/runtimes/{}/invocations", encoded(&agent.arn));
    host.request(Method::POST, &path)
        .header(SESSION, session_id(session))
}

async fn ask(host: &Client, agent: &Agent, session: &str, token: &str, what: &str) -> Reply {
    let request = invocation(host, agent, session).bearer_auth(token);
    host.send(request.body(json!({ "do": what }).to_string()))
        .await
}

#[track_caller]
fn challenged(reply: &Reply, message: &str) -> String {
    reply.assert_refused(401, "UnauthorizedException", message);
    let challenge = reply.header("www-authenticate");
    let url = challenge
        .strip_prefix("Bearer resource_metadata=\"")
        .and_then(|rest| rest.split('"').next());
    url.unwrap_or_else(|| panic!("{challenge:?}")).to_owned()
}

#[tokio::test]
async fn a_token_that_the_agent_trusts_opens_it_and_no_other_does() {
    let stage = Stage::start().await;
    let host = Host::builder().config(PRIVATE).start();
    let witness = Witness::tenant(&host).await;
    let owner = host.guest("owner", "").await;
    let agent = owner
        .deploy_with(
            "probe",
            PROBE,
            stage.authorizer(&json!({ "allowedScopes": ["invoke"] })),
        )
        .await;
    let shown = owner.get(&agent.path("")).await.json_of(200);
    assert_eq!(
        shown["authorizerConfiguration"]["customJWTAuthorizer"]["discoveryUrl"],
        stage.issuer.discovery_url()
    );

    let token = stage.token("ada");
    assert_eq!(
        ask(&host, &agent, "first", &token, "count")
            .await
            .json_of(200),
        1
    );
    let context = ask(&host, &agent, "first", &token, "context")
        .await
        .json_of(200);
    assert_eq!(
        (&context["turn"], &context["user_id"]),
        (&json!(2), &json!("ada"))
    );

    let other_key = SigningKey::p256("first");
    let mut elsewhere = stage.claims("ada");
    elsewhere["aud"] = json!("others");
    let mut unscoped = stage.claims("ada");
    unscoped["scope"] = json!("other");
    let mut old = stage.claims("ada");
    old["exp"] = json!(1_000_000_000);
    for (token, message) in [
        (other_key.token(&stage.claims("ada")), "signature"),
        (stage.key.token(&elsewhere), "aud"),
        (stage.key.token(&unscoped), "scope"),
        (stage.key.token(&old), "expired"),
        ("not.a.token".to_owned(), ""),
    ] {
        let reply = ask(&host, &agent, "second", &token, "count").await;
        challenged(&reply, message);
        assert!(
            reply
                .header("www-authenticate")
                .ends_with("error=\"invalid_token\"")
        );
        assert!(
            !reply.text().contains(&token),
            "a token stands in no answer"
        );
    }
    assert!(!host.said().contains(&token), "nor in the log");

    // Whoever has none is told where to get one.
    let reply = host
        .send(invocation(&host, &agent, "first").body("{}"))
        .await;
    let url = challenged(&reply, "bearer tokens");
    let path = url.strip_prefix(host.endpoint()).expect("on this server");
    let metadata = host.get(path).await.json_of(200);
    assert_eq!(
        metadata["authorization_servers"],
        json!([stage.issuer.name()])
    );
    assert_eq!(metadata["scopes_supported"], json!(["invoke"]));
    let resource = metadata["resource"].as_str().expect("a URL");
    assert!(url.starts_with(resource), "{url} {resource}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn an_agent_takes_signatures_or_tokens_and_never_both() {
    let stage = Stage::start().await;
    let host = Host::builder().config(PRIVATE).start();
    let witness = Witness::tenant(&host).await;
    let owner = host.guest("owner", "").await;
    let open = owner
        .deploy_with("tokens", PROBE, stage.authorizer(&json!({})))
        .await;
    let signed = owner.deploy("signed", PROBE).await;
    let mismatch = |reply: Reply| {
        reply.assert_refused(
            403,
            "AccessDeniedException",
            "Authorization method mismatch",
        );
    };
    mismatch(open.session("first").invoke(json!({ "do": "count" })).await);
    mismatch(open.session("first").stop().await);
    let token = stage.token("ada");
    mismatch(ask(&host, &signed, "first", &token, "count").await);
    // Who is not known is told the same of what is not there.
    let nobodys = Agent::named(&host, "none", &open.arn.replace("tokens-", "nobody-"));
    mismatch(ask(&host, &nobodys, "first", &token, "count").await);
    let metadata = format!(
        "/runtimes/{}/invocations/.well-known/oauth-protected-resource",
        encoded(&signed.arn)
    );
    host.get(&metadata).await.assert_refused(
        404,
        "ResourceNotFoundException",
        "takes bearer tokens",
    );
    // A token manages nothing.
    let list = host
        .request(Method::POST, "/runtimes/")
        .bearer_auth(&token)
        .body("");
    host.send(list)
        .await
        .assert_refused(403, "MissingAuthenticationTokenException", "");
    witness.survived(&host).await;
}

/// A7, and sessions of subjects.
#[tokio::test]
async fn a_session_belongs_to_the_subject_of_the_token_that_opened_it() {
    let stage = Stage::start().await;
    let host = Host::builder().config(PRIVATE).start();
    let witness = Witness::tenant(&host).await;
    let owner = host.guest("owner", "").await;
    let agent = owner
        .deploy_with("probe", PROBE, stage.authorizer(&json!({})))
        .await;
    let (ada, bob) = (stage.token("ada"), stage.token("bob"));
    assert_eq!(
        ask(&host, &agent, "adas", &ada, "count").await.json_of(200),
        1
    );
    let denied = |reply: Reply| reply.assert_refused(403, "AccessDeniedException", "another");
    denied(ask(&host, &agent, "adas", &bob, "count").await);
    let named = |user: &'static str| {
        let request = invocation(&host, &agent, "adas")
            .bearer_auth(&ada)
            .header(USER, user);
        host.send(request.body("{\"do\": \"count\"}"))
    };
    denied(named("bob").await);
    assert_eq!(named("ada").await.json_of(200), 2);
    let stop = |token: &str| {
        let path = format!("/runtimes/{}/stopruntimesession", encoded(&agent.arn));
        let request = host.request(Method::POST, &path).bearer_auth(token);
        host.send(request.header(SESSION, session_id("adas")).body("{}"))
    };
    denied(stop(&bob).await);
    assert_eq!(stop(&ada).await.status, 200);
    // A suspended tenant's tokens are no better than its keys.
    host.operate(&["tenants", "suspend", owner.account()]);
    eventually("the refusal", || async {
        let reply = ask(&host, &agent, "adas", &ada, "count").await;
        (reply.status == 403).then_some(())
    })
    .await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn the_authorization_header_reaches_an_agent_that_takes_tokens_and_asks_for_it() {
    let stage = Stage::start().await;
    let host = Host::builder().config(PRIVATE).start();
    let allow =
        json!({ "requestHeaderConfiguration": { "requestHeaderAllowlist": ["Authorization"] } });
    let mut both = stage.authorizer(&json!({}));
    both.as_object_mut()
        .expect("members")
        .extend(allow.as_object().expect("members").clone());
    let agent = host.deploy_with("probe", PROBE, both).await;
    let token = stage.token("ada");
    let context = ask(&host, &agent, "first", &token, "context")
        .await
        .json_of(200);
    assert_eq!(
        context["headers"],
        json!([{ "name": "authorization", "value": format!("Bearer {token}") }])
    );

    let mut refused = json!({
        "agentRuntimeName": "other",
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": crate::harness::reference("probe") } },
        "roleArn": crate::harness::ROLE,
    });
    refused["requestHeaderConfiguration"] = allow["requestHeaderConfiguration"].clone();
    host.put("/runtimes/", &refused)
        .await
        .assert_invalid("requestHeaderConfiguration", "customJWTAuthorizer");
}

/// A15, and as everywhere: who names an issuer must not reach into this network with it.
#[tokio::test]
async fn issuers_on_private_addresses_are_not_spoken_to_unless_the_operator_says_so() {
    let stage = Stage::start().await;
    let host = Host::start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    let agent = host
        .deploy_with("probe", PROBE, stage.authorizer(&json!({})))
        .await;
    let reply = ask(&host, &agent, "first", &stage.token("ada"), "count").await;
    reply.assert_refused(503, "ServiceUnavailableException", "");
    assert_eq!(stage.issuer.asked(crate::issuer::Page::Discovery), 0);
    // Without keys the agent is no more open than with them.
    let plain = agent
        .session("first")
        .invoke(json!({ "do": "count" }))
        .await;
    challenged(&plain, "bearer tokens");
    witness.survived(&host).await;
}
