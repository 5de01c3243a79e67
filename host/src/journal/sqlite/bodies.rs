//! Large records and images as files: `bodies/` and the SHA-256 of what is in them.
//!
//! A file is written before the row that names it is committed, and removed after the last such row was. So a crash leaves
//! at worst a file that nothing names, which compaction finds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::faults::{Disk, Fault, cause};
use crate::journal::chain::{self, Hash, hex, unhex};
use crate::journal::head::Mark;
use crate::journal::store::{Incoming, Lost};

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
        let mut file = self.incoming()?;
        file.write_all(text.as_bytes()).map_err(disk_fault)?;
        let path = self.path(digest);
        // One that the disk has, for another who says the same, must not give way to one that it has not.
        if sync || path.exists() {
            disk.sync(file.as_file()).map_err(sync_fault)?;
        }
        file.persist(path)
            .map_err(|error| disk_fault(error.error))?;
        if sync {
            self.sync(disk, &self.0)?;
        }
        Ok(())
    }

    /// Writes the bytes of an image into a file that is nobody's yet.
    pub(super) fn receive(
        &self,
        disk: &dyn Disk,
        bytes: &[u8],
        sync: bool,
    ) -> Result<Incoming, Fault> {
        let digest = chain::digest(bytes);
        let mut file = self.incoming()?;
        file.write_all(bytes).map_err(disk_fault)?;
        if sync {
            disk.sync(file.as_file()).map_err(sync_fault)?;
        }
        Ok(Incoming {
            digest,
            bytes: bytes.len() as u64,
            path: file.into_temp_path(),
            synced: AtomicBool::new(sync),
            placed: AtomicBool::new(false),
        })
    }

    /// Gives an image's file its final name. May be repeated.
    pub(super) fn place(&self, disk: &dyn Disk, file: &Incoming, sync: bool) -> Result<(), Fault> {
        let path = self.path(&file.digest);
        if !file.placed.load(Ordering::Relaxed) {
            // One that the disk has, for another who says the same, must not give way to one that it has not.
            if !file.synced.load(Ordering::Relaxed) && path.exists() {
                self.sync(disk, &file.path)?;
                file.synced.store(true, Ordering::Relaxed);
            }
            fs::rename(&file.path, &path).map_err(disk_fault)?;
            file.placed.store(true, Ordering::Relaxed);
        }
        if sync {
            if !file.synced.load(Ordering::Relaxed) {
                self.sync(disk, &path)?;
                file.synced.store(true, Ordering::Relaxed);
            }
            self.sync(disk, &self.0)?;
        }
        Ok(())
    }

    /// The bytes of an image, checked.
    pub(super) fn image(&self, mark: &Mark) -> Result<Bytes, Lost> {
        let bytes = match self.read(&mark.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Lost::Spoilt("its file is not there".to_owned()));
            }
            Err(error) => return Err(Lost::Unread(cause(error))),
        };
        if i64::try_from(bytes.len()) != Ok(mark.bytes) {
            let why = format!("its file has {} bytes, not {}", bytes.len(), mark.bytes);
            return Err(Lost::Spoilt(why));
        }
        if chain::digest(&bytes) != mark.file {
            return Err(Lost::Spoilt(
                "its file is not what was written there".to_owned(),
            ));
        }
        Ok(bytes.into())
    }

    /// Makes sure that an image is there, and that it will be there after a power cut.
    pub(super) fn secure(&self, disk: &dyn Disk, mark: &Mark) -> Result<Result<(), Lost>, Fault> {
        if let Err(lost) = self.image(mark) {
            return Ok(Err(lost));
        }
        match self.sync(disk, &self.path(&mark.file)) {
            Ok(()) => self.sync(disk, &self.0).map(Ok),
            // Replaced by a newer one meanwhile.
            Err(Fault::Disk(cause)) => Ok(Err(Lost::Unread(cause))),
            Err(fault) => Err(fault),
        }
    }

    fn incoming(&self) -> Result<NamedTempFile, Fault> {
        tempfile::Builder::new()
            .prefix(INCOMING)
            .tempfile_in(&self.0)
            .map_err(disk_fault)
    }

    /// Gives a file or folder to the disk.
    fn sync(&self, disk: &dyn Disk, path: &Path) -> Result<(), Fault> {
        let file = File::open(path).map_err(disk_fault)?;
        disk.sync(&file).map_err(sync_fault)
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
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            digests.extend(name.to_str().and_then(unhex));
        }
        Ok(digests)
    }
}

fn disk_fault(error: io::Error) -> Fault {
    Fault::Disk(cause(error))
}

fn sync_fault(error: io::Error) -> Fault {
    Fault::Sync(cause(error))
}
