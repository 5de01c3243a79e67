//! The canonical form of a request, as botocore's `SigV4Auth` makes it for all services but S3.

use hyper::http::HeaderName;

use super::Incoming;
use super::keys::{Scope, hex, sha256};
use super::presigned::SIGNATURE;
use super::stamp::Stamp;
use super::{ALGORITHM, TERMINATOR};

/// What is signed: the moment, the scope, and the digest of the canonical request. `payload` is the body's SHA-256.
pub(super) fn string_to_sign(
    request: &Incoming<'_>,
    signed: &[HeaderName],
    payload: &[u8; 32],
    stamp: &Stamp,
    scope: Scope<'_>,
) -> String {
    let digest = sha256(&canonical_request(request, signed, payload));
    format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        stamp.text(),
        scope_text(scope),
        hex(&digest)
    )
}

/// The credential scope, as it stands after the access key and in what is signed.
pub(super) fn scope_text(scope: Scope<'_>) -> String {
    format!(
        "{}/{}/{}/{TERMINATOR}",
        scope.day, scope.region, scope.service
    )
}

/// The names of signed headers, as they stand in the Authorization header and in what is signed.
pub(super) fn names(signed: &[HeaderName]) -> String {
    let names: Vec<&str> = signed.iter().map(HeaderName::as_str).collect();
    names.join(";")
}

fn canonical_request(request: &Incoming<'_>, signed: &[HeaderName], payload: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend(request.method.as_bytes());
    out.push(b'\n');
    path(&mut out, request.path);
    out.push(b'\n');
    query(&mut out, request.query);
    out.push(b'\n');
    for name in signed {
        out.extend(name.as_str().as_bytes());
        out.push(b':');
        for (index, value) in request.headers.get_all(name).iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            header_value(&mut out, value.as_bytes());
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend(names(signed).as_bytes());
    out.push(b'\n');
    out.extend(hex(payload).as_bytes());
    out
}

/// Every segment is encoded once more (`%3A` becomes `%253A`). Empty segments and dots are resolved, as raw segments only:
/// an encoded dot or slash stays what it is. A router must therefore match the raw path too, and resolve nothing.
fn path(out: &mut Vec<u8>, raw: &str) {
    let mut segments = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    if raw.is_empty() || raw.starts_with('/') {
        out.push(b'/');
    }
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        for byte in segment.bytes() {
            encode(out, byte);
        }
    }
    if raw.ends_with('/') && !segments.is_empty() {
        out.push(b'/');
    }
}

fn encode(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        out.push(byte);
    } else {
        out.push(b'%');
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// The pairs as they arrived, sorted, without the signature itself. Nothing is decoded and encoded again: a `+` never passes for a `%20`, nor for a `%2B`.
fn query(out: &mut Vec<u8>, raw: &str) {
    if raw.is_empty() {
        return;
    }
    let mut pairs: Vec<(&str, &str)> = raw
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != SIGNATURE)
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend(name.as_bytes());
        out.push(b'=');
        out.extend(value.as_bytes());
    }
}

/// Without blanks around it, and with one space for each run of blanks inside.
fn header_value(out: &mut Vec<u8>, value: &[u8]) {
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend(word);
    }
}
