//! The keys that an issuer publishes: a JSON Web Key Set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::algorithm;

/// The most keys that an issuer may publish. Real ones have some five.
const MOST: usize = 100;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The keys of one issuer that can sign tokens; others that it publishes are left out.
pub(super) struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    /// What it may sign with: what its type can, and only its own `alg` if it has one.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    pub(super) fn read(document: &[u8]) -> Result<Self, &'static str> {
        let set: Set =
            serde_json::from_slice(document).map_err(|_| "the issuer's keys are not a key set")?;
        if set.keys.len() > MOST {
            return Err("the issuer publishes more than 100 keys");
        }
        let jwks = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(Self(jwks.filter_map(Jwk::key).collect()))
    }

    /// Whether a key of this name can sign tokens.
    pub(super) fn knows(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// The keys that may have signed a token. One that names no key must leave no choice.
    pub(super) fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<&DecodingKey> {
        let fits = |key: &&Key| {
            key.algorithms.contains(&algorithm) && (kid.is_none() || key.kid.as_deref() == kid)
        };
        let fitting: Vec<_> = self.0.iter().filter(fits).map(|key| &key.key).collect();
        if kid.is_none() && fitting.len() > 1 {
            return Vec::new();
        }
        fitting
    }
}

impl Jwk {
    /// None for a key that no token may be signed with.
    fn key(self) -> Option<Key> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !signs || !verifies {
            return None;
        }
        let (able, key) = self.material()?;
        let algorithms = match &self.alg {
            None => able.to_vec(),
            Some(name) => vec![algorithm(name).filter(|one| able.contains(one))?],
        };
        Some(Key {
            kid: self.kid,
            algorithms,
            key,
        })
    }

    /// What its type can sign with, and the key.
    fn material(&self) -> Option<(&'static [Algorithm], DecodingKey)> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let key = DecodingKey::from_rsa_components(self.n.as_deref()?, self.e.as_deref()?);
                Some((RSA, key.ok()?))
            }
            ("EC", Some("P-256")) => Some((&[Algorithm::ES256], self.point(32)?)),
            ("EC", Some("P-384")) => Some((&[Algorithm::ES384], self.point(48)?)),
            ("OKP", Some("Ed25519")) => {
                let x = self.x.as_deref().filter(|x| has_bytes(x, 32))?;
                Some((
                    &[Algorithm::EdDSA],
                    DecodingKey::from_ed_components(x).ok()?,
                ))
            }
            _ => None,
        }
    }

    /// A point of a curve whose coordinates have so many bytes.
    fn point(&self, bytes: usize) -> Option<DecodingKey> {
        let x = self.x.as_deref().filter(|x| has_bytes(x, bytes))?;
        let y = self.y.as_deref().filter(|y| has_bytes(y, bytes))?;
        DecodingKey::from_ec_components(x, y).ok()
    }
}

fn has_bytes(base64: &str, bytes: usize) -> bool {
    URL_SAFE_NO_PAD
        .decode(base64)
        .is_ok_and(|decoded| decoded.len() == bytes)
}
