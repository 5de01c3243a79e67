//! Names and headers that are not what they should be.

use reqwest::Method;
use reqwest::header::HeaderValue;

use super::stage;
use crate::harness::{Raw, encoded, invocation, session_id};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const COUNT: &str = r#"{"do":"count"}"#;

#[tokio::test]
async fn h9_session_ids_that_are_paths_patterns_or_no_text_open_no_session() {
    let (host, agent, witness) = stage("").await;
    let before = host.sessions().await.len();
    let long = |id: &str| session_id(&format!("a{id}"));
    let mut ids: Vec<Vec<u8>> = [
        long(" "),
        long("/"),
        long("\\"),
        long("../../etc/passwd"),
        long("."),
        long("%2e%2e"),
        long("%00"),
        long("*"),
        long(">"),
        long("$SYS"),
        long("ä"),
        long("😀"),
        long("'; DROP TABLE sessions"),
        "a".repeat(32),
        "a".repeat(257),
        "-".repeat(40),
    ]
    .map(String::into_bytes)
    .into();
    ids.push([&[0xff; 3][..], &[b'a'; 40]].concat());
    ids.push([&b"a\ta"[..], &[b'a'; 40]].concat());
    for id in ids {
        let shown = String::from_utf8_lossy(&id).into_owned();
        let id = HeaderValue::from_bytes(&id).unwrap();
        let request = agent.invocation().header(SESSION, id).body(COUNT);
        let refused = host.send(request).await;
        assert_eq!(refused.status, 400, "{shown}: {refused:?}");
        refused.assert_invalid("runtimeSessionId", "");
    }
    // What ends a line, or is no byte of a header, ends the request.
    let session = agent.session("crlf");
    for (id, status) in [("a\0b", 400), ("a\rb", 400), ("a\nb", 400)] {
        let more = format!("content-length: {}\r\nconnection: close\r\n", COUNT.len());
        let head = invocation(&session, &more).replace(&session.id, &session_id(id));
        let answer = Raw::open(&host).await.ask(format!("{head}{COUNT}")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{id:?}: {answer}"
        );
    }
    assert_eq!(host.sessions().await.len(), before);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h11_arns_of_others_or_of_nothing_are_not_found_or_malformed() {
    let (host, agent, witness) = stage("").await;
    let arn = &agent.arn;
    let twice = encoded(arn).replace('%', "%25");
    for (segment, status) in [
        (encoded(&arn.replace("000000000000", "123456789012")), 404),
        (encoded(&arn.replace("us-west-2", "eu-west-1")), 404),
        (encoded(&arn.replace("us-west-2", "")), 400),
        (encoded(&arn.replace("arn:aws:", "arn:gcp:")), 400),
        (encoded(&arn.replace("bedrock-agentcore", "s3")), 400),
        (encoded(&arn.replace("runtime/", "harness/")), 400),
        (encoded(&format!("{arn}/")), 400),
        (encoded(&format!("{arn}/../other")), 400),
        (encoded(&format!("{arn}{}", "x".repeat(4_096))), 400),
        (format!("{}%00", encoded(arn)), 400),
        (format!("{}%ff", encoded(arn)), 400),
        (format!("{}%0d%0a", encoded(arn)), 400),
        (twice, 400),
        (format!("{}/", encoded(arn)), 404),
        (arn.clone(), 404),
        (String::new(), 404),
    ] {
        for (method, operation) in [
            (Method::POST, "invocations"),
            (Method::POST, "stopruntimesession"),
        ] {
            let path = format!("/runtimes/{segment}/{operation}");
            let request = host.request(method, &path);
            let request = request.header(SESSION, session_id("witness"));
            let refused = host.send(request.body(COUNT)).await;
            assert_eq!(refused.status, status, "{path}: {refused:?}");
        }
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn h12_qualifiers_that_name_no_endpoint_are_refused() {
    let (host, agent, witness) = stage("").await;
    for (qualifier, status) in [
        ("unknown", 404),
        ("DEFAULT ", 400),
        (" DEFAULT", 400),
        ("", 400),
        ("default", 404),
        ("DEFAULT' OR '1'='1", 400),
        ("../DEFAULT", 400),
        ("DEFAULT\0", 400),
        ("DEFAULT\r\nx: y", 400),
        ("ДЕФАУЛТ", 400),
    ] {
        let request = agent.invocation().query(&[("qualifier", qualifier)]);
        let refused = host.send(request.body(COUNT)).await;
        assert_eq!(refused.status, status, "{qualifier:?}: {refused:?}");
    }
    let request = agent
        .invocation()
        .query(&[("qualifier", "x".repeat(4_096))]);
    assert_eq!(host.send(request.body(COUNT)).await.status, 400);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h14_absurd_content_types_are_refused_or_the_agents_own_affair_and_not_in_the_log() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("absurd");
    for name in ["accept", "content-type"] {
        for (value, status) in [
            ("needle/\u{1}".replace('\u{1}', "x"), 200),
            ("needle; a=b; ;;; =\"".to_owned(), 200),
            ("x".repeat(256), 200),
            ("x".repeat(257), 400),
            ("nadel-ä".to_owned(), 400),
        ] {
            let request = session.invocation(COUNT);
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let reply = host.send(request.header(name, &value)).await;
            assert_eq!(reply.status, status, "{name}: {value:?}: {reply:?}");
        }
        let more = format!("{name}: a\0needle\r\ncontent-length: {}\r\n", COUNT.len());
        let request = format!("{}{COUNT}", invocation(&session, &more));
        let answer = Raw::open(&host).await.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let log = host.said();
    assert!(!log.contains("needle") && !log.contains("nadel"), "{log}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn h15_malformed_trace_headers_are_as_good_as_none() {
    let (host, agent, witness) = stage("").await;
    let session = agent.session("traced");
    for (name, value) in [
        ("traceparent", "not a trace".to_owned()),
        (
            "traceparent",
            "00-00000000000000000000000000000000-0000000000000000-00".to_owned(),
        ),
        ("traceparent", "x".repeat(8_000)),
        ("tracestate", "x".repeat(8_000)),
        ("x-amzn-trace-id", "Root=;;;=".to_owned()),
        ("x-amzn-trace-id", "x".repeat(8_000)),
        ("baggage", "=,=,=".to_owned()),
    ] {
        let request = session.invocation(COUNT).header(name, &value);
        let reply = host.send(request).await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(
            reply.headers.contains_key(name),
            value.len() < 128,
            "{name}"
        );
        let bytes = HeaderValue::from_bytes(&[0xe4, 0xff]).unwrap();
        let reply = host
            .send(session.invocation(COUNT).header(name, bytes))
            .await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
    }
    witness.survived(&host).await;
}
