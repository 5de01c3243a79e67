//! Tags of agents and endpoints.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::{Agent, Host, Reply, encoded, reference};

fn path(arn: &str) -> String {
    format!("/tags/{}", encoded(arn))
}

async fn tag(host: &Host, arn: &str, tags: Value) -> Reply {
    let request = host.request(Method::POST, &path(arn));
    host.send(request.json(&json!({ "tags": tags }))).await
}

async fn untag(host: &Host, arn: &str, keys: &[&str]) -> Reply {
    let keys = Vec::from_iter(keys.iter().map(|key| ("tagKeys", *key)));
    let request = host.request(Method::DELETE, &path(arn));
    host.send(request.query(&keys)).await
}

/// ListTagsForResource.
async fn tags(host: &Host, arn: &str) -> Value {
    let list = host.get(&path(arn)).await.json_of(200);
    list["tags"].clone()
}

#[track_caller]
fn assert_done(reply: &Reply) {
    assert_eq!((reply.status, reply.body.len()), (204, 0), "{reply:?}");
}

/// An agent with tags that never serves.
async fn tagged(host: &Host, name: &str, tags: Value) -> Agent {
    let created = host
        .put(
            "/runtimes/",
            &json!({
                "agentRuntimeName": name,
                "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("none") } },
                "roleArn": crate::harness::ROLE,
                "tags": tags,
            }),
        )
        .await
        .json_of(202);
    let text = |member: &str| created[member].as_str().unwrap().to_owned();
    host.agent(text("agentRuntimeId"), text("agentRuntimeArn"))
}

#[tokio::test]
async fn an_agent_has_the_tags_that_it_was_created_with_and_given() {
    let mut host = Host::builder().alone().start();
    let agent = tagged(&host, "agent", json!({ "team": "tests", "empty": "" })).await;
    let arn = &agent.arn;
    assert_eq!(
        tags(&host, arn).await,
        json!({ "team": "tests", "empty": "" })
    );

    assert_done(&tag(&host, arn, json!({ "team": "other", "stage": "one two" })).await);
    assert_done(&untag(&host, arn, &["empty", "never there"]).await);
    let now = json!({ "team": "other", "stage": "one two" });
    assert_eq!(tags(&host, arn).await, now);

    // They are no part of a version.
    agent
        .update("none", json!({ "description": "second" }))
        .await;
    let shown = host.get(&agent.path("?version=1")).await.json_of(200);
    assert_eq!(shown.get("tags"), None, "{shown}");
    host.restart();
    assert_eq!(tags(&host, arn).await, now);

    assert_done(&untag(&host, arn, &["team", "stage"]).await);
    assert_eq!(tags(&host, arn).await, json!({}));
}

#[tokio::test]
async fn an_endpoint_has_tags_of_its_own_that_go_with_it() {
    let host = Host::start();
    let agent = tagged(&host, "agent", json!({ "of": "agent" })).await;
    let endpoints = agent.path("runtime-endpoints/");
    let live = json!({ "name": "live", "tags": { "of": "endpoint" } });
    let made = host.put(&endpoints, &live).await.json_of(202);
    let arn = made["agentRuntimeEndpointArn"].as_str().unwrap();
    assert_eq!(tags(&host, arn).await, json!({ "of": "endpoint" }));
    assert_done(&tag(&host, arn, json!({ "more": "m" })).await);
    // Moving it leaves them.
    let description = json!({ "description": "For everybody" });
    let live_path = agent.path("runtime-endpoints/live/");
    host.put(&live_path, &description).await.json_of(202);
    assert_eq!(
        tags(&host, arn).await,
        json!({ "of": "endpoint", "more": "m" })
    );
    let default = format!("{}/runtime-endpoint/DEFAULT", agent.arn);
    assert_eq!(tags(&host, &default).await, json!({}));
    assert_eq!(tags(&host, &agent.arn).await, json!({ "of": "agent" }));

    host.delete(&live_path).await.json_of(202);
    let gone = host.get(&path(arn)).await;
    gone.assert_refused(404, "ResourceNotFoundException", "the endpoint live");
    host.put(&endpoints, &json!({ "name": "live" }))
        .await
        .json_of(202);
    assert_eq!(tags(&host, arn).await, json!({}), "of another endpoint");

    host.delete(&agent.path("")).await.json_of(202);
    for arn in [arn, &agent.arn] {
        let gone = host.get(&path(arn)).await;
        gone.assert_refused(404, "ResourceNotFoundException", &agent.id);
    }
}

/// So many tags, of which the last has this number.
fn many(numbers: std::ops::Range<u32>) -> Value {
    let tags: Map<String, Value> = numbers.map(|n| (format!("k{n}"), json!("v"))).collect();
    Value::Object(tags)
}

#[tokio::test]
async fn tags_that_do_not_fit_are_refused_and_change_nothing() {
    let host = Host::start();
    let agent = tagged(&host, "agent", many(0..50)).await;
    let bad = [
        many(0..51),
        json!({ "": "v" }),
        json!({ "k".repeat(129): "v" }),
        json!({ "k": "v".repeat(257) }),
        json!({ "aws:reserved": "v" }),
        json!({ "AWS:reserved": "v" }),
        Value::Null,
    ];
    for tags in bad {
        tag(&host, &agent.arn, tags.clone())
            .await
            .assert_invalid("tags", "");
        if !tags.is_null() {
            let mut input = json!({
                "agentRuntimeName": "other",
                "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": "none" } },
                "roleArn": crate::harness::ROLE,
            });
            input["tags"] = tags.clone();
            host.put("/runtimes/", &input)
                .await
                .assert_invalid("tags", "");
            let live = json!({ "name": "live", "tags": tags });
            host.put(&agent.path("runtime-endpoints/"), &live)
                .await
                .assert_invalid("tags", "");
        }
    }
    // Each fits, and together they do not.
    let more = tag(&host, &agent.arn, json!({ "k0": "changed", "one": "more" })).await;
    more.assert_refused(402, "ServiceQuotaExceededException", "51 tags");
    assert_eq!(tags(&host, &agent.arn).await, many(0..50));
    assert_done(&tag(&host, &agent.arn, json!({ "k0": "changed" })).await);
    let longest = json!({ "k".repeat(128): "v".repeat(256) });
    assert_done(&untag(&host, &agent.arn, &["k1"]).await);
    assert_done(&tag(&host, &agent.arn, longest).await);

    let none = host.delete(&path(&agent.arn)).await;
    none.assert_invalid("tagKeys", "must not be null");
    let long = untag(&host, &agent.arn, &["k".repeat(129).as_str()]).await;
    long.assert_invalid("tagKeys", "");
    let mut update = json!({ "roleArn": crate::harness::ROLE, "tags": {} });
    update["agentRuntimeArtifact"] =
        json!({ "containerConfiguration": { "containerUri": "none" } });
    host.put(&agent.path(""), &update)
        .await
        .assert_invalid("tags", "TagResource");
}

#[tokio::test]
async fn what_is_not_there_or_anothers_has_no_tags() {
    let host = Host::start();
    let agent = tagged(&host, "agent", json!({ "team": "tests" })).await;
    let unknown = [
        agent.arn.replace("000000000000", "111111111111"),
        agent.arn.replace("us-west-2", "eu-central-1"),
        agent.arn.replace("runtime/agent", "runtime/other"),
        format!("{}/runtime-endpoint/nowhere", agent.arn),
    ];
    for arn in unknown {
        for reply in [
            host.get(&path(&arn)).await,
            tag(&host, &arn, json!({ "k": "v" })).await,
            untag(&host, &arn, &["team"]).await,
        ] {
            reply.assert_refused(404, "ResourceNotFoundException", "was");
        }
    }
    let malformed = [
        agent.id.clone(),
        "arn:aws:iam::000000000000:role/kellion".to_owned(),
        format!("{}/runtime-endpoint/", agent.arn),
        format!("{}/something/else", agent.arn),
    ];
    for arn in malformed {
        let refused = host.get(&path(&arn)).await;
        refused.assert_invalid("resourceArn", "");
    }
    assert_eq!(tags(&host, &agent.arn).await, json!({ "team": "tests" }));
}
