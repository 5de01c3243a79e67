//! Agents, their versions and their endpoints.

use serde_json::{Value, json};

use crate::harness::{ECHO, Host, PROBE, ROLE, TUTORIAL, eventually, reference};

pub(crate) const ISSUER: &str = "https://issuer.example.com/.well-known/openid-configuration";

/// The smallest input that makes an agent.
pub(crate) fn named(name: &str) -> Value {
    json!({
        "agentRuntimeName": name,
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("none") } },
        "roleArn": ROLE,
    })
}

#[tokio::test]
async fn the_version_of_the_platform_stays_until_another_is_named() {
    let host = Host::start();
    let more = json!({ "platformVersion": "1.4", "description": "first" });
    let agent = host.deploy_with("probe", PROBE, more).await;
    let shown = agent.built().await;
    assert_eq!(shown["platformVersion"], "1.4");
    for (update, platform) in [
        (json!({}), "1.4"),
        (json!({ "platformVersion": null }), "1.4"),
        (json!({ "platformVersion": "2.0" }), "2.0"),
        (json!({ "description": "last" }), "2.0"),
    ] {
        let shown = agent.update("probe", update.clone()).await;
        assert_eq!(shown["platformVersion"], platform, "{update}");
        // Everything else is said anew.
        assert_eq!(
            shown["description"].as_str().unwrap_or_default(),
            update["description"].as_str().unwrap_or_default()
        );
    }
}

#[tokio::test]
async fn what_is_created_is_shown_as_it_was_given() {
    let host = Host::start();
    let authorizer = json!({ "customJWTAuthorizer": {
        "discoveryUrl": ISSUER,
        "allowedAudience": ["agents"],
        "allowedScopes": ["agents/invoke"],
    } });
    let more = json!({
        "description": "Says what it is told",
        "environmentVariables": { "COLOR": "green" },
        "lifecycleConfiguration": { "maxLifetime": 600 },
        "requestHeaderConfiguration": { "requestHeaderAllowlist": ["x-tenant"] },
        "authorizerConfiguration": authorizer,
        "protocolConfiguration": { "serverProtocol": "HTTP" },
        "clientToken": "0123456789012345678901234567890123456789",
    });
    let agent = host.deploy_with("probe", PROBE, more).await;
    let mut shown = host.get(&agent.path("")).await.json_of(200);
    for time in ["createdAt", "lastUpdatedAt"] {
        let time = shown[time].take();
        let time = time.as_str().expect("times are texts");
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
    let identity = shown["workloadIdentityDetails"]["workloadIdentityArn"].take();
    assert!(
        identity
            .as_str()
            .is_some_and(|arn| arn.starts_with("arn:aws:"))
    );
    assert_eq!(
        shown,
        json!({
            "agentRuntimeArn": agent.arn,
            "agentRuntimeId": agent.id,
            "agentRuntimeName": "probe",
            "agentRuntimeVersion": "1",
            "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("probe") } },
            "roleArn": ROLE,
            "networkConfiguration": { "networkMode": "PUBLIC" },
            "status": "READY",
            "description": "Says what it is told",
            "environmentVariables": { "COLOR": "green" },
            // A short lifetime alone pulls the idle time down with it.
            "lifecycleConfiguration": { "idleRuntimeSessionTimeout": 600, "maxLifetime": 600 },
            "requestHeaderConfiguration": { "requestHeaderAllowlist": ["x-tenant"] },
            "authorizerConfiguration": authorizer,
            "protocolConfiguration": { "serverProtocol": "HTTP" },
            "workloadIdentityDetails": { "workloadIdentityArn": null },
            "createdAt": null,
            "lastUpdatedAt": null,
        })
    );
}

#[tokio::test]
async fn a_name_belongs_to_one_agent_until_it_is_deleted() {
    let host = Host::start();
    let created = host.put("/runtimes/", &named("agent")).await.json_of(202);
    assert_eq!(
        (&created["agentRuntimeVersion"], &created["status"]),
        (&json!("1"), &json!("CREATING"))
    );
    host.put("/runtimes/", &named("agent"))
        .await
        .assert_refused(
            409,
            "ConflictException",
            "an agent with the name agent exists already",
        );

    let id = created["agentRuntimeId"].as_str().expect("an id");
    let deleted = host.delete(&format!("/runtimes/{id}/")).await.json_of(202);
    assert_eq!(deleted["status"], "DELETING");
    let again = host.put("/runtimes/", &named("agent")).await.json_of(202);
    assert_ne!(again["agentRuntimeId"], id);
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_not_found_by_any_operation() {
    let host = Host::start();
    let path = |below: &str| format!("/runtimes/nobody-0123456789/{below}");
    let mut update = named("nobody");
    update["agentRuntimeName"].take();
    let replies = [
        host.get(&path("")).await,
        host.put(&path(""), &update).await,
        host.delete(&path("")).await,
        host.post(&path("versions/")).await,
        host.post(&path("runtime-endpoints/")).await,
        host.put(&path("runtime-endpoints/"), &json!({ "name": "live" }))
            .await,
        host.get(&path("runtime-endpoints/DEFAULT/")).await,
        host.put(&path("runtime-endpoints/DEFAULT/"), &json!({}))
            .await,
        host.delete(&path("runtime-endpoints/live/")).await,
    ];
    for reply in replies {
        reply.assert_refused(404, "ResourceNotFoundException", "nobody-0123456789");
    }
    let malformed = host.get("/runtimes/nobody/").await;
    malformed.assert_invalid("agentRuntimeId", "regular expression pattern");
}

/// A component without any export.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component that imports an (empty) instance of this name.
fn importing(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("a short name");
    let mut component = EMPTY.to_vec();
    // A section of types with one, an instance type without declarations.
    component.extend([7, 3, 1, 0x42, 0]);
    // A section of imports with one, of that type.
    component.extend([10, length + 5, 1, 0, length]);
    component.extend(name.bytes());
    component.extend([5, 0]);
    component
}

/// An agent that fits the world, with one more core module in it whose start function traps.
fn trapping_at_start() -> Vec<u8> {
    let mut component = std::fs::read(ECHO).expect("built");
    let index = core_modules(&component);
    // A function without parameters and results, which is the start, and whose body is `unreachable`.
    let module = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x03\x02\x01\0\
        \x08\x01\0\
        \x0a\x05\x01\x03\0\0\x0b";
    component.push(1);
    component.push(u8::try_from(module.len()).expect("a short module"));
    component.extend(module);
    // A section of core instances with one, of that module, without arguments.
    component.extend([2, 4, 1, 0, index, 0]);
    component
}

/// How many core modules a component has, which is the index of the next.
fn core_modules(component: &[u8]) -> u8 {
    let (mut at, mut modules) = (EMPTY.len(), 0);
    while at < component.len() {
        modules += u8::from(component[at] == 1);
        // The size of the section: seven bits a byte, as long as the eighth is set.
        let (mut size, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            size |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + size;
    }
    modules
}

#[tokio::test]
async fn an_artifact_that_is_no_agent_fails_with_a_reason_that_helps() {
    let host = Host::start();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "core_module",
            b"\0asm\x01\0\0\0".to_vec(),
            "this is a core module, not a component",
        ),
        (
            "garbage",
            b"\xde\xad\xbe\xef garbage".to_vec(),
            "it does not begin with \\0asm",
        ),
        ("nothing", Vec::new(), "it has fewer than 8 bytes"),
        (
            "text",
            b"(component)".to_vec(),
            "upload the binary .wasm file",
        ),
        (
            "cut",
            std::fs::read(PROBE).expect("built")[..5_000].to_vec(),
            "the component is not valid",
        ),
        (
            "empty",
            EMPTY.to_vec(),
            "does not fit the world kellion:agent/agent@0.1.0",
        ),
        (
            "foreign",
            importing("wasi:http/outgoing-handler@0.2.0"),
            "wasi:http/outgoing-handler",
        ),
        (
            "trap",
            trapping_at_start(),
            "a trial start failed: the agent trapped",
        ),
    ];
    for (name, bytes, reason) in cases {
        host.push(&reference(name), bytes).await;
        fails(&host, name, reason).await;
    }
    let missing = format!("no artifact is stored under {}", reference("missing"));
    fails(&host, "missing", &missing).await;
}

/// Creates an agent of what its name refers to, which must fail for this reason wherever one looks.
async fn fails(host: &Host, name: &str, reason: &str) {
    let agent = host.create(name).await;
    let built = agent.built().await;
    assert_eq!(built["status"], "CREATE_FAILED", "{name}: {built}");
    let told = built["failureReason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "{reason:?} is not in {told:?}");

    let endpoint = host.get(&agent.path("runtime-endpoints/DEFAULT/")).await;
    let endpoint = endpoint.json_of(200);
    assert_eq!(endpoint["status"], "CREATE_FAILED", "{endpoint}");
    assert_eq!(endpoint["failureReason"], built["failureReason"]);
    let refused = agent
        .session("first")
        .invoke(json!({ "do": "count" }))
        .await;
    refused.assert_refused(424, "RuntimeClientError", reason);
}

#[tokio::test]
async fn a_failed_update_leaves_the_old_version_serving() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;

    let failed = agent.update("missing", json!({})).await;
    assert_eq!(
        (&failed["status"], &failed["agentRuntimeVersion"]),
        (&json!("UPDATE_FAILED"), &json!("2"))
    );
    assert!(
        failed["failureReason"]
            .as_str()
            .is_some_and(|reason| reason.contains("kellion push"))
    );
    let endpoint = async || {
        let endpoint = host.get(&agent.path("runtime-endpoints/DEFAULT/")).await;
        let endpoint = endpoint.json_of(200);
        ["status", "targetVersion", "liveVersion"].map(|member| endpoint[member].clone())
    };
    assert_eq!(endpoint().await, ["UPDATE_FAILED", "2", "1"]);
    assert_eq!(session.count().await, 2);
    assert_eq!(agent.session("new").count().await, 1);

    let mended = agent.update("probe", json!({})).await;
    assert_eq!(mended["status"], "READY");
    assert_eq!(endpoint().await, ["READY", "3", "3"]);
}

#[tokio::test]
async fn running_sessions_keep_their_version_and_new_ones_get_the_newest() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let old = agent.session("old");
    old.count().await;

    let updated = agent
        .update(
            "probe",
            json!({ "environmentVariables": { "COLOR": "green" } }),
        )
        .await;
    assert_eq!(updated["agentRuntimeVersion"], "2");
    let new = agent.session("new");
    for (session, version, color, turn) in
        [(&old, "1", Value::Null, 2), (&new, "2", json!("green"), 1)]
    {
        let context = session.ask(json!({ "do": "context" })).await;
        assert_eq!(
            (&context["agent_version"], &context["turn"]),
            (&json!(version), &json!(turn))
        );
        assert_eq!(
            session
                .ask(json!({ "do": "config", "name": "COLOR" }))
                .await,
            color
        );
    }
    old.stop().await;
    let context = old.ask(json!({ "do": "context" })).await;
    assert_eq!(
        context["agent_version"], "2",
        "a fresh world is a new session"
    );
}

#[tokio::test]
async fn versions_are_listed_newest_first_and_shown_one_by_one() {
    let host = Host::start();
    let agent = host.create("agent").await;
    for text in ["second", "third"] {
        agent.update("agent", json!({ "description": text })).await;
    }
    let versions = async || {
        let list = host.post(&agent.path("versions/")).await.json_of(200);
        let list = list["agentRuntimes"].as_array().expect("a list").clone();
        Vec::from_iter(list.iter().map(|item| item["agentRuntimeVersion"].clone()))
    };
    assert_eq!(versions().await, ["3", "2", "1"]);
    let second = host.get(&agent.path("?version=2")).await.json_of(200);
    assert_eq!(
        (&second["description"], &second["agentRuntimeVersion"]),
        (&json!("second"), &json!("2"))
    );
    let unknown = host.get(&agent.path("?version=4")).await;
    unknown.assert_refused(404, "ResourceNotFoundException", "version 4");
    for bad in ["0", "x", "100000"] {
        let bad = host.get(&agent.path(&format!("?version={bad}"))).await;
        assert!(
            bad.refused_fields()
                .iter()
                .all(|field| field == "agentRuntimeVersion")
        );
    }

    let deleted = host.delete(&agent.path("?version=2")).await.json_of(202);
    assert_eq!(deleted["agentRuntimeVersion"], "2");
    assert_eq!(versions().await, ["3", "1"]);
    let used = host.delete(&agent.path("?version=3")).await;
    used.assert_refused(
        409,
        "ConflictException",
        "the endpoint DEFAULT points to it",
    );
}

#[tokio::test]
async fn lists_come_in_pages_that_cover_all_agents_once() {
    let host = Host::start();
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(host.create(&format!("agent{n}")).await.id);
    }
    let (mut seen, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let page = host.post(&format!("/runtimes/?maxResults=2{token}")).await;
        let page = page.json_of(200);
        let agents = page["agentRuntimes"].as_array().expect("a list").clone();
        seen.extend(agents.iter().map(|agent| agent["agentRuntimeId"].clone()));
        pages += 1;
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(
        (pages, &seen),
        (3, &Vec::from_iter(made.into_iter().map(Value::from)))
    );
    for (query, field) in [
        ("maxResults=0", "maxResults"),
        ("maxResults=101", "maxResults"),
        ("nextToken=x", "nextToken"),
    ] {
        let refused = host.post(&format!("/runtimes/?{query}")).await;
        refused.assert_invalid(field, "");
    }
}

#[tokio::test]
async fn an_endpoint_stays_on_its_version_until_it_is_moved() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let endpoints = agent.path("runtime-endpoints/");
    let live = agent.path("runtime-endpoints/live/");
    let input = json!({ "name": "live", "description": "For everybody" });
    let made = host.put(&endpoints, &input).await.json_of(202);
    assert_eq!(
        (&made["endpointName"], &made["targetVersion"]),
        (&json!("live"), &json!("1"))
    );
    assert_eq!(
        made["agentRuntimeEndpointArn"],
        format!("{}/runtime-endpoint/live", agent.arn)
    );
    let twice = host.put(&endpoints, &input).await;
    twice.assert_refused(409, "ConflictException", "the name live already");
    agent.update("probe", json!({})).await;

    let version = async |endpoint: &str| {
        let request = agent.invocation().query(&[("qualifier", endpoint)]);
        let context = host
            .send(request.body(r#"{"do": "context"}"#))
            .await
            .json_of(200);
        assert_eq!(context["endpoint"], endpoint);
        context["agent_version"].clone()
    };
    assert_eq!(
        (version("live").await, version("DEFAULT").await),
        (json!("1"), json!("2"))
    );

    let moved = host
        .put(&live, &json!({ "agentRuntimeVersion": "2" }))
        .await;
    moved.json_of(202);
    let shown = host.get(&live).await.json_of(200);
    let shown = ["status", "liveVersion", "targetVersion", "description"]
        .map(|member| shown[member].clone());
    assert_eq!(shown, ["READY", "2", "2", "For everybody"]);
    assert_eq!(version("live").await, "2");

    let unknown = host
        .put(&live, &json!({ "agentRuntimeVersion": "9" }))
        .await;
    unknown.assert_refused(404, "ResourceNotFoundException", "version 9");
    let default = agent.path("runtime-endpoints/DEFAULT/");
    let pinned = host
        .put(&default, &json!({ "agentRuntimeVersion": "1" }))
        .await;
    pinned.assert_refused(
        409,
        "ConflictException",
        "DEFAULT follows the newest version",
    );
    let kept = host.delete(&default).await;
    kept.assert_refused(409, "ConflictException", "DEFAULT goes with its agent");

    let list = host.post(&endpoints).await.json_of(200);
    let names = list["runtimeEndpoints"].as_array().expect("a list").iter();
    assert_eq!(
        Vec::from_iter(names.map(|endpoint| &endpoint["name"])),
        ["DEFAULT", "live"]
    );
    host.delete(&live).await.json_of(202);
    let gone = host.get(&live).await;
    gone.assert_refused(404, "ResourceNotFoundException", "the endpoint live");
}

#[tokio::test]
async fn deleting_an_agent_ends_its_sessions_and_leaves_nothing_to_call() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let other = host.deploy("tutorial", TUTORIAL).await.session("other");
    other.prompt(1, "How much is 2X5?").await;
    let (idle, busy) = (agent.session("idle"), agent.session("busy"));
    idle.count().await;
    let running = busy.invoke(json!({ "do": "sleep", "ms": 3_600_000 }));
    let deleting = async {
        eventually("the turn to run", || async {
            let sessions = host.sessions().await;
            let runs = sessions.iter().any(|session| session["phase"] == "running");
            runs.then_some(())
        })
        .await;
        host.delete(&agent.path("")).await.json_of(202)
    };
    let (cut, _) = tokio::join!(running, deleting);
    cut.assert_refused(424, "RuntimeClientError", "its agent was deleted");
    for session in [idle, busy] {
        assert_eq!(session.ended().await["reason"], "deleted");
        let refused = session.invoke(json!({ "do": "count" })).await;
        refused.assert_refused(404, "ResourceNotFoundException", "was not found");
    }
    let gone = host.get(&agent.path("")).await;
    gone.assert_refused(404, "ResourceNotFoundException", "was not found");
    let answer = other.prompt(1, "and that plus 34?").await;
    assert!(answer.contains("44"), "{answer}");
}

#[tokio::test]
async fn agents_and_artifacts_survive_a_restart_of_the_server() {
    let mut host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    agent
        .update("probe", json!({ "description": "second" }))
        .await;
    let live = json!({ "name": "live", "agentRuntimeVersion": "1" });
    host.put(&agent.path("runtime-endpoints/"), &live)
        .await
        .json_of(202);
    agent.session("first").count().await;
    let state = async |host: &Host| {
        [
            host.post("/runtimes/").await.json_of(200),
            host.post(&agent.path("versions/")).await.json_of(200),
            host.post(&agent.path("runtime-endpoints/"))
                .await
                .json_of(200),
            host.get(&agent.path("")).await.json_of(200),
            host.get("/kellion/v1/artifacts").await.json_of(200),
        ]
    };
    let before = state(&host).await;

    host.restart();
    assert_eq!(state(&host).await, before);
    let invoke = |qualifier: &str| {
        let path = format!(
            "/runtimes/{}/invocations?accountId=000000000000&qualifier={qualifier}",
            agent.id
        );
        host.send(
            host.request(reqwest::Method::POST, &path)
                .body(r#"{"do": "context"}"#),
        )
    };
    for (endpoint, version) in [("DEFAULT", "2"), ("live", "1")] {
        assert_eq!(
            invoke(endpoint).await.json_of(200)["agent_version"],
            version
        );
    }
    // An artifact that is compiled already is found by its digest.
    let copy = host.deploy("copy", PROBE).await;
    assert_eq!(copy.session("first").count().await, 1);
}
