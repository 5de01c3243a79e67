//! From when and until when a token counts.

use super::*;

#[tokio::test]
async fn a_token_ends_30_seconds_after_its_expiry() {
    let stage = Stage::new().await;
    let cases = [
        (json!(NOW), true),
        (json!(NOW - 29), true),
        (json!(NOW - 30), false),
        (json!(NOW as f64 - 29.9), true),
        (json!(NOW as f64 - 30.1), false),
        (json!(0), false),
        (json!(-1), false),
        (json!(-1e300), false),
        (json!(1e300), true),
        (json!(u64::MAX), true),
    ];
    for (exp, accepted) in cases {
        let token = stage.key.token(&stage.claims_with("exp", exp.clone()));
        let outcome = stage.verify(&token).await;
        if accepted {
            assert!(outcome.is_ok(), "{exp}: {outcome:?}");
        } else {
            assert_invalid(&outcome, "expired");
        }
    }
}

#[tokio::test]
async fn a_token_begins_30_seconds_before_it_says() {
    let stage = Stage::new().await;
    let cases = [
        (json!(NOW), true),
        (json!(NOW + 30), true),
        (json!(NOW + 31), false),
        (json!(NOW as f64 + 30.5), false),
        (json!(u64::MAX), false),
        (json!(-1), true),
    ];
    for (nbf, accepted) in cases {
        let token = stage.key.token(&stage.claims_with("nbf", nbf.clone()));
        let outcome = stage.verify(&token).await;
        if accepted {
            assert!(outcome.is_ok(), "{nbf}: {outcome:?}");
        } else {
            assert_invalid(&outcome, "not valid yet");
        }
    }
}

#[tokio::test]
async fn a_token_has_an_expiry_and_times_are_numbers() {
    let stage = Stage::new().await;
    let mut without = stage.claims();
    without.as_object_mut().unwrap().remove("exp");
    let token = stage.key.token(&without);
    assert_invalid(&stage.verify(&token).await, "no expiry");
    for value in [
        json!("soon"),
        json!("1900000000"),
        json!(null),
        json!([1]),
        json!({}),
    ] {
        for name in ["exp", "nbf"] {
            let token = stage.key.token(&stage.claims_with(name, value.clone()));
            assert_invalid(&stage.verify(&token).await, "numbers of seconds");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_good_expires_by_the_clock() {
    let stage = Stage::new().await;
    let token = stage.key.token(&stage.claims());
    stage.clock.advance(Duration::from_secs(3_629));
    assert!(stage.verify(&token).await.is_ok());
    stage.clock.advance(Duration::from_secs(1));
    assert_invalid(&stage.verify(&token).await, "expired");
}
