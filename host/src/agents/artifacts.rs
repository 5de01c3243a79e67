//! Artifacts: component bytes by digest, and the references that name them in their tenant's own store.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::Error;
use super::holds::{Hold, Holds};
use crate::clock::Timestamp;
use crate::ids::Digest;

/// The name of an artifact: an OCI reference as `containerUri` has it, or `s3://bucket/key`.
///
/// A reference without tag or digest means the tag `latest`, as everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

impl Reference {
    /// The longest reference; the service model's own bound for `containerUri`.
    const LONGEST: usize = 1_024;

    /// The object of an S3 bucket.
    pub fn s3(bucket: &str, key: &str) -> Result<Self, String> {
        format!("s3://{bucket}/{key}").parse()
    }

    /// A name that the server gives, of what a source has: it says exactly which bytes.
    pub(super) fn pinned(name: String) -> Self {
        Self(name)
    }

    /// The bucket and the key, of the object of an S3 bucket.
    pub(super) fn bucket_and_key(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix("s3://")?.split_once('/')
    }

    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty()
            || text.len() > Self::LONGEST
            || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(format!(
                "an artifact reference has 1 to {} visible ASCII characters",
                Self::LONGEST
            ));
        }
        let last = text.rsplit('/').next().unwrap_or(text);
        let named = text.starts_with("s3://") || last.contains(':') || last.contains('@');
        Ok(Self(if named {
            text.to_owned()
        } else {
            format!("{text}:latest")
        }))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The name.
    pub reference: Reference,
    /// The bytes that it names now.
    pub digest: Digest,
    /// How many they are.
    pub size_bytes: u64,
    /// When the name was last pushed.
    pub pushed: Timestamp,
}

/// The files: `artifacts/DIGEST.wasm`.
pub(super) struct Files {
    directory: PathBuf,
    limit: u64,
    holds: Holds,
}

impl Files {
    pub(super) fn open(directory: PathBuf, limit: u64, holds: Holds) -> Result<Self, Error> {
        open_folder(&directory).map_err(Error::disk("make the artifacts' folder"))?;
        Ok(Self {
            directory,
            limit,
            holds,
        })
    }

    /// What keeps files that nothing names yet.
    pub(super) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Removes a file. What cannot be removed stays for the next start.
    pub(super) fn remove(&self, digest: &Digest) {
        remove(&self.path(digest), digest);
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{digest}.wasm"))
    }

    /// The most bytes of an artifact.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// What is said of more.
    pub(super) fn too_large(&self) -> String {
        format!("the artifact is larger than {} MiB", self.limit >> 20)
    }

    /// A file to be filled, and adopted then.
    pub(super) fn blank(&self) -> Result<(std::fs::File, TempPath), Error> {
        new_file(&self.directory)
    }

    /// Gives a blank that was filled its place among the artifacts.
    pub(super) async fn adopt(&self, filled: TempPath) -> Result<Hold, Error> {
        let hashing = tokio::task::spawn_blocking(move || {
            let digest = digest_of_file(&mut std::fs::File::open(&filled)?)?;
            Ok((digest, filled))
        });
        let hashed: io::Result<(Digest, TempPath)> = hashing
            .await
            .expect("hashing does not panic and is never aborted");
        let (digest, filled) = hashed.map_err(Error::disk("read an artifact"))?;
        self.name(filled, digest).await
    }

    /// The hold is there before the name, and goes, if nobody waits for it any more, after it.
    async fn name(&self, filled: TempPath, digest: Digest) -> Result<Hold, Error> {
        let path = self.path(&digest);
        let hold = self.holds.hold(digest);
        name_with(filled, path, hold)
            .await
            .map_err(Error::disk("name an artifact"))
    }

    /// Stores a stream of bytes under their digest; all of them or none.
    pub(super) async fn store<E>(
        &self,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(Hold, u64), Error> {
        use sha2::Digest as _;

        let (file, temporary) = new_file(&self.directory)?;
        let mut file = tokio::fs::File::from_std(file);
        let mut hash = sha2::Sha256::new();
        let mut size = 0;
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else {
                return Err(Error::Invalid {
                    field: "body",
                    message: "the upload broke off".to_owned(),
                });
            };
            size += chunk.len() as u64;
            if size > self.limit {
                return Err(Error::Invalid {
                    field: "body",
                    message: self.too_large(),
                });
            }
            hash.update(&chunk);
            file.write_all(&chunk)
                .await
                .map_err(Error::disk("store an artifact"))?;
        }
        file.flush()
            .await
            .map_err(Error::disk("store an artifact"))?;
        Ok((self.name(temporary, digest_of(hash)).await?, size))
    }
}

/// The digest of what a file holds from where it stands. Blocks on the disk and for the hash.
pub(super) fn digest_of_file(file: &mut std::fs::File) -> io::Result<Digest> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    io::copy(file, &mut hash)?;
    Ok(digest_of(hash))
}

fn digest_of(hash: sha2::Sha256) -> Digest {
    use sha2::Digest as _;
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .parse()
        .expect("a SHA-256 has 64 hexadecimal digits")
}

/// Removes the files of a folder that begin with a digest which nobody needs. What cannot be removed stays for another time.
pub(super) fn sweep(directory: &Path, needed: &HashSet<Digest>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let digest = name.to_str().and_then(|name| name.get(..64)?.parse().ok());
        let digest: Option<Digest> = digest;
        if let Some(digest) = digest
            && !needed.contains(&digest)
        {
            remove(&entry.path(), &digest);
        }
    }
    Ok(())
}

/// Removes a file of a digest that nobody needs, if it is there.
pub(super) fn remove(path: &Path, digest: &Digest) {
    match std::fs::remove_file(path) {
        Ok(()) => tracing::info!(artifact.digest = %digest, "removed a file that nobody needs"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(artifact.digest = %digest, %error, "a file that nobody needs stays");
        }
    }
}

/// What a file is called before it is whole.
const INCOMING: &str = ".incoming-";

/// Opens a folder, and clears away what a crash left half-written.
pub(super) fn open_folder(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(INCOMING) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file in this directory that goes away unless it is given a name.
pub(super) fn new_file(directory: &Path) -> Result<(std::fs::File, TempPath), Error> {
    tempfile::Builder::new()
        .prefix(INCOMING)
        .tempfile_in(directory)
        .map(tempfile::NamedTempFile::into_parts)
        .map_err(Error::disk("make a file"))
}

/// Gives a file its name for good: no power cut leaves the name with less than all of the file behind it, and none takes the
/// name back.
pub(super) async fn name(file: TempPath, path: PathBuf) -> io::Result<()> {
    name_with(file, path, ()).await
}

/// The same, and gives back what belongs to the file, which lives as long as the naming goes on.
async fn name_with<T: Send + 'static>(file: TempPath, path: PathBuf, with: T) -> io::Result<T> {
    let naming = tokio::task::spawn_blocking(move || {
        std::fs::File::open(&file)?.sync_all()?;
        file.persist(&path)?;
        if let Some(folder) = path.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(with)
    });
    naming
        .await
        .expect("naming does not panic and is never aborted")
}
