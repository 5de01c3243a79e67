//! Signatures inside components, as the tools of WebAssembly make and check them: a section in front, with Ed25519 signatures
//! over everything behind it (<https://github.com/WebAssembly/tool-conventions/blob/main/Signatures.md>).

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wasmsign2::{Module, PublicKey, PublicKeySet, SecretKey, WSError};

/// A public key whose signatures count, as PEM; that between the armour's lines is enough.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedKey(PublicKey);

/// What was given is no key of the kind.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// Not a public key.
    #[error(
        "{0:?} is no public Ed25519 key as PEM; `openssl pkey -in author.pem -pubout` shows the one of author.pem"
    )]
    Public(String),
    /// Not a private key. It is not repeated.
    #[error(
        "it is no private Ed25519 key as PEM; `openssl genpkey -algorithm ed25519 -out author.pem` makes one"
    )]
    Private,
}

/// Why a component is not taken for that of somebody who is trusted, in words for its owner.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nobody signed it.
    #[error("the component is not signed; sign it with `kellion sign FILE --key KEY`")]
    Unsigned,
    /// The signature is of somebody else, or over something else.
    #[error(
        "the component's signature is by no key that the account's policy names in signed_by, or the component was changed \
         after it was signed"
    )]
    Other,
    /// It is no component, or its signature is none.
    #[error("the component's signature cannot be read")]
    Unreadable,
}

impl FromStr for TrustedKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let armoured = match text.starts_with("-----") {
            true => text.to_owned(),
            false => format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"),
        };
        PublicKey::from_pem(&armoured)
            .map(Self)
            .map_err(|_| InvalidKey::Public(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for TrustedKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<TrustedKey> for String {
    fn from(key: TrustedKey) -> Self {
        key.to_string()
    }
}

/// What stands between the lines of the armour.
impl fmt::Display for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pem = self.0.to_pem();
        let inner = pem.lines().filter(|line| !line.starts_with("-----"));
        inner.map(str::trim).try_for_each(|line| f.write_str(line))
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A private key, which signs.
pub struct SigningKey(SecretKey);

impl SigningKey {
    /// Of a key as PEM.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        SecretKey::from_pem(pem)
            .map(Self)
            .map_err(|_| InvalidKey::Private)
    }

    /// The key by which its signatures are known.
    pub fn public(&self) -> TrustedKey {
        TrustedKey(PublicKey {
            pk: self.0.sk.public_key(),
            key_id: None,
        })
    }

    /// The component with a signature in front, instead of what signature it had. None when it is no component.
    pub fn sign(&self, component: &[u8]) -> Option<Vec<u8>> {
        let module = Module::deserialize(&mut &component[..]).ok()?;
        let signed = self.0.sign(module, None).ok()?;
        let mut bytes = Vec::with_capacity(component.len() + 256);
        signed.serialize(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Whether one of these keys signed all of a component.
///
/// Takes as much memory as the component says that its signature needs: for a process that may die of it.
pub fn verify(keys: &[TrustedKey], component: &mut impl Read) -> Result<(), Untrusted> {
    let keys = PublicKeySet::new(keys.iter().map(|key| key.0.clone()).collect());
    match keys.verify(component, None) {
        Ok(_) => Ok(()),
        Err(WSError::NoSignatures) => Err(Untrusted::Unsigned),
        Err(WSError::VerificationFailed) => Err(Untrusted::Other),
        Err(_) => Err(Untrusted::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        let pair = ed25519(seed);
        SigningKey::from_pem(&pair).unwrap()
    }

    /// A private key as `openssl` writes it: PKCS #8 of RFC 8410, around these 32 bytes.
    fn ed25519(seed: u8) -> String {
        use base64::Engine as _;
        let mut der = vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        der.extend([seed; 32]);
        let inner = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{inner}\n-----END PRIVATE KEY-----\n")
    }

    fn component() -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // A custom section with the name "a" and three bytes.
        bytes.extend([0, 5, 1, b'a', 1, 2, 3]);
        bytes
    }

    fn verified(keys: &[TrustedKey], component: &[u8]) -> Result<(), Untrusted> {
        verify(keys, &mut &component[..])
    }

    #[test]
    fn who_signed_is_known_and_nobody_else() {
        let (author, other) = (key(1), key(2));
        let signed = author.sign(&component()).unwrap();
        let (trusted, stranger) = (author.public(), other.public());
        assert_eq!(verified(from_ref(&trusted), &signed), Ok(()));
        assert_eq!(
            verified(&[stranger.clone(), trusted.clone()], &signed),
            Ok(())
        );
        assert_eq!(
            verified(from_ref(&stranger), &signed),
            Err(Untrusted::Other)
        );
        assert_eq!(verified(&[], &signed), Err(Untrusted::Other));
        assert_eq!(
            verified(from_ref(&trusted), &component()),
            Err(Untrusted::Unsigned)
        );
        // Signed anew, the other's signature is gone.
        let again = other.sign(&signed).unwrap();
        assert_eq!(verified(&[stranger], &again), Ok(()));
        assert_eq!(verified(&[trusted], &again), Err(Untrusted::Other));
    }

    #[test]
    fn no_byte_can_be_changed_added_or_left_out() {
        let author = key(1);
        let trusted = [author.public()];
        let signed = author.sign(&component()).unwrap();
        for place in 0..signed.len() {
            let mut changed = signed.clone();
            changed[place] ^= 1;
            assert!(verified(&trusted, &changed).is_err(), "{place}");
            assert!(verified(&trusted, &signed[..place]).is_err(), "{place}");
        }
        let mut longer = signed.clone();
        longer.extend([0, 2, 1, b'b']);
        assert_eq!(verified(&trusted, &longer), Err(Untrusted::Other));
    }

    #[test]
    fn keys_are_read_with_and_without_their_armour() {
        let public = key(1).public();
        let inner = public.to_string();
        assert_eq!(inner.parse::<TrustedKey>().unwrap(), public);
        let armoured = format!("-----BEGIN PUBLIC KEY-----\n{inner}\n-----END PUBLIC KEY-----\n");
        assert_eq!(armoured.parse::<TrustedKey>().unwrap(), public);
        let json = serde_json::to_string(&public).unwrap();
        assert_eq!(serde_json::from_str::<TrustedKey>(&json).unwrap(), public);
        let wrong = "not a key".parse::<TrustedKey>().unwrap_err().to_string();
        assert!(
            wrong.contains("not a key") && wrong.contains("openssl"),
            "{wrong}"
        );
        let private = ed25519(1);
        assert!(private.parse::<TrustedKey>().is_err());
        assert!(SigningKey::from_pem(&inner).is_err());
    }
}
