//! Compiled programs on disk. They are machine code that the serving process runs, so none is found again unless this
//! server made it: each file ends in a keyed hash over the program and all that it depends on.
//!
//! A file is opened once. What is found here was said of that descriptor, and the sandbox maps what that descriptor is open
//! on; what becomes of the name in between makes no difference.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::Error;
use super::artifacts::{name, new_file, open_folder, remove};
use crate::ids::Digest;
use crate::sandbox::{EDITION, Sandbox};

#[cfg(test)]
mod tests;

/// The key by which a server knows its programs again. Another key, and all of them are compiled again.
pub struct ProgramKey(hmac::Key);

impl ProgramKey {
    /// A key of random bytes that serve for nothing else.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, bytes))
    }
}

/// What is hashed first, so that no other keyed hash is ever taken for that of a program.
const LABEL: &[u8] = b"kellion program 1\0";

/// What a file ends in: what its program was made with, and the keyed hash of all.
const SEAL: usize = 64;

/// How much is read at a time.
const CHUNK: usize = 1 << 18;

/// The folder `compiled`, which nobody but the server's user may enter.
pub(super) struct Programs {
    folder: PathBuf,
    key: hmac::Key,
    memory_mib: u32,
    edition: u32,
    made_with: [u8; 32],
}

/// A file that holds a program of this server's own making, behind which is a seal that no loader looks at.
pub(super) struct Genuine(File);

impl Genuine {
    /// What is to be mapped.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

/// A program that was just made.
pub(super) struct Fresh {
    /// The program.
    pub(super) program: Genuine,
    /// By which it is found from then on that it is given.
    pub(super) name: Name,
}

/// A program's name. Dropped instead, it leaves nothing on the disk.
pub(super) struct Name {
    temporary: TempPath,
    path: PathBuf,
}

impl Name {
    /// Has the program found. No power cut leaves a torn one under its name.
    pub(super) async fn give(self) -> Result<(), Error> {
        name(self.temporary, self.path)
            .await
            .map_err(Error::disk("name a program"))
    }
}

/// Why a file is not taken for a program.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("it is a symbolic link")]
    Link,
    #[error("it is no regular file")]
    Kind,
    #[error("it may not be read")]
    Denied,
    #[error("it belongs to the user {0}, who is not the server's")]
    Owner(u32),
    #[error("others may write to it: its mode is {0:o}")]
    Mode(u32),
    #[error("it has {0} names, and may be written to by another")]
    Names(u64),
    #[error("it has no seal: it is cut, or of an older server")]
    Short,
    #[error(
        "it was made by another version of the server, with other settings or for another processor"
    )]
    Other,
    #[error(
        "its keyed hash does not fit: it was changed, or made by somebody else or with another master key"
    )]
    Hash,
    #[error("it cannot be read: {0}")]
    Unread(#[from] io::Error),
}

impl Programs {
    /// Opens the folder, and takes it from everybody else.
    pub(super) fn open(
        folder: PathBuf,
        key: &ProgramKey,
        sandbox: &Sandbox,
    ) -> Result<Self, Error> {
        open_folder(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)))
            .map_err(Error::disk("make the programs' folder"))?;
        let memory_mib = sandbox.config().memory_mib;
        Ok(Self::of(
            folder,
            key,
            memory_mib,
            EDITION,
            sandbox.compatibility(),
        ))
    }

    fn of(
        folder: PathBuf,
        key: &ProgramKey,
        memory_mib: u32,
        edition: u32,
        compatibility: &[u8; 32],
    ) -> Self {
        let made_with = Sha256::new()
            .chain_update(memory_mib.to_le_bytes())
            .chain_update(edition.to_le_bytes())
            .chain_update(compatibility);
        Self {
            folder,
            key: key.0.clone(),
            memory_mib,
            edition,
            made_with: made_with.finalize().into(),
        }
    }

    /// The program of an artifact, if this server compiled it. What is there in its place is removed, and the log says why.
    ///
    /// Blocks on the disk and for the hash, some 100 ms for the largest.
    pub(super) fn find(&self, digest: &Digest) -> Result<Option<Genuine>, Error> {
        let path = self.path(digest);
        let unfit = match open(&path).map_err(Error::disk("open a program"))? {
            Opened::None => return Ok(None),
            Opened::File(file) => match self.check(&file, digest) {
                Ok(()) => return Ok(Some(Genuine(file))),
                Err(unfit) => unfit,
            },
            Opened::Unfit(unfit) => unfit,
        };
        match unfit {
            // As after each update of the server.
            Unfit::Other | Unfit::Short => {
                tracing::info!(artifact.digest = %digest, reason = %unfit, "compiling again");
            }
            _ => {
                tracing::warn!(artifact.digest = %digest, reason = %unfit, "a compiled program is not taken; compiling again");
            }
        }
        // If it stays, the next one cannot have its name, and that error says so.
        if let Err(error) = clear(&path) {
            tracing::warn!(artifact.digest = %digest, %error, "what is in a program's place stays");
        }
        Ok(None)
    }

    /// Takes over what the compile child wrote to a file, after its end.
    ///
    /// Somebody may have that file open for writing still: the program goes into one that only this server ever had open, and
    /// is hashed on its way. Blocks on the disk and for the hash.
    pub(super) fn take(&self, digest: &Digest, made: &File) -> Result<Fresh, Error> {
        let (mut file, temporary) = new_file(&self.folder)?;
        let length = made
            .metadata()
            .map_err(Error::disk("read a program"))?
            .len();
        let mut hash = self.hash(digest, &self.made_with, length);
        read(made, length, |chunk| {
            hash.update(chunk);
            file.write_all(chunk)
        })
        .and_then(|()| file.write_all(&self.made_with))
        .and_then(|()| file.write_all(hash.sign().as_ref()))
        .map_err(Error::disk("write a program"))?;
        Ok(Fresh {
            program: Genuine(file),
            name: Name {
                temporary,
                path: self.path(digest),
            },
        })
    }

    /// Removes the program of an artifact. What cannot be removed stays for the next start.
    pub(super) fn remove(&self, digest: &Digest) {
        remove(&self.path(digest), digest);
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let (memory_mib, edition) = (self.memory_mib, self.edition);
        self.folder
            .join(format!("{digest}-{memory_mib}-{edition}.cwasm"))
    }

    /// Says of a descriptor that a program of this server's making is behind it.
    fn check(&self, file: &File, digest: &Digest) -> Result<(), Unfit> {
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(Unfit::Kind);
        }
        if found.uid() != geteuid().as_raw() {
            return Err(Unfit::Owner(found.uid()));
        }
        if found.mode() & 0o022 != 0 {
            return Err(Unfit::Mode(found.mode() & 0o7777));
        }
        if found.nlink() != 1 {
            return Err(Unfit::Names(found.nlink()));
        }
        let length = found.len().checked_sub(SEAL as u64).ok_or(Unfit::Short)?;
        let mut seal = [0; SEAL];
        file.read_exact_at(&mut seal, length)?;
        let (made_with, tag) = seal.split_at(SEAL / 2);
        let whole = self.tag(file, digest, made_with, length)?;
        verify_slices_are_equal(whole.as_ref(), tag).map_err(|_| Unfit::Hash)?;
        // Of this server's making, but not to be run by it as it is now.
        if made_with == self.made_with {
            Ok(())
        } else {
            Err(Unfit::Other)
        }
    }

    fn tag(
        &self,
        file: &File,
        digest: &Digest,
        made_with: &[u8],
        length: u64,
    ) -> io::Result<hmac::Tag> {
        let mut hash = self.hash(digest, made_with, length);
        read(file, length, |chunk| {
            hash.update(chunk);
            Ok(())
        })?;
        Ok(hash.sign())
    }

    /// A hash that has all but the program's bytes. All before them has a fixed length.
    fn hash(&self, digest: &Digest, made_with: &[u8], length: u64) -> hmac::Context {
        let mut hash = hmac::Context::with_key(&self.key);
        hash.update(LABEL);
        hash.update(digest.as_str().as_bytes());
        hash.update(made_with);
        hash.update(&length.to_le_bytes());
        hash
    }
}

/// What is in a program's place.
enum Opened {
    None,
    File(File),
    Unfit(Unfit),
}

/// Opens what has this name itself, and waits for nothing: there may be a link or a pipe of that name.
fn open(path: &Path) -> io::Result<Opened> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Opened::File(file.into())),
        Err(Errno::NOENT) => Ok(Opened::None),
        Err(Errno::LOOP) => Ok(Opened::Unfit(Unfit::Link)),
        // A socket.
        Err(Errno::NXIO) => Ok(Opened::Unfit(Unfit::Kind)),
        Err(Errno::ACCESS) => Ok(Opened::Unfit(Unfit::Denied)),
        // The machine's fault, as when too many files are open: the program may be good.
        Err(error) => Err(error.into()),
    }
}

/// Removes what has this name, whatever it is.
fn clear(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Reads so many bytes from the beginning, wherever the descriptor stands.
fn read(file: &File, length: u64, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < length {
        let left = usize::try_from(length - at).unwrap_or(CHUNK).min(CHUNK);
        let chunk = &mut buffer[..left];
        file.read_exact_at(chunk, at)?;
        each(chunk)?;
        at += left as u64;
    }
    Ok(())
}
