//! The users, 1 to 5.

use std::fmt;

use serde::Deserialize;
use serde_json::Number;

const NAMES: [&str; 5] = ["Maira", "Mani", "Mark", "Ishan", "Dhawal"];

/// A user's number, also as text: callers write both `1` and `"1"`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a number in quotes")]
pub(crate) enum UserId {
    Number(Number),
    Text(String),
}

/// The user's name, if there is such a user.
pub(crate) fn name(id: &UserId) -> Option<&'static str> {
    let number = match id {
        UserId::Number(number) => number.as_u64()?,
        UserId::Text(text) => text.parse().ok()?,
    };
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES.get(index).copied()
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
