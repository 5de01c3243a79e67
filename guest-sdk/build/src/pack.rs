//! The files that the crate carries.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The files below a folder of the pack, each with its path below that folder.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, bytes)| {
        let path = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((path, *bytes))
    })
}

/// What builds of this crate are made of, as a digest of 64 hexadecimal digits: others may make another component of the same
/// sources.
pub fn edition() -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in FILES {
        hash.update(path);
        hash.update(Sha256::digest(bytes));
    }
    hash.update(env!("CARGO_PKG_VERSION"));
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the files below a folder of the pack below `to`. What is there already with the same bytes is left alone, so
/// that build tools see no change.
pub(crate) fn unpack(folder: &str, to: &Path) -> Result<()> {
    for (path, bytes) in below(folder) {
        let path = to.join(path);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        fs::write(&path, bytes).map_err(Error::file("write", &path))?;
    }
    Ok(())
}
