//! Client tokens: a change that is asked for again is made once, and answered as it was.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Agent, Client, Host, Local, PROBE, ROLE, Reply, Session, in_time, reference};

/// A token with a readable beginning.
fn token(name: &str) -> String {
    format!("{name:0<40}")
}

fn runtime(name: &str) -> Value {
    json!({
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference(name) } },
        "roleArn": ROLE,
    })
}

fn with(mut input: Value, member: &str, value: impl Into<Value>) -> Value {
    input[member] = value.into();
    input
}

fn named(name: &str, token: &str) -> Value {
    with(
        with(runtime("none"), "agentRuntimeName", name),
        "clientToken",
        token,
    )
}

/// Makes the agent of this input.
async fn create(host: &Client, input: &Value) -> Agent {
    let created = host.put("/runtimes/", input).await.json_of(202);
    let text = |member: &str| created[member].as_str().unwrap().to_owned();
    host.agent(text("agentRuntimeId"), text("agentRuntimeArn"))
}

async fn versions(host: &Client, agent: &Agent) -> usize {
    let list = host.post(&agent.path("versions/")).await.json_of(200);
    list["agentRuntimes"].as_array().unwrap().len()
}

async fn agents(host: &Client) -> usize {
    let list = host.post("/runtimes/").await.json_of(200);
    list["agentRuntimes"].as_array().unwrap().len()
}

/// The very same answer, byte for byte.
#[track_caller]
fn assert_same(first: &Reply, again: &Reply) {
    assert_eq!(first.status, 202, "{first:?}");
    assert_eq!((again.status, &again.body), (first.status, &first.body));
}

#[track_caller]
fn assert_reused(reply: &Reply) {
    reply.assert_refused(
        400,
        "ValidationException",
        "used for another operation or with other parameters",
    );
    let reason = reply.json()["reason"].clone();
    assert_eq!(reason, "IdempotentParameterMismatchException");
}

#[tokio::test]
async fn every_change_is_made_once_and_answered_as_it_was() {
    let host = Host::start();
    let input = named("agent", &token("create"));
    let created = host.put("/runtimes/", &input).await;
    let id = created.json()["agentRuntimeId"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = created.json()["agentRuntimeArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let agent = host.agent(id, arn);
    agent.built().await;
    // The agent moved on; the answer did not.
    let update = with(runtime("none"), "clientToken", token("update"));
    let updated = host.put(&agent.path(""), &update).await;
    agent.built().await;
    assert_same(&created, &host.put("/runtimes/", &input).await);
    assert_same(&updated, &host.put(&agent.path(""), &update).await);
    assert_eq!((agents(&host).await, versions(&host, &agent).await), (1, 2));

    let endpoints = agent.path("runtime-endpoints/");
    let live = agent.path("runtime-endpoints/live/");
    let endpoint = json!({ "name": "live", "clientToken": token("create-endpoint") });
    let made = host.put(&endpoints, &endpoint).await;
    let move_back = json!({ "agentRuntimeVersion": "1", "clientToken": token("update-endpoint") });
    let moved = host.put(&live, &move_back).await;
    let version = json!({ "agentRuntimeVersion": "2" });
    host.put(&live, &version).await.json_of(202);
    assert_same(&moved, &host.put(&live, &move_back).await);
    let shown = host.get(&live).await.json_of(200);
    assert_eq!(shown["targetVersion"], "2", "it was not moved again");

    let delete = format!("{live}?clientToken={}", token("delete-endpoint"));
    let deleted = host.delete(&delete).await;
    assert_same(&deleted, &host.delete(&delete).await);
    assert_same(&made, &host.put(&endpoints, &endpoint).await);
    host.get(&live)
        .await
        .assert_refused(404, "ResourceNotFoundException", "live");

    let delete = agent.path(&format!("?version=1&clientToken={}", token("version")));
    let deleted = host.delete(&delete).await;
    assert_same(&deleted, &host.delete(&delete).await);
    let delete = agent.path(&format!("?clientToken={}", token("delete")));
    let deleted = host.delete(&delete).await;
    assert_same(&deleted, &host.delete(&delete).await);
    assert_same(&created, &host.put("/runtimes/", &input).await);
    assert_eq!(agents(&host).await, 0);
}

#[tokio::test]
async fn a_token_belongs_to_one_call() {
    let host = Host::start();
    let input = named("agent", &token("mine"));
    let agent = create(&host, &input).await;
    agent.built().await;
    let other = with(input.clone(), "description", "other");
    assert_reused(&host.put("/runtimes/", &other).await);
    assert_reused(
        &host
            .put("/runtimes/", &named("second", &token("mine")))
            .await,
    );
    let update = with(runtime("none"), "clientToken", token("mine"));
    assert_reused(&host.put(&agent.path(""), &update).await);
    let delete = agent.path(&format!("?clientToken={}", token("mine")));
    assert_reused(&host.delete(&delete).await);
    let endpoint = json!({ "name": "live", "clientToken": token("mine") });
    let endpoint = host.put(&agent.path("runtime-endpoints/"), &endpoint).await;
    assert_reused(&endpoint);
    let request = agent.session("first").stopping();
    let stop = json!({ "clientToken": token("mine") });
    assert_reused(&host.send(request.body(stop.to_string())).await);
    assert_eq!((agents(&host).await, versions(&host, &agent).await), (1, 1));

    // The order of members is of no matter.
    let text = format!(
        r#"{{"clientToken": "{}", "roleArn": "{ROLE}", "agentRuntimeName": "agent",
            "agentRuntimeArtifact": {{"containerConfiguration": {{"containerUri": "{}"}}}}}}"#,
        token("mine"),
        reference("none")
    );
    let request = host.request(Method::PUT, "/runtimes/").body(text);
    assert_eq!(
        host.send(request).await.json_of(202)["agentRuntimeId"],
        agent.id
    );
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let host = Host::start();
    let agent = create(&host, &named("agent", &token("create"))).await;
    let long = "t".repeat(257);
    for bad in ["", "short", &"t".repeat(32), &long, &"-".repeat(40)] {
        let refused = host.put("/runtimes/", &named("second", bad)).await;
        refused.assert_invalid("clientToken", "Member must");
        let refused = host
            .delete(&agent.path(&format!("?clientToken={bad}")))
            .await;
        refused.assert_invalid("clientToken", "Member must");
    }
    let number = with(named("second", ""), "clientToken", 7);
    let refused = host.put("/runtimes/", &number).await;
    refused.assert_invalid("clientToken", "type string");
    assert_eq!(agents(&host).await, 1);
}

#[tokio::test]
async fn a_call_that_failed_may_be_made_again_with_its_token() {
    let host = Host::start();
    let first = create(&host, &named("agent", &token("first"))).await;
    let again = named("agent", &token("again"));
    host.put("/runtimes/", &again)
        .await
        .assert_refused(409, "ConflictException", "exists already");
    host.delete(&first.path("")).await.json_of(202);
    let second = create(&host, &again).await;
    assert_ne!(second.id, first.id);
}

#[tokio::test]
async fn calls_at_the_same_time_with_one_token_make_one_change() {
    let host = Host::start();
    let input = named("agent", &token("create"));
    let calls = (0..8).map(|_| host.put("/runtimes/", &input));
    let replies = in_time("the answers", futures::future::join_all(calls)).await;
    for reply in &replies {
        assert_same(&replies[0], reply);
    }
    assert_eq!(agents(&host).await, 1);
}

#[tokio::test]
async fn a_token_is_known_for_24_hours() {
    let host = Local::start().await;
    let input = named("agent", &token("create"));
    let created = host.put("/runtimes/", &input).await;
    host.advance(24 * 60 * 60 - 1);
    assert_same(&created, &host.put("/runtimes/", &input).await);
    host.advance(1);
    let late = host.put("/runtimes/", &input).await;
    late.assert_refused(409, "ConflictException", "exists already");
    // Forgotten, it is free.
    let other = named("other", &token("create"));
    host.put("/runtimes/", &other).await.json_of(202);
    host.stop().await;
}

#[tokio::test]
async fn an_agent_that_was_created_before_kill_9_is_not_created_again() {
    let mut host = Host::builder().alone().start();
    let input = named("agent", &token("create"));
    let created = host.put("/runtimes/", &input).await;
    host.kill();
    host.start_again();
    assert_same(&created, &host.put("/runtimes/", &input).await);
    assert_eq!(agents(&host).await, 1);
}

/// StopRuntimeSession with a token.
async fn stop(host: &Host, session: &Session, name: &str) -> Reply {
    let body = json!({ "clientToken": token(name) });
    host.send(session.stopping().body(body.to_string())).await
}

#[tokio::test]
async fn a_stop_that_is_asked_for_again_ends_no_other_session() {
    let mut host = Host::builder().alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    let stopped = stop(&host, &session, "first").await;
    assert_eq!((stopped.status, stopped.text()), (200, "{}"));
    // The same id, and another world.
    assert_eq!(session.count().await, 1);
    for _ in 0..2 {
        let again = stop(&host, &session, "first").await;
        assert_eq!((again.status, &again.body), (200, &stopped.body));
        assert_eq!(
            again.header("x-amzn-bedrock-agentcore-runtime-session-id"),
            session.id
        );
    }
    assert_eq!(session.count().await, 2);
    host.kill();
    host.start_again();
    assert_eq!(stop(&host, &session, "first").await.status, 200);
    assert_eq!(session.count().await, 3);

    let other = agent.session("other");
    assert_reused(&stop(&host, &other, "first").await);
    assert_eq!(stop(&host, &session, "second").await.status, 200);
    assert_eq!(session.ended().await["reason"], "stopped");
    stop(&host, &session, "third").await.assert_refused(
        404,
        "ResourceNotFoundException",
        "no such session",
    );
    // What was refused is not remembered.
    session.count().await;
    assert_eq!(stop(&host, &session, "third").await.status, 200);
    assert_eq!(session.ended().await["reason"], "stopped");

    host.delete(&agent.path("")).await.json_of(202);
    assert_eq!(stop(&host, &session, "third").await.status, 200);
}
