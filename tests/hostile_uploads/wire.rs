//! Uploads that are larger than they say, smaller than they say, or without end.

use reqwest::Method;
use serde_json::Value;

use super::{goes_on, no_leftovers, stage, unfinished};
use crate::harness::{Host, Raw, eventually, in_time, reference};

/// A server that takes a MiB.
const SMALL: &str = "[agents]\nartifact_mib = 1\n";

/// The head of an upload, with these lines of headers more.
fn upload(name: &str, headers: &str) -> String {
    let reference = reference(name).replace('/', "%2F").replace(':', "%3A");
    format!(
        "PUT /kellion/v1/artifacts?reference={reference} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"
    )
}

/// What is stored.
async fn stored(host: &Host) -> Value {
    host.get("/kellion/v1/artifacts").await.json_of(200)
}

async fn cleared(host: &Host) {
    eventually("the files to go", || async {
        unfinished(host).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn u4_one_byte_more_than_is_taken() {
    let (host, witness) = stage("[agents]\nartifact_mib = 100\n").await;
    let before = stored(&host).await;
    for name in ["large", "again"] {
        let request = host
            .request(Method::PUT, "/kellion/v1/artifacts")
            .query(&[("reference", reference(name))])
            .body(vec![0; (100 << 20) + 1]);
        let reply = host.send(request).await;
        reply.assert_invalid("body", "the artifact is larger than 100 MiB");
        no_leftovers(&host);
    }
    assert_eq!(stored(&host).await, before);
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u4_a_length_that_is_too_small_ends_the_upload_there() {
    let (host, witness) = stage(SMALL).await;
    let mut raw = Raw::open(&host).await;
    let head = upload("small", "content-length: 10\r\n");
    let answers = raw
        .ask(format!("{head}{}\r\n\r\n", "x".repeat(1_000)))
        .await;
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
    assert!(answers.contains("\"size_bytes\":10"), "{answers}");
    // What came after is no request.
    assert!(answers.contains("HTTP/1.1 400 "), "{answers}");
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u4_an_upload_that_breaks_off_is_none() {
    let (host, witness) = stage(SMALL).await;
    let before = stored(&host).await;
    for headers in [
        "content-length: 1000\r\n",
        "content-length: 18446744073709551615\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        let mut raw = Raw::open(&host).await;
        let body = if headers.starts_with("content") {
            "0123456789"
        } else {
            "a\r\n0123456789\r\n"
        };
        assert!(raw.send(upload("half", headers)).await);
        assert!(raw.send(body).await);
        raw.finish().await;
        let said = raw.rest().await;
        assert!(!said.starts_with("HTTP/1.1 200"), "{headers}: {said}");
        drop(raw);
        cleared(&host).await;
    }
    for headers in [
        "content-length: -1\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 10\r\ncontent-length: 20\r\n",
    ] {
        let mut raw = Raw::open(&host).await;
        let said = raw.ask(upload("lie", headers)).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{headers}: {said}");
    }
    assert_eq!(stored(&host).await, before);
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u4_an_upload_without_end_is_cut_at_what_is_taken() {
    let (host, witness) = stage(SMALL).await;
    let before = stored(&host).await;
    for (name, headers) in [
        ("chunked", "transfer-encoding: chunked\r\n"),
        ("declared", "content-length: 1000000000000\r\n"),
    ] {
        let mut raw = Raw::open(&host).await;
        assert!(raw.send(upload(name, headers)).await);
        let part = "x".repeat(1 << 16);
        let part = if name == "chunked" {
            format!("10000\r\n{part}\r\n")
        } else {
            part
        };
        for _ in 0..17 {
            assert!(raw.send(&part).await, "{name}: it was within the limit");
        }
        let said = raw.until("larger than 1 MiB", 1).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
        // Nobody keeps what is sent now, and nobody listens for long.
        let sending = async { while raw.send(&part).await {} };
        in_time("the connection to be closed", sending).await;
        no_leftovers(&host);
    }
    assert_eq!(stored(&host).await, before);
    goes_on(&host, witness).await;
}
