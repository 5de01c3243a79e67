//! H18: web pages of others, in the browser of somebody who can reach the server. It has no pages of its own; what it answers
//! is none either.

use reqwest::Method;
use serde_json::json;

use super::stage;
use crate::harness::{Reply, reference};

fn assert_inert(reply: &Reply) {
    assert_eq!(
        reply.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'; sandbox",
        "{reply:?}"
    );
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn h18_what_is_answered_is_no_page_whatever_stands_in_it() {
    let (host, agent, witness) = stage("").await;
    let script = "<script>alert(document.domain)</script>";
    let session = agent.session("page");
    let answer = session
        .invoke(json!({ "do": "echo", "value": script }))
        .await;
    assert!(answer.text().contains(script));
    assert_inert(&answer);
    let answer = session.invoke(json!({ "do": "fail", "message": script }));
    assert_inert(&answer.await);
    let answer = session.invoke(json!({ "do": "print", "message": script }));
    assert_inert(&answer.await);
    for path in [
        "/kellion/v1/sessions",
        "/kellion/v1/status",
        "/healthz/ready",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        &format!("{}/log", session.admin_path()),
    ] {
        assert_inert(&host.get(path).await);
    }
    let mut stream = host
        .begin(session.invocation(r#"{"do":"stream","n":3}"#))
        .await;
    assert_eq!(stream.headers()["x-content-type-options"], "nosniff");
    while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    witness.survived(&host).await;
}

#[tokio::test]
async fn h18_another_site_reads_and_changes_nothing() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("kept");
    assert_eq!(session.count().await, 1);
    let routes = [
        (Method::DELETE, agent.path("")),
        (Method::POST, agent.path("invocations")),
        (Method::PUT, "/runtimes/".to_owned()),
        (Method::DELETE, session.admin_path()),
        (Method::GET, "/kellion/v1/sessions".to_owned()),
        (Method::GET, "/kellion/v1/metrics".to_owned()),
        (
            Method::PUT,
            format!("/kellion/v1/artifacts?reference={}", reference("evil")),
        ),
    ];
    for (method, path) in &routes {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1.evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("host", "evil.example:8080"),
        ] {
            let request = host
                .request(method.clone(), path)
                .header(name, value)
                .body(r#"{"do":"count"}"#);
            let refused = host.send(request).await;
            refused.assert_refused(403, "AccessDeniedException", "this machine only");
            assert!(!format!("{refused:?}").contains("access-control"));
        }
    }
    assert_eq!(session.count().await, 2, "nobody else asked");
    witness.survived(&host).await;
}
