use std::net::TcpListener;
use std::time::Duration;

use super::stand_in::{Answer, StandIn};
use super::{ask, bedrock, bedrock_with};
use crate::contract::model::{Content, Error, ErrorKind};
use crate::models::Provider as _;
use crate::models::bedrock::Config;

/// What becomes of an error that Bedrock answers with.
async fn error_for(status: u16, code: &str, message: &str) -> (Error, usize) {
    let stand_in = StandIn::start().await;
    for _ in 0..5 {
        stand_in.push(Answer::error(status, code, message));
    }
    let error = bedrock(&stand_in).converse(ask("Hello")).await.unwrap_err();
    (error, stand_in.calls().converse)
}

#[tokio::test]
async fn every_error_of_bedrock_has_its_kind_and_only_passing_ones_are_tried_again() {
    let table = [
        (429, "ThrottlingException", ErrorKind::Throttled, 3),
        (429, "ModelNotReadyException", ErrorKind::Throttled, 3),
        (
            400,
            "ServiceQuotaExceededException",
            ErrorKind::Throttled,
            1,
        ),
        (400, "ValidationException", ErrorKind::Invalid, 1),
        (403, "AccessDeniedException", ErrorKind::Denied, 1),
        (404, "ResourceNotFoundException", ErrorKind::Invalid, 1),
        (403, "ExpiredTokenException", ErrorKind::Unavailable, 1),
        (
            403,
            "UnrecognizedClientException",
            ErrorKind::Unavailable,
            1,
        ),
        (408, "ModelTimeoutException", ErrorKind::Timeout, 1),
        (424, "ModelErrorException", ErrorKind::Unavailable, 1),
        (500, "InternalServerException", ErrorKind::Unavailable, 3),
        (
            503,
            "ServiceUnavailableException",
            ErrorKind::Unavailable,
            3,
        ),
        (502, "SomethingNew", ErrorKind::Unavailable, 3),
        (418, "SomethingElse", ErrorKind::Invalid, 1),
    ];
    for (status, code, kind, calls) in table {
        let (error, called) = error_for(status, code, "as the test says").await;
        assert_eq!(error.kind, kind, "{status} {code}: {error:?}");
        assert_eq!(called, calls, "{status} {code} was sent so often");
        assert_eq!(error.usage, None);
    }
}

/// The budget of the SDK: 500 tokens, of which each further attempt takes 5.
#[tokio::test]
async fn a_tenant_whose_calls_all_fail_spends_its_own_retries_alone() {
    let stand_in = StandIn::start().await;
    let provider = bedrock(&stand_in);
    let of = |tenant: &str| {
        let tenant = tenant.parse().unwrap();
        provider.for_tenant(&tenant).expect("it tells them apart")
    };
    for _ in 0..1_000 {
        stand_in.push(Answer::error(503, "ServiceUnavailableException", "no"));
    }
    let attempts = async |tenant: &str| {
        let before = stand_in.calls().converse;
        of(tenant).converse(ask("Hello")).await.unwrap_err();
        stand_in.calls().converse - before
    };
    let mut spent = 0;
    while attempts("000000000001").await > 1 {
        spent += 1;
        assert!(spent < 100, "there is no end to it");
    }
    assert!(spent > 10, "{spent}");
    assert_eq!(attempts("000000000002").await, 3);
    assert_eq!(attempts("000000000001").await, 1);
}

#[tokio::test]
async fn an_input_that_is_too_long_is_told_apart_from_one_that_is_wrong() {
    for message in [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000",
    ] {
        let (error, _) = error_for(400, "ValidationException", message).await;
        assert_eq!(error.kind, ErrorKind::ContextTooLong, "{message}");
        assert!(error.message.contains(message), "{}", error.message);
    }
}

#[tokio::test]
async fn throttling_that_passes_is_never_seen() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::error(429, "ThrottlingException", "slow down"));
    stand_in.push(Answer::error(503, "ServiceUnavailableException", "not now"));
    stand_in.push(Answer::text("at last"));

    let response = bedrock(&stand_in).converse(ask("Hello")).await.unwrap();

    assert_eq!(response.content, [Content::Text("at last".to_owned())]);
    assert_eq!(stand_in.calls().converse, 3);
}

#[tokio::test]
async fn a_hint_when_to_try_again_is_passed_on_within_bounds() {
    for (header, value, hint) in [
        ("retry-after", "2", Some(2_000)),
        ("retry-after", "0", Some(0)),
        ("retry-after", "1000000000", Some(300_000)),
        ("retry-after", "99999999999999999999999", None),
        ("retry-after", "soon", None),
        ("x-amz-retry-after", "1500", Some(1_500)),
    ] {
        let stand_in = StandIn::start().await;
        stand_in.push(Answer::error(429, "ThrottlingException", "slow down").header(header, value));
        let once = bedrock_with(
            stand_in.endpoint(),
            Config {
                attempts: 1,
                ..Config::default()
            },
        );

        let error = once.converse(ask("Hello")).await.unwrap_err();

        assert_eq!(
            (error.kind, error.retry_after_ms),
            (ErrorKind::Throttled, hint),
            "{header}: {value}"
        );
        assert_eq!(stand_in.calls().converse, 1);
    }
}

#[tokio::test]
async fn messages_tell_no_secret_no_identity_and_no_more_than_a_few_lines() {
    let identity = "User: arn:aws:iam::123456789012:user/mallory is not authorized to perform: bedrock:InvokeModel";
    let (error, _) = error_for(403, "AccessDeniedException", identity).await;
    assert!(
        !error.message.contains("mallory") && !error.message.contains("123456789012"),
        "{}",
        error.message
    );

    let echo = "bad header Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026/bedrock, Signature=abc";
    let (error, _) = error_for(400, "ValidationException", echo).await;
    assert!(
        !error.message.contains("AKIA") && !error.message.contains("abc"),
        "{}",
        error.message
    );

    let long = format!(
        "line one\nline two\u{1b}[31m {} account 123456789012",
        "x".repeat(10_000)
    );
    let (error, _) = error_for(400, "ValidationException", &long).await;
    assert!(
        error.message.chars().count() < 600 && !error.message.contains(char::is_control),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_bought_again() {
    for answer in [
        Answer::text("a long answer").break_after(0),
        Answer::text("a long answer").stop_after(0),
    ] {
        let stand_in = StandIn::start().await;
        stand_in.push(answer);

        let error = bedrock(&stand_in).converse(ask("Hello")).await.unwrap_err();

        assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
        assert_eq!(stand_in.calls().converse, 1);
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_refused_and_not_bought_again() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text(&"x".repeat(2_000)));
    let small = bedrock_with(
        stand_in.endpoint(),
        Config {
            answer_bytes: 1_000,
            ..Config::default()
        },
    );

    let error = small.converse(ask("Hello")).await.unwrap_err();

    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("larger than this server accepts"),
        "{}",
        error.message
    );
    assert_eq!(stand_in.calls().converse, 1);
}

#[tokio::test]
async fn what_is_not_an_answer_of_bedrocks_is_an_error_and_no_panic() {
    let deep = format!(
        r#"{{"output":{{"message":{{"content":[{{"toolUse":{{"input":{}"#,
        "[".repeat(100_000)
    );
    for body in [
        "",
        "{",
        "[]",
        "<html>login</html>",
        r#"{"output":{}}"#,
        deep.as_str(),
    ] {
        let stand_in = StandIn::start().await;
        stand_in.push(Answer::raw(200, "application/json", body.to_owned()));

        let error = bedrock(&stand_in).converse(ask("Hello")).await.unwrap_err();

        assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn silence_ends_in_a_timeout_and_closes_the_call() {
    let stand_in = StandIn::start().await;
    stand_in.push(Answer::text("never").hold());
    let impatient = Config {
        answer_timeout: Duration::from_millis(300),
        ..Config::default()
    };

    let error = bedrock_with(stand_in.endpoint(), impatient)
        .converse(ask("Hello"))
        .await
        .unwrap_err();

    assert_eq!(error.kind, ErrorKind::Timeout);
    stand_in.cut(1).await;
    assert_eq!(stand_in.calls().converse, 1);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);

    let error = bedrock_with(&endpoint, Config::default())
        .converse(ask("Hello"))
        .await
        .unwrap_err();

    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("connection to Bedrock"),
        "{}",
        error.message
    );
}
