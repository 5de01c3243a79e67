//! Texts that are no tokens, and tokens that were changed.

use super::issuer::{Page, encode};
use super::*;

/// A generator whose sequence is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[tokio::test]
async fn texts_that_are_no_tokens_are_refused_before_anybody_is_asked() {
    let stage = Stage::new().await;
    let good = stage.key.token(&stage.claims());
    let part = |text: &str| encode(text.as_bytes());
    let (header, rest) = good.split_once('.').unwrap();
    let with_header = |header: &str| format!("{}.{rest}", part(header));
    let deep = format!("{{\"alg\": {}", "[".repeat(5_000));
    let texts = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        format!(" {good}"),
        format!("{good}.{rest}"),
        format!("{header}=.{rest}"),
        good.replace('.', "\u{2024}"),
        "é.é.é".to_owned(),
        with_header(""),
        with_header("[]"),
        with_header("null"),
        with_header("{}"),
        with_header("{\"alg\": 7}"),
        with_header("{\"alg\": null}"),
        with_header("{\"alg\": [\"ES256\"]}"),
        with_header("{\"alg\": \"ES256\", \"kid\": 7}"),
        with_header("{\"alg\": \"ES256\", \"kid\": \"first\"} "),
        with_header(&deep),
        "a".repeat(16 * 1024 + 1),
        format!("{header}.{}.{}", "a".repeat(16 * 1024), "b"),
    ];
    for text in &texts {
        let outcome = stage.verify(text).await;
        // A header with white space behind it is one, though not the one that was signed.
        assert!(
            matches!(outcome, Err(Refused::Invalid(_))),
            "{text}: {outcome:?}"
        );
    }
    assert!(stage.issuer.asked(Page::Discovery) <= 1);
    assert!(stage.verify(&good).await.is_ok());
}

#[tokio::test]
async fn claims_that_are_none_are_refused_though_they_are_signed() {
    let stage = Stage::new().await;
    for claims in [json!([]), json!("text"), json!(7), json!(null), json!({})] {
        let token = stage.key.token(&claims);
        let outcome = stage.verify(&token).await;
        assert!(
            matches!(outcome, Err(Refused::Invalid(_))),
            "{claims}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_token_has_16_kib_at_most() {
    let stage = Stage::new().await;
    let (mut fitting, mut longer) = (0, 0);
    // Three bytes of a claim are four of a token, so that some lengths do not occur.
    for padding in 11_950..12_300 {
        let claims = stage.claims_with("padding", json!("x".repeat(padding)));
        let token = stage.key.token(&claims);
        let outcome = stage.verify(&token).await;
        if token.len() <= 16 * 1024 {
            assert!(outcome.is_ok(), "{}: {outcome:?}", token.len());
            fitting += 1;
        } else {
            assert_invalid(&outcome, "longer than 16 KiB");
            longer += 1;
        }
    }
    assert!(fitting > 0 && longer > 0, "{fitting} {longer}");
}

#[tokio::test]
async fn changed_tokens_are_refused_and_nothing_panics() {
    let stage = Stage::new().await;
    stage.issuer.publish(&[&stage.key, &*RSA]);
    let tokens = [stage.key.token(&stage.claims()), RSA.token(&stage.claims())];
    for token in &tokens {
        assert!(stage.verify(token).await.is_ok());
    }
    let mut random = Random(0x5eed);
    let alphabet: Vec<char> = ('a'..='z')
        .chain('A'..='Z')
        .chain('0'..='9')
        .chain("-_=.+/ \0é\u{fffd}".chars())
        .collect();
    for round in 0..5_000 {
        let original = &tokens[round % tokens.len()];
        let mut token: Vec<char> = original.chars().collect();
        for _ in 0..=random.below(3) {
            if token.len() < 2 {
                break;
            }
            let at = random.below(token.len());
            let other = alphabet[random.below(alphabet.len())];
            match random.below(5) {
                0 => token[at] = other,
                1 => token.insert(at, other),
                2 => drop(token.remove(at)),
                3 => token.truncate(at.max(1)),
                _ => {
                    let to = random.below(token.len());
                    token.swap(at, to);
                }
            }
        }
        let token: String = token.into_iter().collect();
        if token == *original {
            continue;
        }
        let outcome = stage.verify(&token).await;
        assert!(
            matches!(outcome, Err(Refused::Invalid(_))),
            "{token}: {outcome:?}"
        );
    }
}
