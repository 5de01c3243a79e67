//! Changes that are made once, however often they are asked for.

use std::time::Duration;

use serde_json::Value;

use crate::ids::{ClientToken, Digest};

/// How long the answer to a client token is kept.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What makes two calls the same: the caller's token, and all that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    pub(super) token: ClientToken,
    pub(super) digest: Digest,
}

impl Once {
    /// A call with this token. The parameters are the operation and everything that it depends on, but for the token; the
    /// order of members is of no matter.
    pub fn new(token: ClientToken, mut parameters: Value) -> Self {
        parameters.sort_all_objects();
        Self {
            token,
            digest: Digest::of(parameters.to_string().as_bytes()),
        }
    }
}
