//! AWS Signature Version 4: the only room that knows how a request is signed and how a signature is proved.
//!
//! A [`Claim`] is read from what arrived, raw: whoever decodes a path or a query before this room has seen it breaks the
//! signature. It names an access key; with that key's secret it is then verified, or refused with the same work when there
//! is no such key. A [`Signer`] makes such signatures. The canonical form is botocore's.
//!
//! This room holds no keys, asks no clock and knows no status codes: a [`Refusal`] says what is wrong, and the API how that
//! is told.

mod canonical;
mod claim;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod presigned;
mod signer;
mod stamp;
#[cfg(test)]
mod tests;
mod verify;

use std::time::SystemTime;

use hyper::http::HeaderMap;

pub use self::claim::Claim;
pub use self::signer::{Outgoing, Signer, SigningIdentity, UnusableIdentity};

/// The one algorithm, as it stands in the Authorization header and in what is signed.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What every credential scope ends with.
const TERMINATOR: &str = "aws4_request";
const X_AMZ_DATE: &str = "x-amz-date";
const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";

/// A request as it arrived, raw: nothing decoded.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path of the request target, with its percent signs.
    pub path: &'a str,
    /// The query of the request target, without its question mark; empty when there is none.
    pub query: &'a str,
    /// The headers. HTTP/2 carries no `host`: its authority must be put there first, or no signature fits.
    pub headers: &'a HeaderMap,
}

/// How the body is bound to the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyHash {
    /// `x-amz-content-sha256` named the body's SHA-256 and was signed: the body must be checked against it, with
    /// [`BodyHash::check`], when it has been read.
    Declared([u8; 32]),
    /// The signature covers the SHA-256 of the body without naming it, as boto3 signs: the body must be read before the
    /// signature can be verified.
    Needed,
}

impl BodyHash {
    /// Checks the SHA-256 of the whole body, now that it has been read.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when another body was declared.
    pub fn check(&self, body: &[u8; 32]) -> Result<(), Refusal> {
        match self {
            Self::Declared(declared) if declared != body => Err(Refusal::Invalid(
                "The provided 'x-amz-content-sha256' header does not match what was computed."
                    .to_owned(),
            )),
            Self::Declared(_) | Self::Needed => Ok(()),
        }
    }
}

/// What a signature must have been made for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The region of the credential scope.
    pub region: &'a str,
    /// The service of the credential scope.
    pub service: &'a str,
    /// The present moment; what is below a second does not count.
    pub now: SystemTime,
}

/// Why a signature is refused, in AWS's words. Never holds a secret, nor a signature that was computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What claims to be a signature is not one: AWS's `IncompleteSignatureException`, 400.
    #[error("{0}")]
    Incomplete(String),
    /// The signature does not prove the request: AWS's `InvalidSignatureException`, 403.
    #[error("{0}")]
    Invalid(String),
    /// No such access key: AWS's `UnrecognizedClientException`, 403.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The signature stands in the query, where it outlives the request in logs and histories: 403.
    #[error(
        "Signatures in the query (presigned URLs) are not accepted here. Sign with the Authorization header, or have the server's operator set allow_presigned_urls under [auth]."
    )]
    Presigned,
}

/// A value from outside, short enough for a message. The error's way to the wire escapes it.
fn shown(value: &str) -> String {
    const LONGEST: usize = 64;
    let mut shown: String = value.chars().take(LONGEST).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}
