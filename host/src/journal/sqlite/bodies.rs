//! Large records as files: `bodies/` and the SHA-256 of the record's text.
//!
//! A file is written before the row that names it is committed, and removed after the last such row was. So a crash leaves
//! at worst a file that nothing names, which compaction finds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::faults::{Disk, Fault, cause};
use crate::journal::chain::{Hash, hex, unhex};

/// What a file is called before it is whole.
const INCOMING: &str = ".incoming-";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Bodies(PathBuf);

impl Bodies {
    /// Opens the folder and clears away what a crash left half-written.
    pub(super) fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(INCOMING) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self(directory))
    }

    pub(super) fn path(&self, digest: &Hash) -> PathBuf {
        self.0.join(hex(digest))
    }

    /// Writes a file whole, over any of its name: one that is there may be left from a crash, and torn.
    pub(super) fn write(
        &self,
        disk: &dyn Disk,
        digest: &Hash,
        text: &str,
        sync: bool,
    ) -> Result<(), Fault> {
        let disk_fault = |error| Fault::Disk(cause(error));
        let sync_fault = |error| Fault::Sync(cause(error));
        let mut file = tempfile::Builder::new()
            .prefix(INCOMING)
            .tempfile_in(&self.0)
            .map_err(disk_fault)?;
        file.write_all(text.as_bytes()).map_err(disk_fault)?;
        if sync {
            disk.sync(file.as_file()).map_err(sync_fault)?;
        }
        file.persist(self.path(digest))
            .map_err(|error| disk_fault(error.error))?;
        if sync {
            let folder = File::open(&self.0).map_err(disk_fault)?;
            disk.sync(&folder).map_err(sync_fault)?;
        }
        Ok(())
    }

    pub(super) fn read(&self, digest: &Hash) -> io::Result<Vec<u8>> {
        fs::read(self.path(digest))
    }

    /// Whether there was one.
    pub(super) fn remove(&self, digest: &Hash) -> io::Result<bool> {
        match fs::remove_file(self.path(digest)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The digests of all files.
    pub(super) fn list(&self) -> io::Result<Vec<Hash>> {
        let mut digests = Vec::new();
        for entry in fs::read_dir(self.directory())? {
            let name = entry?.file_name();
            digests.extend(name.to_str().and_then(unhex));
        }
        Ok(digests)
    }

    fn directory(&self) -> &Path {
        &self.0
    }
}
