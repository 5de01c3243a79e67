//! What data-plane operations beside the invocation answer: agent cards, and commands that no session can run.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Agent, Host, PROBE, ROLE, Reply, encoded, reference, session_id};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// GetAgentCard.
async fn card(host: &Host, agent: &Agent, query: &str) -> Reply {
    let arn = encoded(&agent.arn);
    let path = format!("/runtimes/{arn}/invocations/.well-known/agent-card.json{query}");
    let request = host.request(Method::GET, &path);
    host.send(request.header(SESSION, session_id("first")))
        .await
}

fn a2a(environment: &Value) -> Value {
    json!({
        "protocolConfiguration": { "serverProtocol": "A2A" },
        "environmentVariables": environment,
        "description": "Says what it is told",
    })
}

#[tokio::test]
async fn an_agent_that_speaks_a2a_has_a_card() {
    let host = Host::start();
    let agent = host.deploy_with("probe", PROBE, a2a(&json!({}))).await;
    let reply = card(&host, &agent, "").await;
    assert_eq!(reply.header(SESSION), session_id("first"));
    assert_eq!(reply.header("content-type"), "application/json");
    let arn = encoded(&agent.arn);
    assert_eq!(
        reply.json_of(200),
        json!({
            "protocolVersion": "0.3.0",
            "name": "probe",
            "description": "Says what it is told",
            "version": "1",
            "url": format!("{}/runtimes/{arn}/invocations?qualifier=DEFAULT", host.endpoint()),
            "preferredTransport": "JSONRPC",
            "capabilities": { "streaming": true },
            "defaultInputModes": ["application/json", "text/plain"],
            "defaultOutputModes": ["application/json", "text/plain"],
            "skills": [],
        })
    );
    // The card's URL is where the agent is invoked.
    let card = reply.json();
    let url = card["url"].as_str().unwrap();
    let path = url.strip_prefix(host.endpoint()).unwrap();
    let invocation = host.request(Method::POST, path).body(r#"{"do": "count"}"#);
    assert_eq!(host.send(invocation).await.json_of(200), 1);
}

#[tokio::test]
async fn a_version_says_on_its_card_what_it_likes() {
    let host = Host::start();
    let agent = host.deploy_with("probe", PROBE, a2a(&json!({}))).await;
    let live = json!({ "name": "live", "agentRuntimeVersion": "1" });
    host.put(&agent.path("runtime-endpoints/"), &live)
        .await
        .json_of(202);
    let skills = json!([{ "id": "count", "name": "Counting" }]);
    let own =
        json!({ "name": "The Probe", "skills": skills, "provider": { "organization": "Kellion" } });
    let environment = json!({ "KELLION_AGENT_CARD": own.to_string() });
    agent.update("probe", a2a(&environment)).await;
    let shown = card(&host, &agent, "").await.json_of(200);
    for (member, value) in own.as_object().unwrap() {
        assert_eq!(shown[member], *value);
    }
    assert_eq!(
        (&shown["version"], &shown["protocolVersion"]),
        (&json!("2"), &json!("0.3.0"))
    );
    // Each endpoint has the card of its version.
    let live = card(&host, &agent, "?qualifier=live").await.json_of(200);
    assert_eq!(
        (&live["version"], &live["name"]),
        (&json!("1"), &json!("probe"))
    );

    for bad in ["", "[]", "\"text\"", "{", "null"] {
        let input = json!({
            "agentRuntimeName": "other",
            "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("probe") } },
            "roleArn": ROLE,
            "environmentVariables": { "KELLION_AGENT_CARD": bad },
        });
        let refused = host.put("/runtimes/", &input).await;
        refused.assert_invalid(
            "environmentVariables",
            "KELLION_AGENT_CARD is not a JSON object",
        );
    }
}

#[tokio::test]
async fn who_has_no_card_is_told_why() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let refused = card(&host, &agent, "").await;
    refused.assert_refused(400, "ValidationException", "the agent speaks HTTP");
    refused.assert_refused(400, "ValidationException", "\"serverProtocol\": \"A2A\"");
    let refused = card(&host, &agent, "?qualifier=nowhere").await;
    refused.assert_refused(404, "ResourceNotFoundException", "no endpoint");
    let mut other = agent.clone();
    other.arn = agent.arn.replace("runtime/probe", "runtime/other");
    let refused = card(&host, &other, "").await;
    refused.assert_refused(404, "ResourceNotFoundException", "was not found");
}

#[tokio::test]
async fn commands_are_refused_with_what_to_do_instead() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let command = async |arn: &str, query: &str, session: Option<&str>| {
        let path = format!("/runtimes/{}/commands{query}", encoded(arn));
        let mut request = host.request(Method::POST, &path);
        if let Some(session) = session {
            request = request.header(SESSION, session);
        }
        host.send(request.json(&json!({ "command": "ls" }))).await
    };
    let session = session_id("first");
    let refused = command(&agent.arn, "", Some(&session)).await;
    refused.assert_refused(400, "ValidationException", "no shell");
    refused.assert_refused(400, "ValidationException", "invoke the agent instead");

    let other = agent.arn.replace("runtime/probe", "runtime/other");
    for (arn, query) in [(&other, ""), (&agent.arn, "?qualifier=nowhere")] {
        let refused = command(arn, query, Some(&session)).await;
        refused.assert_refused(404, "ResourceNotFoundException", "was not found");
        for bad in [None, Some("short"), Some("")] {
            let refused = command(arn, query, bad).await;
            refused.assert_invalid("runtimeSessionId", "");
        }
    }
    assert_eq!(host.sessions().await, Vec::<Value>::new());
}
