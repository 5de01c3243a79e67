//! A17: keys come and go, issuers go away, and neither is asked more than needed.

use futures::future::join_all;

use super::issuer::{Answer, Page};
use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a17_a_key_that_was_rotated_out_is_refused_when_the_keys_are_read_again() {
    let stage = Stage::new().await;
    let token = stage.key.token(&stage.claims());
    assert!(stage.verify(&token).await.is_ok());
    stage.issuer.publish(&[&SigningKey::p256("second")]);
    // The token is good for an hour; its key is believed in for ten minutes.
    stage.clock.advance(seconds(599));
    assert!(stage.verify(&token).await.is_ok());
    stage.clock.advance(seconds(1));
    assert_invalid(&stage.verify(&token).await, "no key that fits");
    assert_eq!(stage.issuer.asked(Page::Keys), 2);
}

#[tokio::test]
async fn a17_old_and_new_keys_work_side_by_side() {
    let stage = Stage::new().await;
    let second = SigningKey::ed25519("second");
    assert!(stage.verify_good().await.is_ok());
    stage.issuer.publish(&[&stage.key, &second]);
    stage.clock.advance(seconds(30));
    // The new key is asked for when the first token with it comes, without waiting for ten minutes.
    assert!(stage.verify(&second.token(&stage.claims())).await.is_ok());
    assert!(stage.verify_good().await.is_ok());
    assert_eq!(stage.issuer.asked(Page::Keys), 2);
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_in_30_seconds() {
    let stage = Stage::new().await;
    assert!(stage.verify_good().await.is_ok());
    let forged: Vec<String> = (0..20)
        .map(|number| SigningKey::p256(&format!("forged-{number}")).token(&stage.claims()))
        .collect();
    for (after, fetches) in [(0, 1), (29, 1), (1, 2), (29, 2), (1, 3)] {
        stage.clock.advance(seconds(after));
        for token in &forged {
            assert_invalid(&stage.verify(token).await, "no key that fits");
        }
        assert_eq!(stage.issuer.asked(Page::Keys), fetches);
    }
    // Together they cause no more.
    stage.clock.advance(seconds(30));
    let outcomes = join_all(forged.iter().map(|token| stage.verify(token))).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(stage.issuer.asked(Page::Keys), 4);
    assert!(stage.verify_good().await.is_ok());
    assert_eq!(stage.issuer.asked(Page::Keys), 4);
}

#[tokio::test]
async fn fifty_tokens_at_once_cause_one_fetch() {
    let stage = Stage::new().await;
    let token = stage.key.token(&stage.claims());
    let outcomes = join_all((0..50).map(|_| stage.verify(&token))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(stage.issuer.asked(Page::Discovery), 1);
    assert_eq!(stage.issuer.asked(Page::Keys), 1);
}

#[tokio::test]
async fn fifty_tokens_at_once_cause_one_fetch_that_fails() {
    let stage = Stage::new().await;
    stage.issuer.answer(Page::Keys, Answer::Status(500));
    let token = stage.key.token(&stage.claims());
    let outcomes = join_all((0..50).map(|_| stage.verify(&token))).await;
    for outcome in &outcomes {
        assert_unavailable(outcome, "did not answer with a document");
    }
    assert_eq!(stage.issuer.asked(Page::Keys), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_begin_a_fetch_again() {
    let stage = Stage::new().await;
    let token = stage.key.token(&stage.claims());
    stage.issuer.answer(Page::Discovery, Answer::Nothing);
    for _ in 0..20 {
        // Leaves when the issuer was asked, by this caller or by one before, and a while after.
        let leave = async {
            while stage.issuer.asked(Page::Discovery) == 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            outcome = stage.verify(&token) => panic!("{outcome:?}"),
            () = leave => {}
        }
    }
    assert_eq!(stage.issuer.asked(Page::Discovery), 1);
}

#[tokio::test]
async fn a_fetch_that_failed_is_not_tried_again_for_10_seconds() {
    let stage = Stage::new().await;
    stage.issuer.answer(Page::Discovery, Answer::Status(503));
    for (after, fetches) in [(0, 1), (9, 1), (1, 2)] {
        stage.clock.advance(seconds(after));
        assert!(matches!(
            stage.verify_good().await,
            Err(Refused::Unavailable(_))
        ));
        assert_eq!(stage.issuer.asked(Page::Discovery), fetches);
    }
    let document = json!({
        "issuer": stage.issuer.name(),
        "jwks_uri": format!("{}/keys", stage.issuer.name()),
    });
    stage
        .issuer
        .answer(Page::Discovery, Answer::Document(document));
    stage.clock.advance(seconds(10));
    assert!(stage.verify_good().await.is_ok());
}

#[tokio::test]
async fn keys_are_used_for_an_hour_when_the_issuer_is_down() {
    let stage = Stage::new().await;
    let token = stage
        .key
        .token(&stage.claims_with("exp", json!(NOW + 100_000)));
    assert!(stage.verify(&token).await.is_ok());
    stage.issuer.answer(Page::Keys, Answer::Status(500));
    for after in [600, 5, 2_994] {
        stage.clock.advance(seconds(after));
        assert!(stage.verify(&token).await.is_ok());
    }
    stage.clock.advance(seconds(1));
    assert_unavailable(&stage.verify(&token).await, "did not answer");
    stage.issuer.publish(&[&stage.key]);
    stage.clock.advance(seconds(10));
    assert!(stage.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_refused_when_the_issuer_is_down() {
    let stage = Stage::new().await;
    assert!(stage.verify_good().await.is_ok());
    stage.issuer.answer(Page::Keys, Answer::Status(500));
    stage.clock.advance(seconds(30));
    let token = SigningKey::p256("second").token(&stage.claims());
    assert_invalid(&stage.verify(&token).await, "no key that fits");
    assert!(stage.verify_good().await.is_ok());
}

#[tokio::test]
async fn issuers_are_told_apart() {
    let stage = Stage::new().await;
    let other = Stage::new().await;
    // Both name their key "first".
    let token = other.key.token(&other.claims());
    assert_invalid(&stage.verify(&token).await, "signature is not valid");
    let outcome = stage.tokens.verify(&other.rules(), &token).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let token = other.key.token(&stage.claims());
    assert_invalid(&stage.verify(&token).await, "signature is not valid");
}
