//! Secrets at rest: sealed with the server's master key, which lies in a file of its own.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use super::Error;
use crate::ids::AccessKeyId;

/// The length of a master key, in bytes.
const KEY: usize = 32;

/// As long as a sealed secret of 40 characters.
const NOTHING: [u8; NONCE_LEN + 40 + MAX_TAG_LEN] = [0; NONCE_LEN + 40 + MAX_TAG_LEN];

/// Seals and opens secrets with AES-256-GCM. A secret is bound to its key's id: moved to another row it does not open.
pub(super) struct Seal {
    key: RandomizedNonceKey,
    programs: [u8; KEY],
}

/// What the key of compiled programs is derived for. Another text makes another key, and all programs be compiled again.
const PROGRAMS: &[u8] = b"kellion compiled programs 1";

impl Seal {
    /// Reads the master key, and makes one where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let key = match read(path) {
            Ok(key) => key,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(Error::disk("read the master key")(error)),
        };
        let key: [u8; KEY] = key.try_into().map_err(|_| Error::MasterKey)?;
        let mut programs = [0; KEY];
        Salt::new(HKDF_SHA256, &[])
            .extract(&key)
            .expand(&[PROGRAMS], HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut programs))
            .map_err(|_| Error::MasterKey)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| Error::MasterKey)?;
        Ok(Self { key, programs })
    }

    /// The key by which compiled programs are known again. It tells nothing of the master key.
    pub(super) fn programs(&self) -> [u8; KEY] {
        self.programs
    }

    /// The nonce, then the sealed secret.
    pub(super) fn seal(&self, id: &AccessKeyId, secret: &str) -> Result<Vec<u8>, Error> {
        let mut sealed = secret.as_bytes().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(id.as_str()), &mut sealed)
            .map_err(|_| Error::Unsealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    /// The secret again.
    pub(super) fn unseal(&self, id: &AccessKeyId, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, sealed) = sealed
            .split_at_checked(NONCE_LEN)
            .filter(|(_, sealed)| sealed.len() >= MAX_TAG_LEN)
            .ok_or(Error::Unsealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Unsealed)?;
        let mut secret = sealed.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(id.as_str()), &mut secret)
            .map_err(|_| Error::Unsealed)?
            .len();
        secret.truncate(length);
        Ok(secret)
    }

    /// As much work as unsealing a secret, for a key that there is not: the time of a refusal must not tell which keys
    /// there are.
    pub(super) fn unseal_nothing(&self, id: &AccessKeyId) {
        let _ = black_box(self.unseal(id, black_box(&NOTHING)));
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut key = Vec::new();
    // One byte more than it may have tells a file that is no key.
    std::fs::File::open(path)?
        .take(KEY as u64 + 1)
        .read_to_end(&mut key)?;
    Ok(key)
}

/// Makes the file whole or not at all; of two who do so at once, both use the first one's.
fn make(path: &Path) -> Result<Vec<u8>, Error> {
    let disk = || Error::disk("write the master key");
    let mut key = vec![0; KEY];
    getrandom::fill(&mut key).map_err(|_| Error::Random)?;
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .map_err(disk())?;
    file.write_all(&key)
        .and_then(|()| file.sync_all())
        .map_err(disk())?;
    let linked = std::fs::hard_link(&part, path);
    std::fs::remove_file(&part).map_err(disk())?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read(path).map_err(Error::disk("read the master key"))
        }
        Err(error) => Err(disk()(error)),
    }
}
