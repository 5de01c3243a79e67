//! A token as it stands on the wire, and its signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, crypto};
use serde_json::{Map, Value};

use super::Refused;
use super::keys::Keys;

/// The longest token, in bytes.
const LONGEST: usize = 16 * 1024;

/// What a token may be signed with: a key pair, so that who can verify cannot sign. Never `none`, never a shared secret.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

const NOT_A_TOKEN: Refused = Refused::Invalid("the bearer token is not a signed JWT");

/// The algorithm of this name, if tokens may use it.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, algorithm)| *algorithm)
}

/// A token whose header was read and whose claims were not: they mean nothing before the signature is verified.
pub(super) struct Token<'a> {
    algorithm: Algorithm,
    kid: Option<String>,
    /// Header and claims, which the signature covers.
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn read(bearer: &'a str) -> Result<Self, Refused> {
        if bearer.len() > LONGEST {
            return Err(Refused::Invalid("the token is longer than 16 KiB"));
        }
        let (signed, signature) = bearer.rsplit_once('.').ok_or(NOT_A_TOKEN)?;
        let (header, claims) = signed.split_once('.').ok_or(NOT_A_TOKEN)?;
        if claims.contains('.') {
            return Err(NOT_A_TOKEN);
        }
        // Of the header only these are looked at: a key that a token brings along, or points to, proves nothing.
        let header = object(header)?;
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .and_then(algorithm)
            .ok_or(Refused::Invalid(
                "the token's algorithm is not accepted; RS, PS, ES256, ES384 and EdDSA are",
            ))?;
        if header.contains_key("crit") {
            return Err(Refused::Invalid(
                "the token has critical header parameters (crit), and none is supported",
            ));
        }
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(NOT_A_TOKEN),
        };
        Ok(Self {
            algorithm,
            kid,
            signed,
            claims,
            signature,
        })
    }

    /// Which key signed it, as it says.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims, when one of these keys signed them.
    pub(super) fn verified(&self, keys: &Keys) -> Result<Map<String, Value>, Refused> {
        let fitting = keys.fitting(self.kid(), self.algorithm);
        if fitting.is_empty() {
            return Err(Refused::Invalid(
                "the issuer publishes no key that fits the token's kid and algorithm",
            ));
        }
        let genuine = fitting.into_iter().any(|key| {
            crypto::verify(self.signature, self.signed.as_bytes(), key, self.algorithm)
                .unwrap_or(false)
        });
        if !genuine {
            return Err(Refused::Invalid("the token's signature is not valid"));
        }
        object(self.claims)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refused> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| NOT_A_TOKEN)?;
    serde_json::from_slice(&json).map_err(|_| NOT_A_TOKEN)
}
