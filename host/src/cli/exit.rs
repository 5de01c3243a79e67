//! How a command fails: what it says, and its exit code.

use std::error::Error;
use std::process::ExitCode;

/// The meaning of exit codes, for scripts. (2 is wrong usage, by the argument parser.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Failure = 1,
    NotFound = 3,
    Auth = 4,
    Conflict = 5,
    Agent = 6,
}

/// A command that failed.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Failure,
            message: message.into(),
        }
    }

    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// With the causes, each once.
    pub(super) fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(cause);
        while let Some(error) = cause {
            let text = error.to_string();
            if !self.message.contains(&text) {
                self.message.push_str(": ");
                self.message.push_str(&text);
            }
            cause = error.source();
        }
        self
    }

    /// An error with its causes.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let failure = Self::new(error.to_string());
        match error.source() {
            Some(source) => failure.because(source),
            None => failure,
        }
    }

    /// What went wrong, for a command that goes on all the same.
    pub(super) fn tell(&self) {
        super::tell(format_args!("kellion: {}", self.message));
    }

    /// The end of a command.
    pub(super) fn report(self) -> ExitCode {
        self.tell();
        ExitCode::from(self.kind as u8)
    }

    /// What went wrong.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}
