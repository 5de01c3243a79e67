//! A13: which signatures count.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::issuer::{Answer, Page, encode, unsigned};
use super::*;

#[tokio::test]
async fn a13_every_accepted_algorithm_verifies_with_a_key_of_its_type() {
    let stage = Stage::new().await;
    let (p384, ed25519) = (SigningKey::p384("p384"), SigningKey::ed25519("ed"));
    stage.issuer.publish(&[&*RSA, &stage.key, &p384, &ed25519]);
    let cases: [(&SigningKey, &[&str]); 4] = [
        (
            &*RSA,
            &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        ),
        (&stage.key, &["ES256"]),
        (&p384, &["ES384"]),
        (&ed25519, &["EdDSA"]),
    ];
    for (key, algorithms) in cases {
        for algorithm in algorithms {
            let header = json!({ "alg": algorithm, "kid": key.kid() });
            let token = key.token_with(&header, &stage.claims());
            let outcome = stage.verify(&token).await;
            assert!(outcome.is_ok(), "{algorithm}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a13_a_token_without_a_signature_is_refused() {
    let stage = Stage::new().await;
    for algorithm in ["none", "None", "NoNe", "NONE", ""] {
        let header = json!({ "alg": algorithm, "kid": "first" });
        let unsigned = unsigned(&header, &stage.claims());
        let signed = stage.key.token_with(&header, &stage.claims());
        for token in [format!("{unsigned}."), unsigned, signed] {
            assert!(
                matches!(stage.verify(&token).await, Err(Refused::Invalid(_))),
                "{algorithm}"
            );
        }
    }
    // An accepted algorithm and an empty signature.
    let header = json!({ "alg": "ES256", "kid": "first" });
    let token = format!("{}.", unsigned(&header, &stage.claims()));
    assert_invalid(&stage.verify(&token).await, "signature is not valid");
}

#[tokio::test]
async fn a13_a_public_key_is_no_shared_secret() {
    let stage = Stage::new().await;
    stage.issuer.publish(&[&*RSA]);
    let der = RSA.public().to_vec();
    let pem = |label: &str| {
        let lines: Vec<String> = STANDARD
            .encode(&der)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        let lines = lines.join("\n");
        format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n").into_bytes()
    };
    let modulus = RSA.jwk()["n"].as_str().unwrap().as_bytes().to_vec();
    let secrets = [
        der.clone(),
        pem("RSA PUBLIC KEY"),
        pem("PUBLIC KEY"),
        modulus,
    ];
    let algorithms = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    for secret in &secrets {
        for (name, algorithm) in algorithms {
            let signed = unsigned(&json!({ "alg": name, "kid": "rsa" }), &stage.claims());
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
            let token = format!("{signed}.{}", encode(tag.as_ref()));
            assert_invalid(&stage.verify(&token).await, "algorithm is not accepted");
        }
    }
}

#[tokio::test]
async fn a13_a_shared_secret_that_the_issuer_publishes_is_not_used() {
    let stage = Stage::new().await;
    let secret = b"a secret that everybody can read";
    let key = json!({ "kty": "oct", "kid": "first", "k": encode(secret), "alg": "HS256" });
    let keys = json!({ "keys": [key] });
    stage.issuer.answer(Page::Keys, Answer::Document(keys));
    let signed = unsigned(&json!({ "alg": "HS256", "kid": "first" }), &stage.claims());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    let token = format!("{signed}.{}", encode(tag.as_ref()));
    assert_invalid(&stage.verify(&token).await, "algorithm is not accepted");
}

#[tokio::test]
async fn a13_a_signature_of_zeros_is_refused() {
    let stage = Stage::new().await;
    let (p384, ed25519) = (SigningKey::p384("p384"), SigningKey::ed25519("ed"));
    stage.issuer.publish(&[&*RSA, &stage.key, &p384, &ed25519]);
    for (key, bytes) in [(&stage.key, 64), (&p384, 96), (&ed25519, 64), (&*RSA, 256)] {
        let header = json!({ "alg": key.algorithm(), "kid": key.kid() });
        let signed = unsigned(&header, &stage.claims());
        for value in [0, 0xff] {
            let token = format!("{signed}.{}", encode(&vec![value; bytes]));
            assert_invalid(&stage.verify(&token).await, "signature is not valid");
        }
    }
}

#[tokio::test]
async fn a13_an_algorithm_that_does_not_fit_the_keys_type_is_refused() {
    let stage = Stage::new().await;
    let (p384, ed25519) = (SigningKey::p384("p384"), SigningKey::ed25519("ed"));
    let keys = [&*RSA, &stage.key, &p384, &ed25519];
    stage.issuer.publish(&keys);
    for key in keys {
        for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
            let own = key.algorithm() == algorithm || (key.kid() == "rsa" && algorithm == "PS256");
            if own {
                continue;
            }
            let header = json!({ "alg": algorithm, "kid": key.kid() });
            let token = key.token_with(&header, &stage.claims());
            assert_invalid(&stage.verify(&token).await, "no key that fits");
        }
    }
}

#[tokio::test]
async fn a13_a_key_is_used_only_for_what_its_issuer_says() {
    let stage = Stage::new().await;
    let cases = [
        ("alg", json!("RS256"), true),
        ("alg", json!("PS256"), false),
        ("alg", json!("RSA-OAEP"), false),
        ("alg", json!("ES256"), false),
        ("alg", json!("none"), false),
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["encrypt", "wrapKey"]), false),
        ("key_ops", json!([]), false),
        ("kty", json!("EC"), false),
        ("kty", json!(7), false),
    ];
    for (member, value, accepted) in cases {
        let mut key = RSA.jwk();
        key[member] = value.clone();
        let keys = json!({ "keys": [key] });
        stage.issuer.answer(Page::Keys, Answer::Document(keys));
        let tokens = tokens(true, &stage.clock);
        let token = RSA.token(&stage.claims());
        let outcome = tokens.verify(&stage.rules(), &token).await;
        assert_eq!(outcome.is_ok(), accepted, "{member} {value}: {outcome:?}");
    }
}

#[tokio::test]
async fn a13_another_key_under_the_same_name_does_not_verify() {
    let stage = Stage::new().await;
    let forger = SigningKey::p256("first");
    let token = forger.token(&stage.claims());
    assert_invalid(&stage.verify(&token).await, "signature is not valid");
}

#[tokio::test]
async fn a_token_that_names_no_key_leaves_no_choice() {
    let stage = Stage::new().await;
    let token = stage
        .key
        .token_with(&json!({ "alg": "ES256" }), &stage.claims());
    assert!(stage.verify(&token).await.is_ok());
    stage
        .issuer
        .publish(&[&stage.key, &SigningKey::p256("second")]);
    stage.clock.advance(Duration::from_secs(600));
    assert_invalid(&stage.verify(&token).await, "no key that fits");
}

#[tokio::test]
async fn a15_keys_that_a_token_brings_along_are_not_used() {
    let stage = Stage::new().await;
    let forger = SigningKey::p256("forger");
    let elsewhere = Issuer::start(&[&forger]).await;
    for kid in ["first", "forger"] {
        let header = json!({
            "alg": "ES256",
            "kid": kid,
            "jku": format!("{}/keys", elsewhere.name()),
            "x5u": format!("{}/keys", elsewhere.name()),
            "jwk": forger.jwk(),
        });
        let token = forger.token_with(&header, &stage.claims());
        assert!(matches!(
            stage.verify(&token).await,
            Err(Refused::Invalid(_))
        ));
    }
    assert_eq!(elsewhere.asked(Page::Keys), 0);
    // What they say does not matter: with the issuer's own signature the token is good.
    let header = json!({ "alg": "ES256", "kid": "first", "jwk": forger.jwk() });
    let token = stage.key.token_with(&header, &stage.claims());
    assert!(stage.verify(&token).await.is_ok());
}

#[tokio::test]
async fn what_must_be_understood_and_is_not_is_refused() {
    let stage = Stage::new().await;
    for crit in [json!(["exp"]), json!([]), json!(null)] {
        let header = json!({ "alg": "ES256", "kid": "first", "crit": crit });
        let token = stage.key.token_with(&header, &stage.claims());
        assert_invalid(&stage.verify(&token).await, "crit");
    }
}
