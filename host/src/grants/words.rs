//! The words that terms are made of: patterns of models, names of hosts, names of values. Each is checked once, when it is
//! read.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Words in one list; more are no list that somebody wrote.
const MOST_WORDS: usize = 100;

/// A text that is not the word it should be, or one word too many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidWord(String);

impl InvalidWord {
    fn new(what: &str, value: &str, rule: &str) -> Self {
        Self(format!("{what} {:?} is not valid: {rule}", shown(value)))
    }
}

/// The beginning of a text from outside, short enough for one line.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = value.chars().take(LONGEST).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The word as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidWord;

            fn from_str(value: &str) -> Result<Self, InvalidWord> {
                let valid: fn(&str) -> bool = $valid;
                if valid(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidWord::new($what, value, $rule))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidWord;

            fn try_from(value: String) -> Result<Self, InvalidWord> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// A model's id, or the beginning of one with `*` behind it: `anthropic.claude-*`; `*` alone is every model.
    ///
    /// The star stands at the end alone, so that what two patterns have in common is always one of them, or nothing.
    ModelPattern, "the model",
    "it has 1 to 256 visible ASCII characters, and * at the end alone, as in \"anthropic.claude-*\"",
    |value| {
        let stem = value.strip_suffix('*').unwrap_or(value);
        (1..=256).contains(&value.len())
            && stem.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*')
    }
);

word!(
    /// A host's name in lower case, such as `api.example.com`.
    HostName, "the host",
    "it is a host's name in lower case, without scheme, port or path, such as \"api.example.com\"",
    |value| {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        value.len() <= 253 && value.split('.').all(label)
    }
);

word!(
    /// The name of a value of the agent's configuration, or of a secret.
    Name, "the name", "it has 1 to 100 visible ASCII characters without = and *",
    |value| {
        (1..=100).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=' && byte != b'*')
    }
);

impl ModelPattern {
    /// Whether the model is one of these.
    pub fn covers(&self, model: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => model.starts_with(stem),
            None => self.0 == model,
        }
    }

    /// The models that both mean; none when they have none in common.
    pub(super) fn common<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        let stem = |pattern: &'a Self| pattern.0.strip_suffix('*').unwrap_or(&pattern.0);
        if other.0.ends_with('*') && stem(self).starts_with(stem(other)) {
            Some(self)
        } else if self.0.ends_with('*') && stem(other).starts_with(stem(self)) {
            Some(other)
        } else {
            (self == other).then_some(self)
        }
    }

    /// Whether all that the other means is meant here.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.common(other) == Some(other)
    }
}

/// A list of at most 100 words, in order and each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "Vec<W>",
    into = "Vec<W>",
    bound(
        serialize = "W: Clone + Ord + Serialize",
        deserialize = "W: Ord + Deserialize<'de>"
    )
)]
pub struct Words<W: Ord>(BTreeSet<W>);

impl<W: Ord> Words<W> {
    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &W> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, word: &W) -> bool {
        self.0.contains(word)
    }
}

impl<W: Ord> Default for Words<W> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<W: Ord> TryFrom<Vec<W>> for Words<W> {
    type Error = InvalidWord;

    fn try_from(words: Vec<W>) -> Result<Self, InvalidWord> {
        if words.len() > MOST_WORDS {
            let many = words.len();
            return Err(InvalidWord(format!(
                "{many} are too many for one list, at most {MOST_WORDS} fit"
            )));
        }
        Ok(words.into_iter().collect())
    }
}

impl<W: Ord> From<Words<W>> for Vec<W> {
    fn from(words: Words<W>) -> Self {
        words.0.into_iter().collect()
    }
}

/// For what was counted already.
impl<W: Ord> FromIterator<W> for Words<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        Self(words.into_iter().collect())
    }
}

/// For one line of a message: the first of them, and how many more there are.
impl<W: Ord + fmt::Display> fmt::Display for Words<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        for (place, word) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{word}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
