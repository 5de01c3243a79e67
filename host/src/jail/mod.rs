//! The jail: what a process of this program gives up before it touches what strangers have sent. The only room that knows
//! landlock and seccomp.
//!
//! [`alone`] is for who computes, from open files to open files: the compiler, and who takes a component out of a zip.
//! [`build`] is for who runs toolchains, and [`cut_off`] for the rest of a build, when all is fetched. [`serve`] is for the
//! server itself, and what it gives up, its children have not either. All are for good, and for all that a process starts.
//!
//! A kernel that lacks something gives less protection, and the program goes on; [`Mode::Require`] is for who wants all of
//! it or nothing. Other systems than Linux have nothing of this kind.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod linux;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use linux::{alone, build, close, cut_off, serve};

/// Whether the server goes to jail. `[server] sandbox` in the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does, wholly, or does not start. What it must never ask the system for, ends it.
    Require,
    /// As far as the system lets it, and it says how far. What it must never ask the system for, is refused.
    #[default]
    Try,
    /// It does not. Who compiles and who builds does in any case.
    Off,
}

/// What a process may still open. Each path counts with all that is beneath it, as it is now: what takes its name later is
/// something else. What is not there is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// To read.
    pub read: Vec<PathBuf>,
    /// To read and to run.
    pub run: Vec<PathBuf>,
    /// To read, write, make and remove; not to run.
    pub write: Vec<PathBuf>,
    /// To do all of this with.
    pub own: Vec<PathBuf>,
}

/// How much of what was asked of landlock the kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Files {
    /// All.
    Full,
    /// Some: it is older than Linux 6.12.
    Partial,
    /// Nothing: it is older than Linux 5.13, or landlock is off.
    None,
}

/// What is in force for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct State {
    /// What was asked for.
    pub mode: Mode,
    /// Whether files outside of its places are closed to it.
    pub landlock: Files,
    /// Whether calls that it has no business with are refused.
    pub seccomp: bool,
}

impl State {
    const OPEN: Self = Self {
        mode: Mode::Off,
        landlock: Files::None,
        seccomp: false,
    };
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Require => "require",
            Mode::Try => "try",
            Mode::Off => return f.write_str("off"),
        };
        let landlock = match self.landlock {
            Files::Full => "full",
            Files::Partial => "partial",
            Files::None => "none",
        };
        let seccomp = if self.seccomp { "on" } else { "none" };
        write!(f, "{mode}; landlock: {landlock}; seccomp: {seccomp}")
    }
}

/// Why a process is not in the jail that it should be in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel lacks something, and nothing less will do.
    #[error(
        "this system cannot give the sandbox that is required: {0}; use --sandbox=try to serve with what there is"
    )]
    Incomplete(&'static str),
    /// The kernel refused.
    #[error("the system refused to {action}: {source}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

static STATE: OnceLock<State> = OnceLock::new();

/// What is in force for this process since [`serve`].
pub fn state() -> State {
    STATE.get().copied().unwrap_or(State::OPEN)
}
