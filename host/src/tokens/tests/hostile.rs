//! A15: issuers that misbehave, and places that are no issuers.

use futures::FutureExt as _;
use tokio::net::TcpListener;

use super::issuer::{Answer, Page};
use super::*;

#[tokio::test]
async fn a15_a_redirection_is_not_followed() {
    let other = Stage::new().await;
    for (page, path) in [
        (Page::Discovery, "/.well-known/openid-configuration"),
        (Page::Keys, "/keys"),
    ] {
        let stage = Stage::new().await;
        let place = format!("{}{path}", other.issuer.name());
        stage.issuer.answer(page, Answer::Redirect(place));
        assert_unavailable(&stage.verify_good().await, "did not answer with a document");
        assert_eq!(stage.issuer.asked(page), 1);
        assert_eq!(other.issuer.asked(page), 0);
    }
}

#[tokio::test]
async fn a15_an_endless_document_is_cut_off() {
    for page in [Page::Discovery, Page::Keys] {
        let stage = Stage::new().await;
        stage.issuer.answer(page, Answer::Endless);
        assert_unavailable(&stage.verify_good().await, "larger than 256 KiB");
        // More than was read may lie in the buffers of sockets, but nowhere near a GiB.
        assert!(stage.issuer.sent() < 64 << 20, "{}", stage.issuer.sent());
    }
}

#[tokio::test]
async fn a15_a_document_may_have_256_kib_and_no_more() {
    for (size, fits) in [(256 * 1024, true), (256 * 1024 + 1, false)] {
        let stage = Stage::new().await;
        let mut keys = issuer::key_set(&[&stage.key]).to_string();
        keys.push_str(&" ".repeat(size - keys.len()));
        stage.issuer.answer(Page::Keys, Answer::Text(keys));
        assert_eq!(stage.verify_good().await.is_ok(), fits, "{size}");
    }
}

#[tokio::test]
async fn a15_an_issuer_that_does_not_answer_is_given_up() {
    for page in [Page::Discovery, Page::Keys] {
        let mut stage = Stage::new().await;
        stage.issuer.answer(page, Answer::Nothing);
        let config = Config {
            allow_private_issuers: true,
            ..Config::default()
        };
        let clock = Arc::new(stage.clock.clone());
        stage.tokens = Tokens::with_timeout(&config, clock, Duration::from_secs(2));
        assert_unavailable(&stage.verify_good().await, "cannot be reached");
        assert_eq!(stage.issuer.asked(page), 1);
    }
}

#[tokio::test]
async fn a15_an_issuer_has_a_hundred_keys_at_most() {
    for (others, fits) in [(99, true), (100, false), (1_000, false)] {
        let stage = Stage::new().await;
        let mut keys = vec![stage.key.jwk()];
        keys.resize(others + 1, json!({ "kty": "oct", "k": "" }));
        let keys = json!({ "keys": keys });
        stage.issuer.answer(Page::Keys, Answer::Document(keys));
        let outcome = stage.verify_good().await;
        if fits {
            assert!(outcome.is_ok(), "{outcome:?}");
        } else {
            assert_unavailable(&outcome, "more than 100 keys");
        }
    }
    // Ten thousand real keys are more than the document may hold.
    let stage = Stage::new().await;
    let keys = json!({ "keys": vec![RSA.jwk(); 10_000] });
    stage.issuer.answer(Page::Keys, Answer::Document(keys));
    assert_unavailable(&stage.verify_good().await, "larger than 256 KiB");
}

#[tokio::test]
async fn a15_documents_that_are_none_are_refused() {
    let nested = "[".repeat(100_000);
    for text in ["", "{", "[]", "null", "{\"keys\": 7}", &nested] {
        for page in [Page::Discovery, Page::Keys] {
            let stage = Stage::new().await;
            stage.issuer.answer(page, Answer::Text(text.to_owned()));
            assert_unavailable(&stage.verify_good().await, "the issuer's");
        }
    }
    for status in [204, 404, 500] {
        let stage = Stage::new().await;
        stage.issuer.answer(Page::Keys, Answer::Status(status));
        assert!(matches!(
            stage.verify_good().await,
            Err(Refused::Unavailable(_))
        ));
    }
}

#[tokio::test]
async fn a15_keys_that_are_none_are_left_out() {
    let stage = Stage::new().await;
    let mut short = stage.key.jwk();
    short["x"] = json!("AAAA");
    let mut nonsense = RSA.jwk();
    nonsense["n"] = json!("not base64!");
    let keys = json!({ "keys": [7, null, {}, { "kty": "EC" }, short, nonsense, stage.key.jwk()] });
    stage.issuer.answer(Page::Keys, Answer::Document(keys));
    assert!(stage.verify_good().await.is_ok());
}

#[tokio::test]
async fn a15_an_issuer_vouches_for_its_own_name_only() {
    let stage = Stage::new().await;
    let document = json!({
        "issuer": "https://another.example.com",
        "jwks_uri": format!("{}/keys", stage.issuer.name()),
    });
    stage
        .issuer
        .answer(Page::Discovery, Answer::Document(document));
    assert_invalid(&stage.verify_good().await, "issuer (iss)");
    let claims = stage.claims_with("iss", json!("https://another.example.com"));
    assert!(stage.verify(&stage.key.token(&claims)).await.is_ok());
}

#[tokio::test]
async fn a15_only_https_reaches_an_issuer_unless_the_operator_allows_more() {
    let stage = Stage::new().await;
    let tokens = tokens(false, &stage.clock);
    let token = stage.key.token(&stage.claims());
    let outcome = tokens.verify(&stage.rules(), &token).await;
    assert_unavailable(&outcome, "https://");
    assert_eq!(stage.issuer.asked(Page::Discovery), 0);
    // Nor does a document lead to another kind of place.
    for place in ["file:///etc/passwd", "ftp://127.0.0.1/keys", "/keys", ""] {
        let stage = Stage::new().await;
        let document = json!({ "issuer": stage.issuer.name(), "jwks_uri": place });
        stage
            .issuer
            .answer(Page::Discovery, Answer::Document(document));
        assert_unavailable(&stage.verify_good().await, "the issuer's URL");
    }
}

#[tokio::test]
async fn a15_addresses_inside_are_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let clock = ManualClock::new(Timestamp::from_millis(NOW * 1_000));
    let token = SigningKey::p256("first").token(&json!({}));
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ];
    let url = |host: &str| format!("https://{host}:{port}/.well-known/openid-configuration");
    for host in hosts {
        let outcome = tokens(false, &clock)
            .verify(&rules(&url(host)), &token)
            .await;
        assert_unavailable(&outcome, "not public");
    }
    // A name is told by what it resolves to.
    for host in ["localhost", "LOCALHOST", "localhost."] {
        let outcome = tokens(false, &clock)
            .verify(&rules(&url(host)), &token)
            .await;
        assert_unavailable(&outcome, "cannot be reached");
    }
    let accepted = listener.accept().now_or_never();
    assert!(accepted.is_none(), "something was connected to");

    // The same name is connected to when the operator allows it: here is something that could have been found.
    let allowing = tokens(true, &clock);
    let rules = rules(&url("localhost"));
    let verifying = allowing.verify(&rules, &token);
    let refusing = async { drop(listener.accept().await.unwrap()) };
    let (outcome, ()) = futures::future::join(verifying, refusing).await;
    assert_unavailable(&outcome, "cannot be reached");
}
