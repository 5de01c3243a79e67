//! The hashes that hold a journal together.
//!
//! A record's *link* is a hash over the link before it, whose record it is, where it stands, and what it says; so a record
//! that was changed, moved, dropped or brought from elsewhere breaks the chain at its place. The *seal* of an incarnation is
//! a hash over its row, which holds the last link: so a chain that was cut at its end is found, too.
//!
//! These are checks against damage and mix-ups. They hold no secret: who may write the database can also forge it.

use sha2::{Digest as _, Sha256};

use super::store::Indexed;
use crate::ids::{Digest, SessionKey};

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What stands before the first record.
pub(super) const GENESIS: Hash = [0; 32];

/// The hash of a record's text.
pub(super) fn digest(body: &[u8]) -> Hash {
    Sha256::digest(body).into()
}

/// The link of one record to those before it.
pub(super) fn link(
    before: &Hash,
    key: &SessionKey,
    incarnation: i64,
    seq: i64,
    format: i64,
    digest: &Hash,
) -> Hash {
    let mut hash = Hasher::new("kellion journal record");
    hash.bytes(before);
    hash.key(key);
    hash.number(incarnation);
    hash.number(seq);
    hash.number(format);
    hash.bytes(digest);
    hash.finish()
}

/// The hash of an entry in the index of answers.
pub(super) fn answer(answer: &Indexed) -> Hash {
    let mut hash = Hasher::new("kellion journal answer");
    hash.bytes(answer.invocation.as_bytes());
    hash.number(answer.place.incarnation.0);
    hash.number(answer.location.turn.cast_signed());
    hash.number(answer.location.accepted.0);
    hash.number(answer.location.finished.0);
    hash.number(answer.finished_at);
    hash.finish()
}

/// Adds an entry to a sum, or takes it out again: the sum of a set does not depend on the order of its entries.
pub(super) fn toggle(sum: &mut Hash, entry: &Hash) {
    for (sum, byte) in sum.iter_mut().zip(entry) {
        *sum ^= byte;
    }
}

/// Feeds a hash so that no two different inputs are the same bytes.
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn new(purpose: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.bytes(purpose.as_bytes());
        hash
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn number(&mut self, number: i64) {
        self.0.update(number.to_le_bytes());
    }

    pub(super) fn optional(&mut self, number: Option<i64>) {
        self.number(i64::from(number.is_some()));
        self.number(number.unwrap_or_default());
    }

    pub(super) fn key(&mut self, key: &SessionKey) {
        self.bytes(key.agent.tenant.as_str().as_bytes());
        self.bytes(key.agent.agent.as_str().as_bytes());
        self.bytes(key.session.as_str().as_bytes());
    }

    pub(super) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

/// A hash as the rest of the program names it.
pub(super) fn name(hash: &Hash) -> Digest {
    hex(hash)
        .parse()
        .expect("a hash in hexadecimal digits is a digest")
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 32 bytes from their hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
