//! What an agent asks for, in its component.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use wasm_encoder::{ComponentSection, CustomSection};

use crate::{Error, Result};

/// The name of the custom section with what an agent asks for.
pub const SECTION: &str = "kellion:manifest";

/// Adds the manifest behind everything else in the component. Sections of this kind stand anywhere, and nothing that runs
/// looks at them.
pub(crate) fn add(component: &Path, manifest: &str) -> Result<()> {
    let mut section = Vec::new();
    CustomSection {
        name: Cow::Borrowed(SECTION),
        data: Cow::Borrowed(manifest.as_bytes()),
    }
    .append_to_component(&mut section);
    let mut file = OpenOptions::new()
        .append(true)
        .open(component)
        .map_err(Error::file("write", component))?;
    file.write_all(&section)
        .map_err(Error::file("write", component))
}

#[cfg(test)]
mod tests;
