//! Tenants on one server: what one has is for all others as if it was not there.

use kellion_host::api::{Access, ROUTES};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Agent, Client, Host, Key, PROBE, Reply, Witness, encoded, eventually, reference, session_id,
};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const USER: &str = "x-amzn-bedrock-agentcore-runtime-user-id";

/// A request of each route, with these names in its path.
fn request(
    client: &Client,
    method: &str,
    path: &str,
    agent: &Agent,
    session: &str,
) -> reqwest::RequestBuilder {
    // The data plane names agents by their ARNs, all else by their ids.
    let data_plane = path.starts_with("/runtimes/{agent}/") && !path.ends_with('/');
    let named = if data_plane {
        encoded(&agent.arn)
    } else {
        agent.id.clone()
    };
    let mut query = Vec::new();
    if path.contains("/tags/") {
        query.push(("tagKeys", "none"));
    }
    if path == "/kellion/v1/artifacts" {
        query.push(("reference", "s3://bucket/own.wasm"));
    }
    let mut filled = path.replace("{agent}", &named);
    for (parameter, value) in [
        ("{name}", "DEFAULT".to_owned()),
        ("{session}", session.to_owned()),
        ("{arn}", encoded(&agent.arn)),
        ("{resourceArn}", encoded(&agent.arn)),
    ] {
        filled = filled.replace(parameter, &value);
    }
    assert!(
        !filled.contains('{'),
        "a route has a parameter that this test does not know: {path}"
    );
    let method: Method = method.parse().expect("a method");
    let body = match (method.as_str(), path) {
        ("PUT", "/runtimes/{agent}/") => configuration("probe"),
        ("PUT", _) if path.contains("runtime-endpoints") => {
            json!({ "name": "other", "agentRuntimeVersion": "1" })
        }
        ("POST", _) if path.ends_with("/fork") => json!({ "turn": 1 }),
        ("POST", _) if path.ends_with("/commands") => json!({ "command": "ls" }),
        ("POST", _) if path.contains("/tags/") => json!({ "tags": { "a": "b" } }),
        _ => json!({}),
    };
    let body = if method == Method::GET {
        String::new()
    } else {
        body.to_string()
    };
    client
        .request(method, &filled)
        .query(&query)
        .header(SESSION, session)
        .body(body)
}

/// What creating or updating an agent takes.
pub(crate) fn configuration(name: &str) -> Value {
    json!({
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference(name) } },
        "roleArn": crate::harness::ROLE,
        "networkConfiguration": { "networkMode": "PUBLIC" },
    })
}

/// The same refusal, but for the names that it repeats.
fn without_names(reply: &Reply, agent: &Agent, session: &str) -> (u16, String, String) {
    let text = reply
        .text()
        .replace(&agent.arn, "ARN")
        .replace(&agent.id, "ID")
        .replace(session, "SESSION");
    (
        reply.status,
        reply.header("x-amzn-errortype").to_owned(),
        text,
    )
}

/// A1, A2, A3, A4, A5 and A6, from the table of routes: a route that is added is tried, too.
#[tokio::test]
async fn every_route_hides_what_is_another_tenants_as_if_it_was_not_there() {
    let host = Host::start();
    let owner = host.guest("owner", "").await;
    let stranger = host.guest("stranger", "").await;
    let witness = Witness::tenant(&host).await;
    let agent = owner.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);

    // What is nobody's, in the stranger's own account.
    let unknown = Agent::named(
        &stranger,
        &agent.id.replace("probe-", "other-"),
        &agent
            .arn
            .replace(owner.account(), stranger.account())
            .replace("probe-", "other-"),
    );
    let mut tried = 0;
    for route in ROUTES {
        let names =
            route.path.contains("{agent}") || route.path.to_ascii_lowercase().contains("arn}");
        if !names || matches!(route.access, Access::Open | Access::Operate) {
            continue;
        }
        let foreign = stranger
            .send(request(
                &stranger,
                route.method,
                route.path,
                &agent,
                &session.id,
            ))
            .await;
        let nobodys = session_id("nobody");
        let absent = stranger
            .send(request(
                &stranger,
                route.method,
                route.path,
                &unknown,
                &nobodys,
            ))
            .await;
        assert_eq!(foreign.status, 404, "{route:?}: {foreign:?}");
        assert_eq!(
            without_names(&foreign, &agent, &session.id),
            without_names(&absent, &unknown, &nobodys),
            "{route:?}"
        );
        tried += 1;
    }
    assert!(tried >= 16, "{tried} routes were tried");
    assert_eq!(session.count().await, 2, "nothing was done to the session");
    witness.survived(&host).await;
}

#[tokio::test]
async fn lists_show_nothing_of_other_tenants() {
    let host = Host::start();
    let owner = host.guest("owner", "").await;
    let stranger = host.guest("stranger", "").await;
    let witness = Witness::tenant(&host).await;
    let agent = owner.deploy("probe", PROBE).await;
    agent.session("first").count().await;

    let agents = stranger.post("/runtimes/").await.json_of(200);
    assert_eq!(agents["agentRuntimes"], json!([]));
    assert_eq!(stranger.sessions().await, Vec::<Value>::new());
    let artifacts = stranger.get("/kellion/v1/artifacts").await.json_of(200);
    assert_eq!(artifacts["artifacts"], json!([]));
    let of_agent = format!("/kellion/v1/sessions?agent={}", agent.id);
    let filtered = stranger.get(&of_agent).await.json_of(200);
    assert_eq!(filtered["sessions"], json!([]));
    let usage = stranger.get("/kellion/v1/usage").await.json_of(200);
    assert_eq!(usage["usage"]["agents"], 0);

    // What one has pushed names nothing for the other.
    let created = stranger.create("probe").await.built().await;
    assert_eq!(created["status"], "CREATE_FAILED", "{created}");
    witness.survived(&host).await;
}

/// A route without a gate would be found here.
#[tokio::test]
async fn every_route_refuses_who_does_not_sign() {
    let host = Host::start();
    let owner = host.guest("owner", "").await;
    let witness = Witness::tenant(&host).await;
    let agent = owner.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    for route in ROUTES {
        let reply = host
            .send(request(
                &host,
                route.method,
                route.path,
                &agent,
                &session.id,
            ))
            .await;
        match route.access {
            Access::Open => assert_ne!(reply.status, 403, "{route:?}: {reply:?}"),
            Access::Operate => reply.assert_refused(
                401,
                "UnauthorizedException",
                "this needs the operator's token",
            ),
            Access::Invoke | Access::Manage | Access::Upload => {
                reply.assert_refused(
                    403,
                    "MissingAuthenticationTokenException",
                    "Missing Authentication Token",
                );
            }
        }
        if matches!(route.access, Access::Open | Access::Operate) {
            continue;
        }
        let wrong = Key {
            secret: "wrong".to_owned(),
            ..owner_key(&owner)
        };
        let wrong = host.signed(&wrong);
        let reply = wrong
            .send(request(
                &wrong,
                route.method,
                route.path,
                &agent,
                &session.id,
            ))
            .await;
        reply.assert_refused(
            403,
            "InvalidSignatureException",
            "does not match the signature you provided",
        );
    }
    assert_eq!(session.count().await, 2);
    witness.survived(&host).await;
}

fn owner_key(client: &Client) -> Key {
    client.key().expect("it signs").clone()
}

#[tokio::test]
async fn unknown_revoked_and_suspended_keys_are_refused_alike() {
    let host = Host::start();
    let account = host.tenant("one", "");
    let first = host.key(&account, &[]).await;
    let second = host.key(&account, &[]).await;
    let witness = Witness::tenant(&host).await;
    let refused = async |client: &Client| {
        eventually("the refusal", || async {
            let reply = client.get("/kellion/v1/server").await;
            (reply.status == 403).then_some(reply)
        })
        .await
        .assert_refused(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        );
    };
    let unknown = Key {
        id: "AKKLAAAAAAAAAAAAAAAA".to_owned(),
        ..first.clone()
    };
    refused(&host.signed(&unknown)).await;
    host.operator(&["keys", "revoke", &first.id]);
    refused(&host.signed(&first)).await;
    let good = host.signed(&second);
    good.get("/kellion/v1/server").await.json_of(200);
    host.operate(&["tenants", "suspend", &account]);
    refused(&good).await;
    host.operate(&["tenants", "resume", &account]);
    good.until(200, || good.request(Method::GET, "/kellion/v1/server"))
        .await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn a_key_does_what_it_allows_and_no_more() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let account = host.tenant("one", "");
    let manager = host.signed(&host.key(&account, &["--allow", "manage"]).await);
    let invoker = host.signed(&host.key(&account, &["--allow", "invoke"]).await);
    let agent = manager.deploy("probe", PROBE).await;
    assert_eq!(agent.of(&invoker).session("first").count().await, 1);
    // Whoever cannot list agents calls them by their ARNs.
    let key = invoker.key().expect("it signs");
    let called = crate::harness::kellion(host.folder())
        .args(["invoke", &agent.arn, r#"{"do": "count"}"#])
        .args(["--endpoint", host.endpoint()])
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .output()
        .expect("the binary can be run");
    assert_eq!(called.stdout, b"1\n", "{called:?}");
    agent
        .session("first")
        .invoke(json!({ "do": "count" }))
        .await
        .assert_refused(403, "AccessDeniedException", "invoke");
    invoker
        .post("/runtimes/")
        .await
        .assert_refused(403, "AccessDeniedException", "manage");
    let push = invoker
        .request(Method::PUT, "/kellion/v1/artifacts")
        .query(&[("reference", reference("probe"))])
        .body("x");
    invoker
        .send(push)
        .await
        .assert_refused(403, "AccessDeniedException", "manage");
    witness.survived(&host).await;
}

/// A7.
#[tokio::test]
async fn naming_a_user_needs_a_permission_of_its_own() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let account = host.tenant("one", "");
    let all = host.signed(&host.key(&account, &[]).await);
    let plain = host.signed(&host.key(&account, &["--allow", "invoke"]).await);
    let agent = all.deploy("probe", PROBE).await;
    let for_user = |client: &Client, session: &str, user: &str| {
        let request = agent
            .of(client)
            .session(session)
            .invocation(r#"{"do": "context"}"#);
        let client = client.clone();
        let request = request.header(USER, user);
        async move { client.send(request).await }
    };
    let answer = for_user(&all, "first", "seven").await.json_of(200);
    assert_eq!(answer["user_id"], "seven");
    for_user(&plain, "second", "seven").await.assert_refused(
        403,
        "AccessDeniedException",
        "invoke-for-user",
    );
    witness.survived(&host).await;
}

#[tokio::test]
async fn a_session_belongs_to_who_opened_it_and_to_its_user() {
    let mut host = Host::builder().alone().start();
    let account = host.tenant("one", "");
    let allow = "invoke,invoke-for-user";
    let ada = host
        .key(&account, &["--user", "ada", "--allow", allow])
        .await;
    let bob = host
        .key(&account, &["--user", "bob", "--allow", allow])
        .await;
    let admin = host.key(&account, &[]).await;
    let witness = Witness::tenant(&host).await;
    let agent = host.signed(&admin).deploy("probe", PROBE).await;
    let ask = async |host: &Host, key: &Key, session: &str, user: Option<&str>| {
        let client = host.signed(key);
        let mut request = agent
            .of(&client)
            .session(session)
            .invocation(r#"{"do": "count"}"#);
        if let Some(user) = user {
            request = request.header(USER, user);
        }
        client.send(request).await
    };
    let denied = |reply: Reply| {
        reply.assert_refused(403, "AccessDeniedException", "belongs to another caller");
    };
    assert_eq!(ask(&host, &ada, "adas", None).await.json_of(200), 1);
    assert_eq!(ask(&host, &ada, "sevens", Some("7")).await.json_of(200), 1);
    for _ in 0..2 {
        denied(ask(&host, &bob, "adas", None).await);
        denied(ask(&host, &bob, "sevens", Some("7")).await);
        denied(ask(&host, &ada, "sevens", Some("8")).await);
        denied(ask(&host, &ada, "sevens", None).await);
        let bobs = host.signed(&bob);
        denied(agent.of(&bobs).session("adas").stop().await);
        // The same of sessions that rest in the journal.
        host.restart();
    }
    assert_eq!(ask(&host, &ada, "adas", None).await.json_of(200), 2);
    assert_eq!(ask(&host, &ada, "sevens", Some("7")).await.json_of(200), 2);
    // The user stays when the key is replaced.
    let adas = host
        .key(&account, &["--user", "ada", "--allow", allow])
        .await;
    assert_eq!(ask(&host, &adas, "adas", None).await.json_of(200), 3);
    let admins = agent.of(&host.signed(&admin));
    let shown = admins.session("sevens").inspect().await;
    assert_eq!(
        (&shown["principal"], &shown["user"]),
        (&json!("user/ada"), &json!("7"))
    );
    // Who manages may end anybody's.
    assert_eq!(admins.session("adas").stop().await.status, 200);
    assert_eq!(
        agent
            .of(&host.signed(&ada))
            .session("sevens")
            .stop()
            .await
            .status,
        403
    );
    witness.survived(&host).await;
}

/// An invocation id names a call of its caller: another's answer is not told to who guesses it.
#[tokio::test]
async fn an_invocation_id_of_another_caller_is_another_call() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let account = host.tenant("one", "");
    let ada = host.signed(&host.key(&account, &["--user", "ada"]).await);
    let bob = host.signed(&host.key(&account, &["--user", "bob"]).await);
    let agent = ada.deploy("probe", PROBE).await;
    let send = async |client: &Client| {
        let request = agent
            .of(client)
            .session("first")
            .invocation(r#"{"do": "count"}"#);
        client
            .send(request.header("amz-sdk-invocation-id", "the-same"))
            .await
    };
    assert_eq!(send(&ada).await.json_of(200), 1);
    assert_eq!(send(&ada).await.json_of(200), 1, "a retry is told the same");
    send(&bob)
        .await
        .assert_refused(403, "AccessDeniedException", "");
    assert_eq!(agent.session("first").stop().await.status, 200);
    assert_eq!(send(&bob).await.json_of(200), 1, "a world of Bob's own");
    let next = agent.of(&bob).session("first").count().await;
    assert_eq!(next, 2);
    witness.survived(&host).await;
}
