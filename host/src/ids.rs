//! The names of things, each with a type of its own: a tenant can never stand where a session is meant.
//!
//! An id is parsed once, at the door, and is valid from then on. Ids are cheap to clone.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {} is not valid: {rule}", shown(value))]
pub struct InvalidId {
    /// Which id was meant, such as "session id".
    pub what: &'static str,
    /// The rule that the text breaks, in words.
    pub rule: &'static str,
    value: String,
}

/// A value from outside, quoted, without control characters, and short enough for one line.
fn shown(value: &str) -> String {
    const LONGEST: usize = 64;
    let mut shown: String = value.chars().take(LONGEST).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value.into()))
                } else {
                    Err(InvalidId { what: $what, rule: $rule, value: value.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// `[a-zA-Z][a-zA-Z0-9_]{0,47}`, the form of agent and endpoint names in the AgentCore service model.
fn is_name(value: &str) -> bool {
    is_name_of(48, value)
}

/// The same of another length: names inside ids may be longer in the service model, although no agent has one.
fn is_name_of(longest: usize, value: &str) -> bool {
    value.len() <= longest
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

text_id!(
    /// An account: 12 digits. Owns everything below it.
    TenantId, "account id", "an account id has 12 digits",
    |value| value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// The public half of an access key, which a signature names.
    AccessKeyId, "access key id", "an access key id has 16 to 128 letters, digits and underscores",
    |value| (16..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
);

text_id!(
    /// Who holds a key, in the words of its tenant.
    UserName, "user name", "a user name has 1 to 64 letters, digits and any of _+=,.@-",
    |value| (1..=64).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
);

text_id!(
    /// What its owner calls an agent (`agentRuntimeName` on the wire).
    AgentName, "agent name",
    "a name has 1 to 48 letters, digits and underscores, and begins with a letter",
    is_name
);

text_id!(
    /// An agent (`agentRuntimeId` on the wire): its name, a dash, and ten letters or digits.
    AgentId, "agent id", "an agent id is a name, a dash, and ten letters or digits, such as \"support-Ab12Cd34Ef\"",
    |value| value.rsplit_once('-').is_some_and(|(name, tail)| {
        is_name_of(100, name) && tail.len() == 10 && tail.bytes().all(|b| b.is_ascii_alphanumeric())
    })
);

text_id!(
    /// A name that points to a version of an agent, such as "DEFAULT".
    EndpointName, "endpoint name",
    "a name has 1 to 48 letters, digits and underscores, and begins with a letter",
    is_name
);

text_id!(
    /// The caller's name for a session of an agent.
    ///
    /// The service model asks for 33 to 256 characters, and its answers for this grammar.
    SessionId, "session id",
    "a session id has 33 to 256 letters, digits, dashes and underscores, and begins with a letter or digit",
    |value| (33..=256).contains(&value.len())
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
);

text_id!(
    /// One invocation: new each time, in the answer's headers and in every log line.
    RequestId, "request id", "a request id has 1 to 64 letters, digits and dashes",
    |value| (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);

text_id!(
    /// The caller's name for one invocation, the same in every retry of it: `amz-sdk-invocation-id` or `Idempotency-Key`.
    InvocationId, "invocation id", "an invocation id has 1 to 256 visible ASCII characters",
    |value| (1..=256).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// The caller's name for one change, by which it is made once: `clientToken` on the wire.
    ClientToken, "client token", "a client token has 33 to 256 letters, digits and dashes, and begins and ends with no dash",
    |value| (33..=256).contains(&value.len())
        && !value.starts_with('-') && !value.ends_with('-')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);

text_id!(
    /// The person or system on whose behalf the caller says that it calls; opaque, unverified.
    UserId, "user id", "a user id has 1 to 1024 visible characters",
    |value| (1..=1024).contains(&value.len()) && !value.chars().any(char::is_control)
);

text_id!(
    /// Bytes known by their SHA-256: 64 lower-case hexadecimal digits.
    Digest, "digest", "a digest has 64 lower-case hexadecimal digits",
    |value| value.len() == 64 && value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl TenantId {
    /// The one tenant of `local` mode.
    pub fn local() -> Self {
        Self("000000000000".into())
    }
}

impl AgentId {
    /// A new id for an agent of this name.
    pub fn new(name: &AgentName) -> Self {
        let tail = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("{name}-{}", &tail[..10]).into())
    }

    /// The name inside the id.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('-').map_or(&self.0, |(name, _)| name)
    }
}

impl EndpointName {
    /// The endpoint that every agent has, and that follows its newest version.
    pub fn default_endpoint() -> Self {
        Self("DEFAULT".into())
    }

    /// Whether this is the endpoint that follows the newest version.
    pub fn is_default(&self) -> bool {
        self.as_str() == "DEFAULT"
    }
}

impl SessionId {
    /// A new id, for a caller who gave none.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }
}

impl RequestId {
    /// A new id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_bytes(&sha2::Sha256::digest(bytes).into())
    }

    /// The digest that these bytes are.
    pub fn from_bytes(hash: &[u8; 32]) -> Self {
        Self(
            hash.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into(),
        )
    }
}

/// A number of an agent's version: 1, 2, 3…, at most five digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u32);

impl Version {
    /// What creating an agent makes.
    pub const FIRST: Version = Version(1);

    /// The version after this one; none past 99999, the last that the service model has room for.
    pub fn next(self) -> Option<Version> {
        (self.0 < 99_999).then_some(Version(self.0 + 1))
    }

    /// The bare number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl FromStr for Version {
    type Err = InvalidId;

    fn from_str(value: &str) -> Result<Self, InvalidId> {
        let valid = (1..=5).contains(&value.len())
            && value.bytes().all(|b| b.is_ascii_digit())
            && !value.starts_with('0');
        match value.parse() {
            Ok(number) if valid => Ok(Version(number)),
            _ => Err(InvalidId {
                what: "version",
                rule: "a version is a number from 1 to 99999",
                value: value.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The only way to address an agent: nobody can forget whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgentKey {
    /// Who owns the agent.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
}

/// The only way to address a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionKey {
    /// Whose agent it is a session of.
    pub agent: AgentKey,
    /// The caller's name for it.
    pub session: SessionId,
}

#[cfg(test)]
mod tests;
