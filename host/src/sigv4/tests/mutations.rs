//! Whatever stands where a signature should, an answer is given.

use hyper::http::HeaderValue;

use super::super::keys::sha256;
use super::super::{Claim, Expected};
use super::fixtures::{Body, REGION, Request, SECRET, SERVICE, now};
use super::random::Random;

const ROUNDS: usize = 20_000;

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const BYTES: &[u8] = b"=,;/ \tAZaz09-_.%+&:?\x80\xc3\xa9\xff";
    const WORDS: &[&[u8]] = &[
        b"Credential=",
        b"SignedHeaders=",
        b"Signature=",
        b", ",
        b"AWS4-HMAC-SHA256",
        b"host;",
        b"UNSIGNED-PAYLOAD",
        b"x-amz-",
        b"\xe5\x90\x8d",
    ];
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        let to = (at + random.below(9)).min(bytes.len());
        match random.below(6) {
            0 => bytes.insert(at, random.pick(BYTES)),
            1 if at < bytes.len() => bytes[at] = random.pick(BYTES),
            2 => drop(bytes.drain(at..to)),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            _ => drop(bytes.splice(at..at, random.pick(WORDS).iter().copied())),
        }
    }
}

#[test]
fn a_mutated_signature_gets_an_answer_and_nothing_passes_for_another() {
    let mut random = Random::new(3);
    let expected = Expected {
        region: REGION,
        service: SERVICE,
        now: now(),
    };
    let original = Request::invocation().signed_by_aws(Body::Declared, now());
    let true_claim = Claim::of(&original.incoming()).unwrap().unwrap();
    let (mut read, mut passed) = (0, 0);
    for round in 0..ROUNDS {
        let mut request = original.clone();
        let name = match round % 4 {
            0 => random.pick(&["x-amz-date", "x-amz-content-sha256", "host"]),
            _ => "authorization",
        };
        let mut value = request.headers[name].as_bytes().to_vec();
        mutate(&mut random, &mut value);
        let Ok(value) = HeaderValue::from_bytes(&value) else {
            continue;
        };
        request.headers.insert(name, value);
        if round % 8 == 7 {
            let mut query = request.query.into_bytes();
            mutate(&mut random, &mut query);
            request.query = String::from_utf8_lossy(&query).into_owned();
        }
        let incoming = request.incoming();
        let Ok(Some(claim)) = Claim::of(&incoming) else {
            continue;
        };
        read += 1;
        let verdict = claim.verify(
            &incoming,
            SECRET.as_bytes(),
            Some(sha256(&request.body)),
            &expected,
        );
        if verdict.is_ok() {
            passed += 1;
            assert_eq!(claim.signature, true_claim.signature);
            assert_eq!(claim.signed, true_claim.signed);
            assert_eq!(claim.stamp, true_claim.stamp);
            assert_eq!(claim.body, true_claim.body);
        }
    }
    assert!(
        read > 100,
        "the mutations are too wild to say anything: {read} were read"
    );
    assert!(passed < read, "{passed} of {read} passed");
}

/// Not mutated but made up, so that no byte is in its usual place.
#[test]
fn noise_gets_an_answer() {
    let mut random = Random::new(4);
    for _ in 0..ROUNDS {
        let mut request = Request::invocation();
        for name in [
            "authorization",
            "x-amz-date",
            "date",
            "x-amz-content-sha256",
        ] {
            let mut value = if name == "authorization" {
                b"AWS4-HMAC-SHA256 ".to_vec()
            } else {
                Vec::new()
            };
            for _ in 0..random.below(40) {
                mutate(&mut random, &mut value);
            }
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers.insert(name, value);
            }
        }
        let incoming = request.incoming();
        if let Ok(Some(claim)) = Claim::of(&incoming) {
            let expected = Expected {
                region: REGION,
                service: SERVICE,
                now: now(),
            };
            assert!(
                claim
                    .verify(&incoming, SECRET.as_bytes(), None, &expected)
                    .is_err()
            );
        }
    }
}
