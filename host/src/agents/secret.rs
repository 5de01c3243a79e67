//! What the server gives out and must know again.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

/// A secret of this data directory, by which the server tells what it gave out from what somebody made up.
pub struct Secret(Key);

impl Secret {
    /// How many bytes make one.
    pub(super) const BYTES: usize = 32;

    /// How many bytes a mark has.
    pub const MARK: usize = 32;

    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA256, bytes))
    }

    /// The mark of these words in this order. Words have no zero bytes in them.
    pub fn mark(&self, words: &[&str]) -> Vec<u8> {
        hmac::sign(&self.0, words.join("\0").as_bytes())
            .as_ref()
            .to_vec()
    }

    /// Whether this is the mark of these words.
    pub fn marked(&self, words: &[&str], mark: &[u8]) -> bool {
        hmac::verify(&self.0, words.join("\0").as_bytes(), mark).is_ok()
    }
}

#[cfg(test)]
impl Secret {
    /// One of many that differ.
    pub(crate) fn for_tests(number: u8) -> Self {
        Self::new(&[number; Self::BYTES])
    }
}
