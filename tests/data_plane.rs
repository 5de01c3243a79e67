//! InvokeAgentRuntime: how agents and sessions are named, and what goes in and comes out.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ECHO, Host, PROBE, encoded, in_time, session_id};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const USER: &str = "x-amzn-bedrock-agentcore-runtime-user-id";
const MAX_PAYLOAD: usize = 100_000_000;

#[tokio::test]
async fn an_answer_names_its_session_and_request_and_the_agent_knows_both() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let reply = session.invoke(json!({ "do": "context" })).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header(SESSION), session.id);
    let mut context = reply.json();
    assert_eq!(context["request_id"], reply.header("x-amzn-requestid"));
    assert!(context["deadline_ms"].take().is_u64());
    assert_eq!(
        context,
        json!({
            "session_id": session.id, "request_id": context["request_id"], "turn": 1,
            "agent_name": "probe", "agent_version": "1", "endpoint": "DEFAULT", "tenant_id": "000000000000",
            "user_id": null, "headers": [], "content_type": null, "accept": "*/*", "deadline_ms": null,
            "traceparent": null,
        })
    );
    let next = session.ask(json!({ "do": "context" })).await;
    assert_eq!(next["turn"], 2);
    assert_ne!(next["request_id"], context["request_id"]);
}

#[tokio::test]
async fn without_a_session_id_one_is_made_and_goes_on() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let count = r#"{"do": "count"}"#;
    for request in [agent.invocation(), agent.invocation().header(SESSION, "")] {
        let reply = host.send(request.body(count)).await;
        assert_eq!(reply.json_of(200), 1);
        let made = reply.header(SESSION).to_owned();
        assert_eq!(made.len(), 36, "{made}");
        let again = host
            .send(agent.invocation().header(SESSION, &made).body(count))
            .await;
        assert_eq!(again.json_of(200), 2);
        assert_eq!(again.header(SESSION), made);
    }
}

#[tokio::test]
async fn session_ids_have_33_to_256_letters_digits_dashes_and_underscores() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let send = |id: String| {
        let request = agent.invocation().body(r#"{"do": "count"}"#);
        host.send(request.header(SESSION, id))
    };
    for id in ["a".repeat(33), "9".repeat(256), session_id("A_b-9")] {
        assert_eq!(send(id).await.json_of(200), 1);
    }
    let forbidden = [" ", "/", ".", "%", "ä"].map(|c| session_id(&format!("a{c}b")));
    let edges = [
        "a".repeat(32),
        "a".repeat(257),
        format!("-{}", "a".repeat(40)),
    ];
    for id in forbidden.into_iter().chain(edges) {
        let refused = send(id).await.refused_fields();
        assert!(refused.iter().all(|field| field == "runtimeSessionId"));
    }
    assert_eq!(
        host.sessions().await.len(),
        3,
        "a refused id opens no session"
    );
}

#[tokio::test]
async fn an_agent_is_named_by_its_arn_or_by_its_id_and_account() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let invoke = |segment: String| {
        let path = format!(
            "/runtimes/{}/invocations",
            segment.replacen('?', "/invocations?", 1)
        );
        let path = match path.contains('?') {
            true => path.trim_end_matches("/invocations").to_owned(),
            false => path,
        };
        host.send(host.request(Method::POST, &path).body(r#"{"do": "count"}"#))
    };

    for named in [
        encoded(&agent.arn),
        encoded(&agent.arn).replace("%3A", ":"),
        encoded(&agent.arn).replace("%2F", "%2f"),
        format!("{}?accountId=000000000000", agent.id),
        format!("{}?accountId=000000000000&qualifier=DEFAULT", agent.id),
    ] {
        assert_eq!(invoke(named).await.json_of(200), 1);
    }

    invoke(agent.id.clone())
        .await
        .assert_invalid("accountId", "accountId is required");
    invoke(format!("{}?accountId=12", agent.id))
        .await
        .assert_invalid("accountId", "[0-9]{12}");
    for malformed in [
        "arn:",
        "arn:aws:bedrock-agentcore",
        "arn:aws:s3:us-west-2:000000000000:runtime/probe-0123456789",
        "arn:aws:bedrock-agentcore:us-west-2:0:runtime/probe-0123456789",
        "arn:aws:bedrock-agentcore:us-west-2:000000000000:gateway/probe-0123456789",
        "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/probe",
    ] {
        invoke(encoded(malformed))
            .await
            .assert_invalid("agentRuntimeArn", "is not the ARN of an agent");
    }
    // What is another's is as unknown as what is not there.
    for foreign in [
        encoded(&agent.arn.replace("us-west-2", "eu-central-1")),
        encoded(&agent.arn.replace("000000000000", "123456789012")),
        encoded(&agent.arn.replace("probe-", "other-")),
        format!("{}?accountId=123456789012", agent.id),
    ] {
        invoke(foreign)
            .await
            .assert_refused(404, "ResourceNotFoundException", "was not found");
    }
}

#[tokio::test]
async fn a_qualifier_names_an_endpoint() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let send = |qualifier: &str| {
        let request = agent.invocation().query(&[("qualifier", qualifier)]);
        host.send(request.body(r#"{"do": "context"}"#))
    };
    assert_eq!(send("DEFAULT").await.json_of(200)["endpoint"], "DEFAULT");
    send("staging").await.assert_refused(
        404,
        "ResourceNotFoundException",
        "no endpoint \"staging\"",
    );
    for bad in ["", "1st", "a-b", &"a".repeat(49)] {
        send(bad).await.assert_invalid("qualifier", "");
    }
}

#[tokio::test]
async fn a_payload_that_the_agent_cannot_read_is_its_own_refusal_and_the_session_goes_on() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    for (payload, message) in [
        (Bytes::new(), "payload is not JSON: it is empty"),
        (Bytes::from("How are you?"), "payload is not JSON"),
        (
            Bytes::from_static(&[0, 159, 146, 150]),
            "payload is not JSON",
        ),
        (Bytes::from(r#"{"do": "dance"}"#), "unknown variant `dance`"),
        (Bytes::from("[1]"), "payload"),
    ] {
        let refused = host.send(session.invocation(payload)).await;
        refused.assert_refused(
            424,
            "RuntimeClientError",
            "Received error (400) from runtime: ",
        );
        refused.assert_refused(424, "RuntimeClientError", message);
        assert_eq!(refused.header(SESSION), session.id);
    }
    assert_eq!(session.count().await, 2);
}

#[tokio::test]
async fn payload_and_answer_pass_unchanged_whatever_the_content_type() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let value = json!({ "text": "é \u{1F600} \0 \" \\", "deep": [[1, 2.5, null, true]] });
    let payload = json!({ "do": "echo", "value": value }).to_string();
    for content_type in [
        "application/json",
        "application/octet-stream",
        "text/plain",
        "x/y; a=b",
    ] {
        let request = session.invocation(payload.clone());
        let reply = host
            .send(request.header("content-type", content_type))
            .await;
        // This agent sends back what is no JSON as it is.
        if content_type == "application/octet-stream" {
            assert_eq!((reply.status, reply.text()), (200, payload.as_str()));
        } else {
            assert_eq!(reply.json_of(200), value, "{content_type}");
        }
    }
    let bytes = session
        .invoke(json!({ "do": "large", "bytes": 1_000_000 }))
        .await;
    assert_eq!(bytes.header("content-type"), "application/octet-stream");
    assert!(bytes.body.len() == 1_000_000 && bytes.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn bytes_that_are_no_text_pass_unchanged_in_both_directions() {
    let host = Host::start();
    let session = host.deploy("echo", ECHO).await.session("first");
    let every_byte = Bytes::from_iter((0..=u8::MAX).cycle().take(100_000));
    for payload in [Bytes::new(), Bytes::from_static(&[0]), every_byte] {
        let reply = host.send(session.invocation(payload.clone())).await;
        assert_eq!(reply.status, 200, "{} bytes", payload.len());
        assert!(reply.body == payload, "{} bytes", payload.len());
    }
}

#[tokio::test]
async fn a_payload_of_100_million_bytes_is_taken_and_one_byte_more_refused() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let canary = agent.session("canary");
    let padded = |size: usize| {
        let mut payload = br#"{"do": "count"}"#.to_vec();
        payload.resize(size, b' ');
        session.invocation(payload)
    };

    assert_eq!(host.send(padded(MAX_PAYLOAD)).await.json_of(200), 1);
    let refused = host.send(padded(MAX_PAYLOAD + 1));
    let (refused, count) = in_time("both answers", async {
        tokio::join!(refused, canary.count())
    })
    .await;
    refused.assert_invalid("payload", "more than 100000000 bytes");
    assert_eq!(count, 1, "others are served meanwhile");
    assert_eq!(
        session.count().await,
        2,
        "the refused one never came to the session"
    );
}

#[tokio::test]
async fn what_the_caller_says_of_itself_reaches_the_agent() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = session
        .invocation(r#"{"do": "context"}"#)
        .header("content-type", "application/json; charset=utf-8")
        .header("accept", "text/event-stream")
        .header(USER, "user@example.com")
        .header("traceparent", trace);
    let context = host.send(request).await.json_of(200);
    assert_eq!(context["content_type"], "application/json; charset=utf-8");
    assert_eq!(context["accept"], "text/event-stream");
    assert_eq!(context["user_id"], "user@example.com");
    assert_eq!(context["traceparent"], trace);

    for user in ["", &"u".repeat(1_025)] {
        let request = session.invocation(r#"{"do": "count"}"#);
        let refused = host.send(request.header(USER, user)).await;
        refused.assert_invalid("runtimeUserId", "Member must have length");
    }
    let longest = "u".repeat(1_024);
    // A session belongs to the user that it was opened for.
    let request = agent.session("second").invocation(r#"{"do": "context"}"#);
    let context = host.send(request.header(USER, &longest)).await.json_of(200);
    assert_eq!(context["user_id"], longest);
}

#[tokio::test]
async fn trace_and_mcp_headers_come_back() {
    let host = Host::start();
    let agent = host.deploy("probe", PROBE).await;
    let repeated = [
        ("mcp-session-id", "mcp-1"),
        ("mcp-protocol-version", "2025-06-18"),
        (
            "x-amzn-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        ),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "vendor=1"),
        ("baggage", "key=value"),
    ];
    // On refusals, too.
    for deed in [
        json!({ "do": "count" }),
        json!({ "do": "fail", "message": "no" }),
    ] {
        let mut request = agent.session("first").invocation(deed.to_string());
        for (name, value) in repeated {
            request = request.header(name, value);
        }
        let reply = host.send(request.header("x-other", "1")).await;
        for (name, value) in repeated {
            assert_eq!(reply.header(name), value, "{reply:?}");
        }
        assert_eq!(reply.header("x-other"), "");
    }
}

#[tokio::test]
async fn only_headers_that_the_configuration_allows_reach_the_agent() {
    let host = Host::start();
    let allowed = ["X-Amzn-Bedrock-AgentCore-Runtime-Custom-Color", "X-Tenant"];
    let more = json!({ "requestHeaderConfiguration": { "requestHeaderAllowlist": allowed } });
    let agent = host.deploy_with("probe", PROBE, more).await;
    let send = |color: &str| {
        let request = agent.session("first").invocation(r#"{"do": "context"}"#);
        let request = request
            .header("x-amzn-bedrock-agentcore-runtime-custom-color", color)
            .header("x-tenant", "a")
            .header("x-other", "b")
            .header("authorization", "Basic secret");
        host.send(request)
    };
    let context = send("green").await.json_of(200);
    assert_eq!(
        context["headers"],
        json!([
            { "name": "x-amzn-bedrock-agentcore-runtime-custom-color", "value": "green" },
            { "name": "x-tenant", "value": "a" },
        ])
    );
    send(&"g".repeat(4_097))
        .await
        .assert_refused(400, "ValidationException", "at most 4096 bytes");
}

#[tokio::test]
async fn an_operation_that_is_none_is_told_so() {
    let host = Host::start();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::POST, "/runtime/"),
        (Method::GET, "/runtimes/a/invocations"),
        (Method::PATCH, "/runtimes/"),
    ] {
        let reply = host.send(host.request(method.clone(), path)).await;
        let message = format!("there is no operation {method} {path}");
        reply.assert_refused(404, "UnknownOperationException", &message);
    }
}

#[tokio::test]
async fn what_an_agent_may_spend_and_how_it_is_configured_is_its_own_to_read() {
    let host = Host::start();
    let more = json!({ "environmentVariables": { "COLOR": "green" } });
    let agent = host.deploy_with("probe", PROBE, more).await;
    let session = agent.session("first");
    let color = session
        .ask(json!({ "do": "config", "name": "COLOR" }))
        .await;
    assert_eq!(color, "green");
    let unset = session.ask(json!({ "do": "config", "name": "PATH" })).await;
    assert_eq!(unset, Value::Null);
}
