//! Who runs the server: not a tenant, and known by a token that stands in a file of the server's.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest as _, Sha256};

/// The token that opens what concerns the whole server. Only its hash is kept.
#[derive(Clone)]
pub struct OperatorToken([u8; 32]);

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// A file that holds no token that will do.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// It cannot be read.
    #[error("cannot read the operator's token from {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It could be guessed.
    #[error(
        "the operator's token in {} has fewer than {SHORTEST} characters; make one with: openssl rand -hex 32",
        .0.display()
    )]
    Short(PathBuf),
}

/// The shortest token, in bytes.
const SHORTEST: usize = 32;

impl OperatorToken {
    /// The token in a file; white space around it is not part of it.
    pub fn read(path: &Path) -> Result<Self, InvalidToken> {
        let text = std::fs::read_to_string(path).map_err(|source| InvalidToken::Read {
            path: path.to_owned(),
            source,
        })?;
        match text.trim() {
            short if short.len() < SHORTEST => Err(InvalidToken::Short(path.to_owned())),
            token => Ok(Self(Sha256::digest(token).into())),
        }
    }

    /// Whether this is it. Takes as long for any other token of the same length.
    pub(super) fn is(&self, token: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        verify_slices_are_equal(&self.0, &digest).is_ok()
    }
}
