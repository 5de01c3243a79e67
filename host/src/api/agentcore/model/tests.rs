use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::check::{MOST, Request, check};
use super::differences;
use super::table::{Kind, Operation, Pattern, Shape, operation_of, operations};
use crate::api::ROUTES;
use crate::api::error::Field;

const TABLE: &str = include_str!("service.json");

/// Patterns of the models that the crate for regular expressions does not take, and that nothing is held against.
const UNTAKEN: [&str; 0] = [];

fn operation(name: &str) -> &'static Operation {
    let mut operations = operations().iter();
    operations.find(|o| o.name == name).expect("an operation")
}

fn create(changed: impl FnOnce(&mut Value)) -> Result<(), Vec<Field>> {
    let mut document = json!({
        "agentRuntimeName": "agent",
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": "agent:1" } },
        "roleArn": "arn:aws:iam::000000000000:role/kellion",
    });
    changed(&mut document);
    check(
        operation("CreateAgentRuntime"),
        Request {
            path: &[],
            query: &[],
            headers: &HeaderMap::new(),
            document: Some(&document),
        },
    )
}

/// The failures of a create with these members changed, as `name: constraint`.
fn refused(changed: impl FnOnce(&mut Value)) -> Vec<String> {
    let fields = create(changed).expect_err("it does not fit");
    let told = |field: Field| {
        let (value, constraint) = field
            .message
            .split_once(" failed to satisfy constraint: ")
            .expect("AWS's words");
        assert!(value.ends_with(&format!("at '{}'", field.name)), "{value}");
        format!("{}: {constraint}", field.name)
    };
    fields.into_iter().map(told).collect()
}

fn of_query(operation_name: &str, path: &[&str], query: &[(&str, &str)]) -> Vec<String> {
    let path: Vec<String> = path.iter().map(|&text| text.to_owned()).collect();
    let query = query
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let query: Vec<(String, String)> = query.collect();
    let request = Request {
        path: &path,
        query: &query,
        headers: &HeaderMap::new(),
        document: None,
    };
    let fields = check(operation(operation_name), request).err();
    fields
        .into_iter()
        .flatten()
        .map(|field| field.name)
        .collect()
}

fn of_headers(headers: &[(&'static str, &str)]) -> Vec<String> {
    let headers = headers.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).expect("a value");
        (HeaderName::from_static(name), value)
    });
    let request = Request {
        path: &["agent".to_owned()],
        query: &[],
        headers: &headers.collect(),
        document: None,
    };
    let fields = check(operation("InvokeAgentRuntime"), request).err();
    fields
        .into_iter()
        .flatten()
        .map(|field| field.message)
        .collect()
}

#[test]
fn all_patterns_of_the_table_can_be_asked() {
    fn patterns<'a>(shape: &'a Shape, found: &mut Vec<&'a Pattern>) {
        match &shape.kind {
            Kind::Structure(members) | Kind::Union(members) => {
                members
                    .iter()
                    .for_each(|member| patterns(&member.shape, found));
            }
            Kind::List(_, element) => patterns(element, found),
            Kind::Map { key, value, .. } => {
                patterns(key, found);
                patterns(value, found);
            }
            Kind::Text(text) => found.extend(&text.pattern),
            Kind::Integer(_) | Kind::Boolean | Kind::Blob => {}
        }
    }
    let mut found = Vec::new();
    for input in operations().iter().flat_map(|operation| &operation.members) {
        patterns(&input.member.shape, &mut found);
    }
    found.sort_by(|a, b| a.source.cmp(&b.source));
    found.dedup_by(|a, b| a.source == b.source);
    assert!(found.len() > 30, "{}", found.len());
    let untaken = found.iter().filter(|pattern| pattern.regex().is_none());
    assert_eq!(
        Vec::from_iter(untaken.map(|pattern| &pattern.source)),
        UNTAKEN
    );
}

#[test]
fn each_difference_is_of_a_shape_of_the_table() {
    for name in differences::names() {
        assert!(TABLE.contains(&format!("\n\"{name}\":{{")), "{name}");
    }
}

#[test]
fn routes_find_their_operations_and_others_none() {
    let found = ROUTES
        .iter()
        .filter_map(|route| operation_of(route.method, route.path));
    let found: Vec<&str> = found.map(|operation| operation.name.as_str()).collect();
    for name in [
        "CreateAgentRuntime",
        "GetAgentRuntime",
        "UpdateAgentRuntime",
        "DeleteAgentRuntime",
        "ListAgentRuntimes",
        "ListAgentRuntimeVersions",
        "CreateAgentRuntimeEndpoint",
        "GetAgentRuntimeEndpoint",
        "UpdateAgentRuntimeEndpoint",
        "DeleteAgentRuntimeEndpoint",
        "ListAgentRuntimeEndpoints",
        "InvokeAgentRuntime",
        "StopRuntimeSession",
    ] {
        assert_eq!(
            found.iter().filter(|one| **one == name).count(),
            1,
            "{name}"
        );
    }
    assert!(operation_of("GET", "/kellion/v1/server").is_none());
    assert!(operation_of("GET", "/runtimes/").is_none());
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    assert!(create(|_| {}).is_ok());
    let told = refused(|document| {
        *document = json!({
            "agentRuntimeName": "a-b",
            "agentRuntimeArtifact": { "codeConfiguration": {
                "code": { "s3": { "bucket": "B", "prefix": "" } },
                "entryPoint": ["a", "b", "c"],
            } },
            "lifecycleConfiguration": { "idleRuntimeSessionTimeout": 59, "maxLifetime": "long" },
            "networkConfiguration": { "networkMode": "MESH" },
            "allowedPorts": [{ "port": 8080 }, { "portRange": { "from": 1, "to": 9000 } }],
            "protocolConfiguration": [],
        });
    });
    assert_eq!(
        told,
        [
            "agentRuntimeArtifact.codeConfiguration.code.s3.bucket: \
             Member must satisfy regular expression pattern: [a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "agentRuntimeArtifact.codeConfiguration.code.s3.prefix: \
             Member must have length greater than or equal to 1",
            "agentRuntimeArtifact.codeConfiguration.entryPoint: \
             Member must have length less than or equal to 2",
            "agentRuntimeArtifact.codeConfiguration.runtime: Member must not be null",
            "agentRuntimeName: \
             Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}",
            "allowedPorts.2.member.portRange.from: Member must have value greater than or equal to 8000",
            "lifecycleConfiguration.idleRuntimeSessionTimeout: \
             Member must have value greater than or equal to 60",
            "lifecycleConfiguration.maxLifetime: Member must be of type integer",
            "networkConfiguration.networkMode: Member must satisfy enum value set: [PUBLIC, VPC]",
            "protocolConfiguration: Member must be of type structure",
            "roleArn: Member must not be null",
        ]
    );
}

#[test]
fn a_union_has_exactly_one_member() {
    let artifact = |value: Value| refused(|document| document["agentRuntimeArtifact"] = value);
    let one = "agentRuntimeArtifact: Member must have exactly one of its members set: \
               [codeConfiguration, containerConfiguration]";
    for none in [
        json!({}),
        json!({ "other": {} }),
        json!({ "containerConfiguration": null }),
    ] {
        assert_eq!(artifact(none), [one]);
    }
    let code = json!({
        "code": { "s3": { "bucket": "agents", "prefix": "a" } },
        "runtime": "RUST", "entryPoint": ["a"],
    });
    let both =
        json!({ "containerConfiguration": { "containerUri": "a" }, "codeConfiguration": code });
    assert_eq!(artifact(both), [one]);
    let one = json!({ "codeConfiguration": code, "containerConfiguration": null });
    assert_eq!(
        create(|document| document["agentRuntimeArtifact"] = one),
        Ok(())
    );
}

#[test]
fn what_is_not_known_is_let_through_and_null_is_nothing() {
    let fits = create(|document| {
        document["description"] = Value::Null;
        document["newMember"] = json!({ "deep": [1] });
        document["lifecycleConfiguration"] = json!({ "maxLifetime": null, "other": true });
    });
    assert_eq!(fits, Ok(()));
    let told = refused(|document| document["environmentVariables"] = json!({ "A": null }));
    assert_eq!(
        told,
        ["environmentVariables: Map value must satisfy constraint: [Member must not be null]"]
    );
    let told = refused(|document| document["allowedPorts"] = json!([null]));
    assert_eq!(
        told,
        ["allowedPorts: Member must satisfy constraint: [Member must not be null]"]
    );
}

#[test]
fn secrets_are_never_shown_and_other_values_shortened() {
    let secret = "s3cr3t".repeat(1_000);
    let fields = create(|document| {
        document["environmentVariables"] = json!({ "KEY": secret, "": "s3cr3t", "OTHER": 5 });
        document["description"] = json!(secret);
        document["agentRuntimeName"] = json!(format!("\n{}", "n".repeat(1_000)));
    })
    .expect_err("it does not fit");
    let told: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
    assert_eq!(fields.len(), 5, "{told:?}");
    assert!(!told.concat().contains("s3cr3t"), "{told:?}");
    let name = fields.iter().find(|field| field.name == "agentRuntimeName");
    assert_eq!(
        name.map(|field| field.message.clone()),
        Some(format!(
            "Value '\\n{}…' at 'agentRuntimeName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{{0,47}}",
            "n".repeat(63)
        ))
    );
}

#[test]
fn a_hostile_request_is_told_of_a_hundred_failures() {
    let claims: Vec<Value> = (0..10_000).map(|n| json!({ "n": n })).collect();
    let authorizer = json!({ "customJWTAuthorizer": {
        "discoveryUrl": "https://example.com/.well-known/openid-configuration",
        "customClaims": claims,
    } });
    let told = refused(|document| document["authorizerConfiguration"] = authorizer);
    assert_eq!(told.len(), MOST);
    let tags: Value = (0..10_000).map(|n| (format!("!{n}"), json!("x"))).collect();
    let told = refused(|document| document["tags"] = tags);
    assert_eq!(told.len(), 51);
    assert_eq!(
        told[0],
        "tags: Member must have length less than or equal to 50"
    );
}

#[test]
fn numbers_have_32_bits_and_no_fraction() {
    let memory = |value: Value| {
        create(|document| {
            document["resourceConfigurations"] = json!([{ "minimumMemoryInMiB": value }]);
        })
        .is_ok()
    };
    assert!(memory(json!(2_147_483_647)));
    for wrong in [
        json!(2_147_483_648_u64),
        json!(1.5),
        json!(60.0),
        json!("1"),
        json!(u64::MAX),
    ] {
        assert!(!memory(wrong.clone()), "{wrong}");
    }
}

#[test]
fn paths_and_queries_are_read_as_what_they_mean() {
    let list = |query: &[(&str, &str)]| of_query("ListAgentRuntimes", &[], query);
    assert!(list(&[("maxResults", "100"), ("other", "x")]).is_empty());
    for wrong in ["0", "101", "many", ""] {
        assert_eq!(
            list(&[("maxResults", wrong), ("nextToken", "a b")]),
            ["maxResults", "nextToken"]
        );
    }
    let get = |id: &str, name: &str| of_query("GetAgentRuntimeEndpoint", &[id, name], &[]);
    assert!(get("agent-0123456789", "live").is_empty());
    assert_eq!(get("agent", "1st"), ["agentRuntimeId", "endpointName"]);

    let arn = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-0123456789";
    let untag = |query: &[(&str, &str)]| of_query("UntagResource", &[arn], query);
    assert!(untag(&[("tagKeys", "a"), ("tagKeys", "b")]).is_empty());
    assert_eq!(untag(&[("tagKeys", "a"), ("tagKeys", "!")]), ["tagKeys"]);
    assert_eq!(untag(&[]), ["tagKeys"]);
}

#[test]
fn headers_have_their_lengths_and_a_session_its_grammar() {
    const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
    let long = "a".repeat(256);
    assert!(of_headers(&[(SESSION, &long), ("traceparent", "")]).is_empty());
    assert!(
        of_headers(&[(SESSION, "")]).is_empty(),
        "the server makes one"
    );
    for wrong in ["a", &"a".repeat(257), &".".repeat(40)] {
        let told = of_headers(&[(SESSION, wrong)]).join("; ");
        assert!(told.contains("at 'runtimeSessionId' failed"), "{told}");
    }
    let told = of_headers(&[("content-type", ""), ("baggage", &"b".repeat(8_193))]);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn an_artifact_comes_from_any_registry() {
    let container = |uri: &str| {
        let value = json!({ "containerConfiguration": { "containerUri": uri } });
        create(|document| document["agentRuntimeArtifact"] = value)
    };
    for any in [
        "agent",
        "ghcr.io/someone/agent:1",
        "oci://localhost:5000/agent",
    ] {
        assert_eq!(container(any), Ok(()), "{any}");
    }
    for none in ["", "with space", &"a".repeat(1_025)] {
        let fields = container(none).expect_err("no reference");
        let name = "agentRuntimeArtifact.containerConfiguration.containerUri";
        assert!(fields.iter().all(|field| field.name == name), "{fields:?}");
    }
}
