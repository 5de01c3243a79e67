//! What an artifact asks for.

use std::io::{self, Read, Seek};

use super::section;
use super::terms::Terms;

/// The longest manifest, in bytes.
pub const MANIFEST_BYTES: usize = 64 << 10;

/// What an artifact asks for. One that says nothing asks for every model, every name, and the server's own limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest(pub Terms);

/// A manifest that cannot be used, in words for its author; with the line, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(super) String);

impl Manifest {
    /// Reads a manifest, TOML or a JSON object. A key that is not known is an error, which names its line.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        if text.len() > MANIFEST_BYTES {
            return Err(section::too_long(text.len() as u64));
        }
        let text = std::str::from_utf8(text)
            .map_err(|error| Invalid(format!("the manifest is not UTF-8 text: {error}")))?;
        let terms = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            toml::from_str(text).map_err(|error| error.to_string())
        };
        match terms {
            Ok(terms) => Ok(Self(terms)),
            Err(error) => Err(Invalid(error.trim_end().to_owned())),
        }
    }

    /// What a component asks for, read from its section [`SECTION`](super::SECTION); the default when it has none. What is
    /// no component has none either: its parser says that better.
    ///
    /// The outer error is the reader's, the inner one the manifest's. Reads no more than headings and the manifest itself.
    pub fn of_component(component: impl Read + Seek) -> io::Result<Result<Self, Invalid>> {
        Ok(match section::find(component)? {
            Ok(None) => Ok(Self::default()),
            Ok(Some(text)) => Self::parse(&text).map_err(|Invalid(error)| {
                Invalid(format!("the component's manifest is not valid: {error}"))
            }),
            Err(invalid) => Err(invalid),
        })
    }

    /// The manifest as it stands in a component; none when it asks for nothing that an agent without one has not.
    pub fn text(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        // Plain keys of numbers and lists, which JSON can always say.
        serde_json::to_string(&self.0).ok()
    }
}
