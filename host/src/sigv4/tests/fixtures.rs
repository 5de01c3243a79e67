//! A request that can be signed, altered and verified.

use std::time::{Duration, SystemTime};

use aws_sdk_bedrockagentcore::config::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use hyper::http::header::{AUTHORIZATION, HOST};
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use super::super::keys::sha256;
use super::super::stamp::Stamp;
use super::super::{Claim, Expected, Incoming, Outgoing, Refusal, Signer, SigningIdentity};

pub(super) const KEY: &str = "AKIDEXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(super) const REGION: &str = "us-west-2";
pub(super) const SERVICE: &str = "bedrock-agentcore";
pub(super) const NOW: &str = "20261123T120000Z";
pub(super) const SESSION_ID: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

pub(super) fn at(text: &str) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(Stamp::basic(text).unwrap().seconds())
}

pub(super) fn now() -> SystemTime {
    at(NOW)
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Whether the signer names the body's SHA-256 in a header, as the SDK for Rust does, or not, as boto3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Declared,
    Covered,
}

impl Request {
    /// An invocation, not signed yet.
    pub(super) fn invocation() -> Self {
        let mut request = Self {
            method: "POST".to_owned(),
            path: "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-west-2%3A000000000000%3Aruntime%2Fecho-0123456789/invocations"
                .to_owned(),
            query: "qualifier=DEFAULT&accountId=000000000000".to_owned(),
            headers: HeaderMap::new(),
            body: br#"{"prompt": "hello"}"#.to_vec(),
        };
        request.set("host", "127.0.0.1:8080");
        request.set(SESSION_ID, "a-session-of-thirty-three-characters");
        request
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.headers.insert(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.headers.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }

    pub(super) fn text(&self, name: &str) -> &str {
        std::str::from_utf8(self.headers[name].as_bytes()).unwrap()
    }

    /// Replaces a part of the Authorization header, which must be there.
    pub(super) fn reword(&mut self, old: &str, new: &str) {
        let authorization = self.text("authorization");
        assert!(authorization.contains(old), "{authorization} has no {old}");
        let authorization = authorization.replace(old, new);
        self.set("authorization", &authorization);
    }

    pub(super) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        }
    }

    /// Signed by the AWS SDK's own signer.
    pub(super) fn signed_by_aws(mut self, body: Body, now: SystemTime) -> Self {
        let mut settings = SigningSettings::default();
        if body == Body::Declared {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SERVICE)
            .time(now)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let target = if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        };
        let headers = self.headers.iter().map(|(name, value)| {
            (
                name.as_str(),
                std::str::from_utf8(value.as_bytes()).unwrap(),
            )
        });
        let signable = SignableRequest::new(
            &self.method,
            format!("http://127.0.0.1:8080{target}"),
            headers,
            SignableBody::Bytes(&self.body),
        )
        .unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let (added, _) = instructions.into_parts();
        for header in added {
            self.set(header.name(), header.value());
        }
        self
    }

    /// Signed by ours.
    pub(super) fn signed_by_us(mut self, now: SystemTime) -> Self {
        let signer = Signer::new(SigningIdentity {
            access_key: KEY.to_owned(),
            secret: SECRET.to_owned(),
            region: REGION.to_owned(),
            service: SERVICE.to_owned(),
        })
        .unwrap();
        let added = signer.sign(
            &Outgoing {
                method: &self.method,
                path: &self.path,
                query: &self.query,
                host: &self.headers[HOST],
                headers: &self.headers,
                body: &self.body,
            },
            now,
        );
        self.headers
            .extend(added.into_iter().map(|(name, value)| (Some(name), value)));
        self
    }

    /// What a server says that knows the key, has read the body, and stands in our region.
    pub(super) fn verified(&self, now: SystemTime) -> Result<(), Refusal> {
        self.verified_in(&Expected {
            region: REGION,
            service: SERVICE,
            now,
        })
    }

    pub(super) fn verified_in(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        let incoming = self.incoming();
        let claim = Claim::of(&incoming)?.expect("the request carries a signature");
        claim.verify(
            &incoming,
            SECRET.as_bytes(),
            Some(sha256(&self.body)),
            expected,
        )
    }

    /// The message of the refusal as invalid, which must come.
    pub(super) fn invalid(&self) -> String {
        match self.verified(now()) {
            Err(Refusal::Invalid(message)) => message,
            other => panic!("{other:?} for {self:?}"),
        }
    }

    /// The message of the refusal as incomplete, which must come.
    pub(super) fn incomplete(&self) -> String {
        match self.verified(now()) {
            Err(Refusal::Incomplete(message)) => message,
            other => panic!("{other:?} for {self:?}"),
        }
    }

    /// It verifies; and it does not when any single thing that the signature covers is altered.
    pub(super) fn assert_sealed(&self, now: SystemTime, expected: &Expected<'_>) {
        assert_eq!(self.verified_in(expected), Ok(()), "{self:?}");
        let incoming = self.incoming();
        let claim = Claim::of(&incoming).unwrap().unwrap();
        assert!(
            claim
                .verify(
                    &incoming,
                    b"another secret",
                    Some(sha256(&self.body)),
                    expected
                )
                .is_err()
        );

        let refused = |what: &str, alter: &dyn Fn(&mut Self)| {
            let mut altered = self.clone();
            alter(&mut altered);
            assert!(
                altered.verified_in(expected).is_err(),
                "{what} was altered unseen: {altered:?}"
            );
        };
        refused("the method", &|request| request.method.push('S'));
        refused("the path", &|request| request.path.push('x'));
        // A segment before `..` is no part of the path that is signed.
        if !self.path.contains("/..") {
            refused("the path's beginning", &|request| {
                request.path.insert_str(1, "x%2F");
            });
        }
        refused("the query", &|request| request.query.push_str("&z=1"));
        refused("the body", &|request| request.body.push(b' '));
        for name in claim.signed.iter().map(HeaderName::as_str) {
            refused(name, &|request| {
                let mut value = request.headers[name].as_bytes().to_vec();
                value.extend(b"!");
                request.headers.insert(
                    HeaderName::try_from(name).unwrap(),
                    HeaderValue::from_bytes(&value).unwrap(),
                );
            });
            refused(name, &|request| {
                request.headers.remove(name);
            });
            refused(name, &|request| request.add(name, "more"));
        }
        let digit = self.text("authorization").chars().last().unwrap();
        refused("the signature", &|request| {
            let mut text = request.text("authorization").to_owned();
            text.pop();
            text.push(if digit == '0' { '1' } else { '0' });
            request
                .headers
                .insert(AUTHORIZATION, HeaderValue::from_str(&text).unwrap());
        });
        for other in [
            Expected {
                region: "eu-west-1",
                ..*expected
            },
            Expected {
                service: "bedrock",
                ..*expected
            },
            Expected {
                now: now + Duration::from_secs(301),
                ..*expected
            },
            Expected {
                now: now - Duration::from_secs(301),
                ..*expected
            },
        ] {
            assert!(self.verified_in(&other).is_err(), "{other:?}");
        }
    }
}
