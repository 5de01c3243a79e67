//! Held against other signers: the AWS SDK's own, botocore, and AWS's signing test suite.

use hyper::http::HeaderMap;
use serde::Deserialize;

use super::super::Expected;
use super::fixtures::{Body, REGION, Request, SERVICE, at, now};
use super::random::Random;

const ROUNDS: usize = 500;

#[derive(Deserialize)]
struct Vector {
    #[serde(default)]
    now: Option<String>,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Vector {
    fn request(self) -> Request {
        let mut request = Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: HeaderMap::new(),
            body: self.body.into_bytes(),
        };
        for (name, value) in &self.headers {
            request.add(name, value);
        }
        request
    }
}

fn vectors(lines: &str) -> Vec<Vector> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_the_aws_signer_signs_verifies_and_cannot_be_altered() {
    let mut random = Random::new(1);
    let expected = Expected {
        region: REGION,
        service: SERVICE,
        now: now(),
    };
    for round in 0..ROUNDS {
        let body = if round % 2 == 0 {
            Body::Declared
        } else {
            Body::Covered
        };
        random
            .request()
            .signed_by_aws(body, now())
            .assert_sealed(now(), &expected);
    }
}

#[test]
fn our_signer_signs_as_the_aws_signer_does() {
    let mut random = Random::new(2);
    for _ in 0..ROUNDS {
        let request = random.request();
        let (ours, theirs) = (
            request.clone().signed_by_us(now()),
            request.signed_by_aws(Body::Declared, now()),
        );
        assert_eq!(ours.headers, theirs.headers, "{ours:?}");
        assert_eq!(ours.verified(now()), Ok(()));
    }
}

/// Made once by `tests/clients/signatures.py`.
#[test]
fn what_boto3_and_botocore_sign_verifies_and_cannot_be_altered() {
    let vectors = vectors(include_str!("botocore.json"));
    assert_eq!(vectors.len(), 73);
    for vector in vectors {
        let now = at(vector.now.as_deref().unwrap());
        let expected = Expected {
            region: REGION,
            service: SERVICE,
            now,
        };
        vector.request().assert_sealed(now, &expected);
    }
}

/// The cases that say how headers are signed, without those that normalise no path, as only S3 does, and the one with a
/// query that is not encoded.
#[test]
fn the_signing_test_suite_of_aws_verifies_and_cannot_be_altered() {
    let vectors = vectors(include_str!("suite.json"));
    assert_eq!(vectors.len(), 28);
    let now = at("20150830T123600Z");
    let expected = Expected {
        region: "us-east-1",
        service: "service",
        now,
    };
    for vector in vectors {
        vector.request().assert_sealed(now, &expected);
    }
}
