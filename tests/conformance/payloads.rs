//! What goes in.

use serde_json::{Value, json};

use super::Stage;

pub(super) async fn come_back_unchanged(stage: &Stage) {
    let session = stage.session("payloads");
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_991_i64),
        json!(1.5),
        json!(-2.5e-3),
        json!(1e300),
        json!(""),
        json!("é 😀 \u{0} \u{7f} \" \\ / \u{2028} 汉字"),
        json!([]),
        json!({}),
        json!([[[[]]], {"": {"a": [1, null]}}]),
        json!({ "ключ": "значение", "a b": 1 }),
    ];
    for value in values {
        let back = session.ask(json!({ "do": "echo", "value": value })).await;
        assert_eq!(back, value, "{:?}", stage.language);
    }
    for large in [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX)] {
        let back = session.ask(json!({ "do": "echo", "value": large })).await;
        assert_eq!(back, large, "{:?}", stage.language);
    }
    let deep = (0..50).fold(json!(1), |inner, _| json!([inner]));
    let back = session.ask(json!({ "do": "echo", "value": deep })).await;
    assert_eq!(back, deep);

    let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let request = session.invocation(bytes.clone());
    let request = request.header("content-type", "application/octet-stream");
    let reply = stage.host.send(request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert_eq!(reply.body, bytes);
}

pub(super) async fn that_do_not_fit_are_refused(stage: &Stage) {
    let session = stage.session("misfits");
    let kept = session.ask(json!({ "do": "keep", "kib": 3 })).await;
    let misfits: [(Value, &str); 4] = [
        (json!({ "do": "juggle" }), "juggle"),
        (json!({ "do": "echo" }), "value"),
        (json!({ "do": "fail", "message": 7 }), ""),
        (json!([1, 2]), ""),
    ];
    for (payload, named) in misfits {
        let reply = session.invoke(payload.clone()).await;
        assert_eq!(reply.status, 424, "{payload}: {reply:?}");
        reply.assert_refused(424, "RuntimeClientError", named);
    }
    assert_eq!(session.ask(json!({ "do": "keep", "kib": 0 })).await, kept);
}

pub(super) async fn that_are_hostile_are_refused(stage: &Stage) {
    let session = stage.session("hostile");
    let kept = session.ask(json!({ "do": "keep", "kib": 3 })).await;
    let echo = |value: &str| format!("{{\"do\": \"echo\", \"value\": {value}}}").into_bytes();
    let hostile: [Vec<u8>; 7] = [
        b"".to_vec(),
        b"{\"do\": \"count\"".to_vec(),
        b"{\"do\": \"count\"} {}".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"do\": \"echo\", \"value\": \"\xc3\x28\"}".to_vec(),
        "[".repeat(5_000).into_bytes(),
        echo(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
    ];
    for payload in hostile {
        let shown = String::from_utf8_lossy(&payload[..payload.len().min(60)]).into_owned();
        let request = session.invocation(payload);
        let request = request.header("content-type", "application/json");
        let reply = stage.host.send(request).await;
        assert_eq!(reply.status, 424, "{shown}: {reply:?}");
    }
    // Whether such a turn counts is the language's own affair; the memory is there in any case.
    assert_eq!(session.ask(json!({ "do": "keep", "kib": 0 })).await, kept);
}

pub(super) async fn may_be_large(stage: &Stage) {
    let session = stage.session("large");
    let text = "0123456789abcdef".repeat(10 << 16);
    let back = session.ask(json!({ "do": "echo", "value": text })).await;
    assert!(back == text, "10 MiB of text came back otherwise");
    let reply = session
        .invoke(json!({ "do": "large", "bytes": 10 << 20 }))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.len(), 10 << 20);
    assert!(reply.body.iter().all(|byte| *byte == b'x'));
    assert_eq!(session.count().await, 3);
}
