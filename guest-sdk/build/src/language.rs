//! The languages that agents are written in.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, by cargo.
    Rust,
    /// Python, frozen with its interpreter; also unchanged agents on `bedrock-agentcore` and `strands-agents`.
    Python,
    /// TypeScript and JavaScript, bundled with an engine.
    TypeScript,
    /// Go, by its own compiler.
    Go,
    /// C, by the compiler in the `ziglang` package.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Rust,
        Self::Python,
        Self::TypeScript,
        Self::Go,
        Self::C,
    ];

    /// The name on the command line, and of the language's folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Go => "go",
            Self::C => "c",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "py" => Ok(Self::Python),
            "ts" | "js" | "javascript" => Ok(Self::TypeScript),
            "rs" => Ok(Self::Rust),
            "golang" => Ok(Self::Go),
            _ => Self::ALL
                .into_iter()
                .find(|language| language.name() == text)
                .ok_or_else(|| Error::UnknownLanguage(text.to_owned())),
        }
    }
}
