//! What a request has to be: every constraint of the service models, and all that is wrong told at once.

use serde_json::{Value, json};

use crate::control_plane::{ISSUER, named};
use crate::harness::{ECHO, Host, script};

#[tokio::test]
async fn values_outside_the_service_model_are_refused_and_named() {
    let host = Host::start();
    let code = json!({
        "code": { "s3": { "bucket": "agents", "prefix": "b" } },
        "runtime": "PYTHON_3_13", "entryPoint": ["agent.py"],
    });
    let container = |uri: &str| json!({ "containerConfiguration": { "containerUri": uri } });
    let both = json!({
        "containerConfiguration": { "containerUri": "a" },
        "codeConfiguration": code,
    });
    let many = Value::from_iter((0..51).map(|n| (format!("V{n}"), json!("x"))));
    let idle =
        |idle: u32, max: u32| json!({ "idleRuntimeSessionTimeout": idle, "maxLifetime": max });
    let allow = |names: Value| json!({ "requestHeaderAllowlist": names });
    let cases = [
        ("agentRuntimeName", "", json!("1st")),
        ("agentRuntimeName", "", json!("")),
        ("agentRuntimeName", "", json!("with-dash")),
        ("agentRuntimeName", "", json!("a".repeat(49))),
        ("agentRuntimeName", "", Value::Null),
        ("agentRuntimeName", "", json!(1)),
        ("roleArn", "", Value::Null),
        ("roleArn", "", json!("kellion")),
        ("roleArn", "", json!("arn:aws:iam::1:role/kellion")),
        ("agentRuntimeArtifact", "", Value::Null),
        ("agentRuntimeArtifact", "", json!({})),
        ("agentRuntimeArtifact", "", both),
        (
            "agentRuntimeArtifact",
            ".containerConfiguration.containerUri",
            container("with space"),
        ),
        ("description", "", json!("")),
        ("description", "", json!("d".repeat(4_097))),
        ("environmentVariables", "", many),
        ("environmentVariables", "", json!({ "": "x" })),
        (
            "environmentVariables",
            "",
            json!({ "NAME": "x".repeat(5_001) }),
        ),
        (
            "lifecycleConfiguration",
            ".idleRuntimeSessionTimeout",
            idle(59, 600),
        ),
        (
            "lifecycleConfiguration",
            ".maxLifetime",
            idle(60, 1_209_601),
        ),
        ("lifecycleConfiguration", "", idle(601, 600)),
        (
            "requestHeaderConfiguration",
            "",
            allow(json!(["authorization"])),
        ),
        (
            "requestHeaderConfiguration",
            "",
            allow(json!(["x-amz-date"])),
        ),
        (
            "requestHeaderConfiguration",
            ".requestHeaderAllowlist",
            allow(json!(["not a header"])),
        ),
        (
            "requestHeaderConfiguration",
            ".requestHeaderAllowlist",
            allow(json!(vec!["x-a"; 21])),
        ),
        (
            "authorizerConfiguration",
            ".customJWTAuthorizer.discoveryUrl",
            json!({ "customJWTAuthorizer": { "discoveryUrl": "https://example.com" } }),
        ),
        (
            "authorizerConfiguration",
            "",
            json!({ "customJWTAuthorizer": { "discoveryUrl": ISSUER } }),
        ),
    ];
    for (member, within, value) in cases {
        let mut input = named("agent");
        input[member] = value;
        let refused = host.put("/runtimes/", &input).await;
        refused.assert_invalid(&format!("{member}{within}"), "");
    }
    let not_json = host.request(reqwest::Method::PUT, "/runtimes/").body("{");
    let not_json = host.send(not_json).await;
    not_json.assert_refused(400, "ValidationException", "cannot be read");
    assert_eq!(not_json.json()["reason"], "CannotParse");
    let list = host.post("/runtimes/").await.json_of(200);
    assert_eq!(list, json!({ "agentRuntimes": [] }));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_request_is_said_at_once_and_no_secret_of_it() {
    let host = Host::start();
    let mut input = named("a-b");
    input["roleArn"] = Value::Null;
    input["environmentVariables"] = json!({ "TOKEN": "s3cr3t".repeat(1_000) });
    input["allowedPorts"] = json!([{ "port": 8_080 }, { "port": 80 }]);
    let refused = host.put("/runtimes/", &input).await;
    assert_eq!(
        refused.refused_fields(),
        [
            "agentRuntimeName",
            "allowedPorts.2.member.port",
            "environmentVariables",
            "roleArn"
        ]
    );
    assert!(!refused.text().contains("s3cr3t"), "{}", refused.text());
    refused.assert_refused(
        400,
        "ValidationException",
        "4 validation errors detected: Value 'a-b' at 'agentRuntimeName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}; ",
    );
}

#[tokio::test]
async fn each_constraint_of_the_service_models_is_kept_and_named() {
    let host = Host::start();
    let agent = host.deploy("echo", ECHO).await;
    let told = script(&host, "conformance.py", &[&agent.arn]).await;
    let told: Value = serde_json::from_str(&told).expect("counts");
    let tried = told["constraints"].as_u64().expect("a count");
    assert!(tried > 1_000, "{told}");
    assert_eq!(told["unserved"], json!([]), "{told}");
}
