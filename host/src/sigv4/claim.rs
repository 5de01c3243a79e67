//! What a request says of its signature. Nothing here needs a secret, so nothing here tells whether a key exists.

use hyper::http::header::{AUTHORIZATION, DATE, HOST};
use hyper::http::{HeaderMap, HeaderName};

use super::keys::from_hex;
use super::stamp::Stamp;
use super::{ALGORITHM, BodyHash, Incoming, Refusal, X_AMZ_CONTENT_SHA256, X_AMZ_DATE, shown};

/// Bytes of an Authorization header. A hundred names of forty bytes fit twice.
const LONGEST_AUTHORIZATION: usize = 8 * 1024;
/// Names in SignedHeaders.
const MOST_SIGNED: usize = 100;
/// Bytes of an access key's id.
const LONGEST_ACCESS_KEY: usize = 128;

/// What the Authorization header claims; nothing of it is proved yet.
///
/// Its form is right, and every header that must be signed is said to be.
#[derive(Debug, Clone)]
pub struct Claim {
    pub(super) access_key: String,
    pub(super) scope: ClaimedScope,
    pub(super) signed: Vec<HeaderName>,
    pub(super) signature: [u8; 32],
    pub(super) stamp: Stamp,
    /// How long it lives, in seconds, when it says so itself: a presigned URL.
    pub(super) life: Option<u64>,
    pub(super) body: BodyHash,
}

/// The credential scope as it was sent.
#[derive(Debug, Clone)]
pub(super) struct ClaimedScope {
    pub(super) day: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) terminator: String,
}

impl Claim {
    /// Reads the claim; `None` when the request carries no signature of this kind: it has no Authorization header, or one
    /// of another scheme, such as `Bearer`.
    ///
    /// # Errors
    /// [`Refusal::Incomplete`] when the header has not its form, [`Refusal::Invalid`] when something is not signed that
    /// must be or the body is not bound to the signature, [`Refusal::Presigned`] when the signature stands in the query.
    pub fn of(incoming: &Incoming<'_>) -> Result<Option<Self>, Refusal> {
        let Some(authorization) = authorization(incoming.headers)? else {
            return if signs_in_query(incoming.query) {
                Err(Refusal::Presigned)
            } else {
                Ok(None)
            };
        };
        if signs_in_query(incoming.query) {
            return Err(incomplete(
                "The request is signed twice: X-Amz- parameters in the query may not stand beside an Authorization header.",
            ));
        }
        let parameters = Parameters::read(authorization)?;
        let stamp = stamp(incoming.headers);
        let (Some(credential), Some(names), Some(signature), Some((dated, stamp))) = (
            parameters.credential,
            parameters.signed_headers,
            parameters.signature,
            stamp?,
        ) else {
            return Err(parameters.missing(incoming.headers));
        };
        let (access_key, scope) = read_credential(credential)?;
        let signed = read_signed_headers(names)?;
        check_signed(incoming.headers, &signed, &dated)?;
        let Some(signature) = from_hex(signature) else {
            return Err(Refusal::Invalid(format!(
                "'Signature' must be 64 hexadecimal digits in lower case, not {} characters. {MISMATCH}",
                signature.len()
            )));
        };
        Ok(Some(Self {
            access_key,
            scope,
            signed,
            signature,
            stamp,
            life: None,
            body: body_hash(incoming.headers)?,
        }))
    }

    /// The access key that is said to have signed: no secret, and not proved.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// How the body is bound to the signature: whether it must be read before [`Claim::verify`].
    pub fn body_hash(&self) -> BodyHash {
        self.body
    }
}

/// AWS's words for a signature that does not fit.
pub(super) const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

pub(super) fn incomplete(message: impl Into<String>) -> Refusal {
    Refusal::Incomplete(message.into())
}

/// What follows the algorithm in the Authorization header, when that header is ours.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut found = None;
    let mut count = 0;
    for value in headers.get_all(AUTHORIZATION) {
        count += 1;
        let bytes = value.as_bytes();
        if !bytes
            .get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"AWS"))
        {
            continue;
        }
        if bytes.len() > LONGEST_AUTHORIZATION {
            return Err(incomplete(format!(
                "The Authorization header has {} bytes, more than {LONGEST_AUTHORIZATION}.",
                bytes.len()
            )));
        }
        let Ok(text) = value.to_str() else {
            return Err(incomplete(
                "The Authorization header holds characters that are not ASCII.",
            ));
        };
        let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if scheme != ALGORITHM {
            return Err(incomplete(format!(
                "Unsupported AWS 'algorithm': '{}'. Sign with {ALGORITHM}.",
                shown(scheme)
            )));
        }
        found = Some(rest);
    }
    if found.is_some() && count > 1 {
        return Err(incomplete(
            "The request has more than one Authorization header.",
        ));
    }
    Ok(found)
}

/// Whether the query holds a parameter of a signature.
fn signs_in_query(query: &str) -> bool {
    query.split('&').any(|pair| {
        pair.as_bytes()
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-"))
    })
}

/// The parameters of the Authorization header, as far as they are there.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(text: &'a str) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for pair in text.split(',').map(str::trim) {
            if pair.is_empty() && text.trim().is_empty() {
                continue;
            }
            let Some((name, value)) = pair.split_once('=') else {
                return Err(incomplete(format!(
                    "'{}' not a valid key=value pair (missing equal-sign) in Authorization header.",
                    shown(pair)
                )));
            };
            let place = match name {
                "Credential" => &mut parameters.credential,
                "SignedHeaders" => &mut parameters.signed_headers,
                "Signature" => &mut parameters.signature,
                other => {
                    return Err(incomplete(format!(
                        "'{}' is not a parameter of the Authorization header.",
                        shown(other)
                    )));
                }
            };
            if place.replace(value).is_some() {
                return Err(incomplete(format!(
                    "Authorization header has the parameter '{name}' twice."
                )));
            }
        }
        Ok(parameters)
    }

    fn missing(&self, headers: &HeaderMap) -> Refusal {
        let mut words = Vec::new();
        for (name, value) in [
            ("Credential", self.credential),
            ("Signature", self.signature),
            ("SignedHeaders", self.signed_headers),
        ] {
            if value.is_none() {
                words.push(format!("Authorization header requires '{name}' parameter."));
            }
        }
        if !headers.contains_key(X_AMZ_DATE) && !headers.contains_key(DATE) {
            words.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                    .to_owned(),
            );
        }
        Refusal::Incomplete(words.join(" "))
    }
}

pub(super) fn read_credential(text: &str) -> Result<(String, ClaimedScope), Refusal> {
    let parts: Vec<&str> = text.split('/').collect();
    let [access_key, day, region, service, terminator] = parts[..] else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
            shown(text)
        )));
    };
    if access_key.is_empty() || access_key.len() > LONGEST_ACCESS_KEY {
        return Err(incomplete(format!(
            "Credential must start with an access key id of 1 to {LONGEST_ACCESS_KEY} characters, got {}",
            access_key.len()
        )));
    }
    let scope = ClaimedScope {
        day: day.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        terminator: terminator.to_owned(),
    };
    Ok((access_key.to_owned(), scope))
}

pub(super) fn read_signed_headers(text: &str) -> Result<Vec<HeaderName>, Refusal> {
    let mut signed: Vec<HeaderName> = Vec::new();
    for text in text.split(';') {
        if signed.len() == MOST_SIGNED {
            return Err(incomplete(format!(
                "SignedHeaders names more than {MOST_SIGNED} headers."
            )));
        }
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let Some(name) = HeaderName::from_bytes(text.as_bytes())
            .ok()
            .filter(|_| lower)
        else {
            return Err(Refusal::Invalid(format!(
                "SignedHeaders must hold names of headers in lower case, not '{}'.",
                shown(text)
            )));
        };
        if signed
            .last()
            .is_some_and(|last| last.as_str() >= name.as_str())
        {
            return Err(Refusal::Invalid(format!(
                "SignedHeaders must be sorted and without repetitions: '{}' stands at the wrong place.",
                shown(text)
            )));
        }
        signed.push(name);
    }
    Ok(signed)
}

/// The moment of the signature, and the header that names it. Outer: a header that is not a date; inner: no header.
fn stamp(headers: &HeaderMap) -> Result<Option<(HeaderName, Stamp)>, Refusal> {
    let x_amz_date = HeaderName::from_static(X_AMZ_DATE);
    for (name, read) in [
        (x_amz_date, Stamp::basic as fn(&str) -> Option<Stamp>),
        (DATE, |text| {
            Stamp::http(text).or_else(|| Stamp::basic(text))
        }),
    ] {
        let mut values = headers.get_all(&name).iter();
        let Some(value) = values.next() else {
            continue;
        };
        if values.next().is_some() {
            return Err(incomplete(format!(
                "The request has more than one header '{name}'."
            )));
        }
        let text = value.to_str().unwrap_or_default().trim();
        return match read(text) {
            Some(stamp) => Ok(Some((name, stamp))),
            None => Err(incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                shown(text)
            ))),
        };
    }
    Ok(None)
}

/// Whether whoever altered this header could act in the signer's name: what binds the request to a session, a user, a body
/// or a moment. Proxies and clients add the two others after signing.
fn must_be_signed(name: &str) -> bool {
    (name.starts_with("x-amz-") || name.starts_with("x-amzn-bedrock-agentcore-"))
        && name != "x-amz-user-agent"
        && name != "x-amzn-trace-id"
}

pub(super) fn check_signed(
    headers: &HeaderMap,
    signed: &[HeaderName],
    dated: &HeaderName,
) -> Result<(), Refusal> {
    let is_signed = |name: &HeaderName| {
        signed
            .binary_search_by(|signed| signed.as_str().cmp(name.as_str()))
            .is_ok()
    };
    if !is_signed(&HOST) {
        return Err(Refusal::Invalid(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    let bare = headers
        .keys()
        .filter(|name| *name == dated || must_be_signed(name.as_str()))
        .find(|name| !is_signed(name));
    if let Some(name) = bare {
        return Err(Refusal::Invalid(format!(
            "'{}' must be a 'SignedHeader' in the AWS Authorization.",
            shown(name.as_str())
        )));
    }
    if let Some(name) = signed.iter().find(|name| !headers.contains_key(*name)) {
        return Err(Refusal::Invalid(format!(
            "SignedHeaders names '{}', which the request does not have. {MISMATCH}",
            shown(name.as_str())
        )));
    }
    Ok(())
}

pub(super) fn body_hash(headers: &HeaderMap) -> Result<BodyHash, Refusal> {
    let mut values = headers.get_all(X_AMZ_CONTENT_SHA256).iter();
    let Some(value) = values.next() else {
        return Ok(BodyHash::Needed);
    };
    let text = value.to_str().unwrap_or_default().trim();
    match from_hex(text) {
        Some(hash) if values.next().is_none() => Ok(BodyHash::Declared(hash)),
        _ => Err(Refusal::Invalid(format!(
            "'x-amz-content-sha256' must be the SHA-256 of the body, once, as 64 hexadecimal digits in lower case, not '{}': bodies that are unsigned, or signed in chunks, are not accepted.",
            shown(text)
        ))),
    }
}
