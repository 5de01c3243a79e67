//! The attacks on signatures, by their numbers in the threat model.

use std::time::Duration;

use super::super::keys::{hex, sha256};
use super::super::{BodyHash, Claim, Expected, Refusal, Signer, SigningIdentity};
use super::fixtures::{Body, KEY, NOW, REGION, Request, SECRET, SERVICE, SESSION_ID, at, now};

const SHA256: &str = "x-amz-content-sha256";

fn signed() -> Request {
    Request::invocation().signed_by_aws(Body::Declared, now())
}

fn covered() -> Request {
    Request::invocation().signed_by_aws(Body::Covered, now())
}

fn expected() -> Expected<'static> {
    Expected {
        region: REGION,
        service: SERVICE,
        now: now(),
    }
}

fn claim(request: &Request) -> Claim {
    Claim::of(&request.incoming()).unwrap().unwrap()
}

#[test]
fn a8_a_signature_replayed_after_five_minutes_has_expired() {
    let request = signed();
    assert_eq!(request.verified(now() + Duration::from_secs(300)), Ok(()));
    assert_eq!(
        request.verified(now() + Duration::from_secs(301)),
        Err(Refusal::Invalid(
            "Signature expired: 20261123T120000Z is now earlier than 20261123T120001Z (20261123T120501Z - 5 min.)".to_owned()
        ))
    );
    // A younger date cannot be put on an old signature.
    let mut young = request;
    young.set("x-amz-date", "20261123T120500Z");
    assert!(young.verified(now() + Duration::from_secs(301)).is_err());
}

#[test]
fn a9_the_edges_of_the_window_are_exact() {
    for (clock, verdict) in [
        (-16 * 60, Some("Signature expired: ")),
        (-6 * 60, Some("Signature expired: ")),
        (-301, Some("Signature expired: ")),
        (-300, None),
        (-299, None),
        (-4 * 60, None),
        (0, None),
        (4 * 60, None),
        (299, None),
        (300, None),
        (301, Some("Signature not yet current: ")),
        (6 * 60, Some("Signature not yet current: ")),
        (16 * 60, Some("Signature not yet current: ")),
    ] {
        let by = Duration::from_secs(u64::from(i32::unsigned_abs(clock)));
        let theirs = if clock < 0 { now() - by } else { now() + by };
        let request = Request::invocation().signed_by_aws(Body::Covered, theirs);
        match (verdict, request.verified(now())) {
            (None, Ok(())) => {}
            (Some(start), Err(Refusal::Invalid(message))) if message.starts_with(start) => {}
            (_, other) => panic!("a clock off by {clock} s: {other:?}"),
        }
    }
    // What is below a second does not count.
    let half = now() + Duration::from_millis(300_999);
    assert_eq!(signed().verified(half), Ok(()));
}

#[test]
fn a9_the_window_is_the_same_over_midnight() {
    let request = Request::invocation().signed_by_aws(Body::Covered, at("20261123T235959Z"));
    assert_eq!(request.verified(at("20261124T000459Z")), Ok(()));
    assert!(request.verified(at("20261124T000500Z")).is_err());
}

#[test]
fn a10_another_body_than_the_signed_one_is_refused() {
    for body in [Body::Declared, Body::Covered] {
        let mut request = Request::invocation().signed_by_aws(body, now());
        request.body = b"{}".to_vec();
        assert!(request.verified(now()).is_err(), "{body:?}");
    }
    let request = signed();
    let hash = claim(&request).body_hash();
    assert_eq!(hash, BodyHash::Declared(sha256(&request.body)));
    assert_eq!(hash.check(&sha256(&request.body)), Ok(()));
    assert_eq!(
        hash.check(&sha256(b"{}")),
        Err(Refusal::Invalid(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
                .to_owned()
        ))
    );
}

#[test]
fn a10_a_declared_hash_is_verified_before_the_body_is_read() {
    let request = signed();
    let incoming = request.incoming();
    let verdict = claim(&request).verify(&incoming, SECRET.as_bytes(), None, &expected());
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a10_without_a_hash_the_signature_waits_for_the_body() {
    let request = covered();
    assert_eq!(claim(&request).body_hash(), BodyHash::Needed);
    assert_eq!(request.verified(now()), Ok(()));
    let verdict = claim(&request).verify(&request.incoming(), SECRET.as_bytes(), None, &expected());
    assert!(matches!(verdict, Err(Refusal::Invalid(_))), "{verdict:?}");
}

#[test]
fn a10_bodies_that_are_unsigned_or_signed_in_chunks_are_refused() {
    for text in [
        "UNSIGNED-PAYLOAD",
        "unsigned-payload",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        "",
        "e3b0c44298fc1c149afbf4c8996fb924",
        &hex(&sha256(b"")).to_uppercase(),
    ] {
        let mut request = Request::invocation();
        request.set(SHA256, text);
        let request = request.signed_by_aws(Body::Covered, now());
        assert!(
            request
                .invalid()
                .contains("must be the SHA-256 of the body"),
            "{text}"
        );
    }
    let mut twice = Request::invocation();
    for _ in 0..2 {
        twice.add(SHA256, &hex(&sha256(&twice.body)));
    }
    assert!(
        twice
            .signed_by_aws(Body::Covered, now())
            .invalid()
            .contains("once")
    );
}

#[test]
fn a12_another_scope_is_refused_in_its_own_words() {
    for (old, new, message) in [
        (
            "/us-west-2/",
            "/eu-west-1/",
            "Credential should be scoped to a valid region, not 'eu-west-1'. Use 'us-west-2'.",
        ),
        (
            "/bedrock-agentcore/",
            "/s3/",
            "Credential should be scoped to correct service: 'bedrock-agentcore', not 's3'.",
        ),
        (
            "/aws4_request",
            "/aws5_request",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            "/20261123/",
            "/20261122/",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' != '20261123', from '20261123T120000Z'.",
        ),
    ] {
        let mut request = signed();
        request.reword(old, new);
        assert_eq!(request.invalid(), message);
    }
}

#[test]
fn a12_a_signature_of_another_length_or_case_is_refused() {
    let whole = signed();
    let text = whole.text("authorization").to_owned();
    let (start, signature) = text.split_once("Signature=").unwrap();
    for other in [
        "",
        "0",
        &signature[..63],
        &signature[..32],
        &format!("{signature}0"),
        &signature.to_uppercase(),
        &"é".repeat(32),
    ] {
        let mut request = whole.clone();
        request.set("authorization", &format!("{start}Signature={other}"));
        let verdict = request.verified(now());
        assert!(
            matches!(verdict, Err(Refusal::Invalid(_) | Refusal::Incomplete(_))),
            "{other}: {verdict:?}"
        );
    }
}

#[test]
fn a12_an_authorization_header_that_is_none_is_incomplete() {
    let text = signed().text("authorization").to_owned();
    let (credential, rest) = text.split_once(", ").unwrap();
    let rest = rest.to_owned();
    for (authorization, message) in [
        (
            "AWS4-HMAC-SHA256".to_owned(),
            "requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (credential.to_owned(), "requires 'Signature' parameter"),
        (
            format!("AWS4-HMAC-SHA256 {rest}"),
            "requires 'Credential' parameter",
        ),
        (
            format!("{text}, {rest}"),
            "has the parameter 'SignedHeaders' twice",
        ),
        (format!("{text}, Extra=1"), "'Extra' is not a parameter"),
        (
            format!("{text},"),
            "'' not a valid key=value pair (missing equal-sign) in Authorization header.",
        ),
        (format!("{text} x, y"), "'y' not a valid key=value pair"),
        (
            text.replace("/aws4_request", ""),
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            text.replace("/aws4_request", "/aws4_request/x"),
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            text.replace(KEY, ""),
            "Credential must start with an access key id",
        ),
        (
            text.replace(KEY, &"A".repeat(129)),
            "Credential must start with an access key id",
        ),
        (
            text.replace("HMAC", "ECDSA"),
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-SHA256'",
        ),
        (
            text.replace("AWS4-HMAC", "aws4-hmac"),
            "Unsupported AWS 'algorithm': 'aws4-hmac-SHA256'",
        ),
        (
            "AWS AKIDEXAMPLE:signature".to_owned(),
            "Unsupported AWS 'algorithm': 'AWS'",
        ),
        (text.replace(KEY, "é"), "not ASCII"),
        (
            format!("{text}{}", "0".repeat(1024 * 1024)),
            "more than 8192",
        ),
    ] {
        let mut request = signed();
        request.set("authorization", &authorization);
        let told = request.incomplete();
        assert!(told.contains(message), "{told}");
        assert!(told.len() < 400, "{told}");
    }
}

#[test]
fn a12_the_date_is_one_and_has_its_form() {
    let mut request = signed();
    request.set("x-amz-date", "2026-11-23T12:00:00Z");
    assert_eq!(
        request.incomplete(),
        "Date must be in ISO-8601 'basic format'. Got '2026-11-23T12:00:00Z'. See http://en.wikipedia.org/wiki/ISO_8601"
    );
    request.set("x-amz-date", NOW);
    request.add("x-amz-date", NOW);
    assert!(
        request
            .incomplete()
            .contains("more than one header 'x-amz-date'")
    );
    request.headers.remove("x-amz-date");
    assert!(
        request
            .incomplete()
            .contains("existence of either a 'X-Amz-Date' or a 'Date' header")
    );
}

#[test]
fn a12_bounds_hold_at_their_edges() {
    let many = |count: usize| {
        let mut request = Request::invocation();
        // Two more are the host and the date; the session is removed.
        request.headers.remove(SESSION_ID);
        for index in 0..count - 2 {
            request.set(&format!("h{index:03}"), "x");
        }
        request.signed_by_aws(Body::Covered, now())
    };
    assert_eq!(many(100).verified(now()), Ok(()));
    assert_eq!(
        many(101).incomplete(),
        "SignedHeaders names more than 100 headers."
    );

    let mut request = covered();
    let blanks = 8192 - request.text("authorization").len();
    request.reword(
        " Credential",
        &format!("{}Credential", " ".repeat(blanks + 1)),
    );
    assert_eq!(request.verified(now()), Ok(()));
    request.reword(" Credential", "  Credential");
    assert_eq!(
        request.incomplete(),
        "The Authorization header has 8193 bytes, more than 8192."
    );
}

#[test]
fn a12_a_request_is_signed_once() {
    let mut request = signed();
    request.query.push_str("&x-AMZ-Signature=0");
    assert!(request.incomplete().contains("signed twice"));

    let mut request = signed();
    let again = request.text("authorization").to_owned();
    request.add("authorization", &again);
    assert!(request.incomplete().contains("more than one Authorization"));

    let mut request = signed();
    request.add("authorization", "Bearer token");
    assert!(request.incomplete().contains("more than one Authorization"));
}

#[test]
fn a12_a_signature_in_the_query_is_refused_and_another_scheme_is_not_ours() {
    let mut request = Request::invocation();
    assert!(matches!(Claim::of(&request.incoming()), Ok(None)));
    for scheme in ["Bearer token", "Basic dXNlcg==", "", "é"] {
        request.set("authorization", scheme);
        assert!(
            matches!(Claim::of(&request.incoming()), Ok(None)),
            "{scheme}"
        );
    }
    request.query =
        "qualifier=DEFAULT&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0".to_owned();
    assert_eq!(
        Claim::of(&request.incoming()).unwrap_err(),
        Refusal::Presigned
    );
    request.headers.remove("authorization");
    assert_eq!(
        Claim::of(&request.incoming()).unwrap_err(),
        Refusal::Presigned
    );
}

#[test]
fn a19_an_unknown_key_is_refused_with_the_words_of_a_known_one_until_the_secret_matters() {
    let refused = |request: &Request, expected: &Expected<'_>| {
        claim(request).refuse_unknown(&request.incoming(), Some(sha256(&request.body)), expected)
    };
    assert_eq!(refused(&signed(), &expected()), Refusal::UnknownKey);
    assert_eq!(refused(&covered(), &expected()), Refusal::UnknownKey);
    let late = Expected {
        now: now() + Duration::from_secs(301),
        ..expected()
    };
    for (request, expected) in [
        (
            signed(),
            Expected {
                region: "eu-west-1",
                ..expected()
            },
        ),
        (
            signed(),
            Expected {
                service: "s3",
                ..expected()
            },
        ),
        (signed(), late),
    ] {
        assert_eq!(
            Err(refused(&request, &expected)),
            request.verified_in(&expected)
        );
    }
}

#[test]
fn nothing_shows_a_secret() {
    let identity = SigningIdentity {
        access_key: KEY.to_owned(),
        secret: SECRET.to_owned(),
        region: REGION.to_owned(),
        service: SERVICE.to_owned(),
    };
    let signer = Signer::new(identity.clone()).unwrap();
    assert!(!format!("{signer:?}").contains(SECRET));

    let mut request = signed();
    let theirs = request
        .text("authorization")
        .rsplit('=')
        .next()
        .unwrap()
        .to_owned();
    request.reword(&theirs, &hex(&[0; 32]));
    let message = request.invalid();
    assert!(message.starts_with(
        "The request signature we calculated does not match the signature you provided."
    ));
    assert!(!message.contains(SECRET) && !message.contains(&theirs));

    for bad in ["", "a/b", "a,b", "a b", "é", "a\nb"] {
        let error = Signer::new(SigningIdentity {
            region: bad.to_owned(),
            ..identity.clone()
        })
        .unwrap_err();
        assert_eq!(error.what, "region");
        assert!(!error.to_string().contains(SECRET));
    }
}
