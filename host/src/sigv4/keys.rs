//! Digests and keyed digests, and how SHA-256 is written: the only file that knows the cryptography.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key, Tag};

use super::TERMINATOR;

/// Where and when a signing key is good: one day, one region, one service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// The key that signs in this scope.
pub(super) fn signing_key(secret: &[u8], scope: Scope<'_>) -> Key {
    let first = Key::new(HMAC_SHA256, &[b"AWS4", secret].concat());
    [scope.day, scope.region, scope.service, TERMINATOR]
        .iter()
        .fold(first, |key, word| {
            Key::new(HMAC_SHA256, hmac::sign(&key, word.as_bytes()).as_ref())
        })
}

pub(super) fn sign(key: &Key, text: &str) -> Tag {
    hmac::sign(key, text.as_bytes())
}

/// Whether this is the signature of the text, in a time that does not tell where they differ.
pub(super) fn is_signed(key: &Key, text: &str, signature: &[u8; 32]) -> bool {
    hmac::verify(key, text.as_bytes(), signature).is_ok()
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Lower case, as it is signed.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Sixty-four digits in lower case, as every client writes them: a hash has one text, and is signed by it.
pub(super) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut hash = [0; 32];
    if pairs.len() != hash.len() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}
