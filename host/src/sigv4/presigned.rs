//! Claims that stand in the query: presigned URLs, which whoever has the URL can use while they live.

use hyper::http::HeaderName;
use hyper::http::header::{AUTHORIZATION, HOST};

use super::claim::{
    Claim, body_hash, check_signed, incomplete, read_credential, read_signed_headers,
};
use super::keys::from_hex;
use super::stamp::Stamp;
use super::{ALGORITHM, Incoming, Refusal, shown};

/// How long a presigned URL may live, in seconds: as long as AgentCore lets one.
const LONGEST_LIFE: u64 = 300;

/// The one parameter that is not signed itself.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";

impl Claim {
    /// Reads a claim from the query; `None` when there is no signature in it, or one in the Authorization header.
    ///
    /// # Errors
    /// [`Refusal::Incomplete`] when a parameter is missing, repeated or not what it should be; [`Refusal::Invalid`] as with
    /// a claim of the header.
    pub fn presigned(incoming: &Incoming<'_>) -> Result<Option<Self>, Refusal> {
        if incoming.headers.contains_key(AUTHORIZATION) || value(incoming, SIGNATURE)?.is_none() {
            return Ok(None);
        }
        let required = |name: &str| {
            value(incoming, name)?.ok_or_else(|| {
                incomplete(format!(
                    "AWS query-string parameters must include '{name}'."
                ))
            })
        };
        let algorithm = required("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(incomplete(format!(
                "Unsupported AWS 'algorithm': '{}'. Sign with {ALGORITHM}.",
                shown(&algorithm)
            )));
        }
        let (access_key, scope) = read_credential(&required("X-Amz-Credential")?)?;
        let date = required("X-Amz-Date")?;
        let stamp = Stamp::basic(&date).ok_or_else(|| {
            incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'.",
                shown(&date)
            ))
        })?;
        let expires = required("X-Amz-Expires")?;
        let life = expires
            .parse()
            .ok()
            .filter(|life| (1..=LONGEST_LIFE).contains(life))
            .ok_or_else(|| {
                incomplete(format!(
                    "X-Amz-Expires must be a number of seconds from 1 to {LONGEST_LIFE}, not '{}'.",
                    shown(&expires)
                ))
            })?;
        let signed: Vec<HeaderName> = read_signed_headers(&required("X-Amz-SignedHeaders")?)?;
        check_signed(incoming.headers, &signed, &HOST)?;
        let signature = from_hex(&required(SIGNATURE)?).ok_or_else(|| {
            Refusal::Invalid(format!(
                "'{SIGNATURE}' must be 64 hexadecimal digits in lower case."
            ))
        })?;
        Ok(Some(Self {
            access_key,
            scope,
            signed,
            signature,
            stamp,
            life: Some(life),
            body: body_hash(incoming.headers)?,
        }))
    }
}

/// A parameter of the query, decoded; none when it is not there.
fn value(incoming: &Incoming<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = incoming
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(incomplete(format!(
            "The query has the parameter '{name}' twice."
        )));
    }
    decode(value)
        .map(Some)
        .ok_or_else(|| incomplete(format!("The parameter '{name}' cannot be read.")))
}

/// Percent signs decoded; none when what comes of it is no visible ASCII.
fn decode(text: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        };
        if !byte.is_ascii_graphic() {
            return None;
        }
        decoded.push(char::from(byte));
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_to_visible_ascii_or_not_at_all() {
        assert_eq!(decode("AKID%2F20260101").as_deref(), Some("AKID/20260101"));
        for bad in ["%", "%2", "%zz", "a b", "%00", "%C3%A4", "%+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
