//! What can go wrong, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// A project cannot be found, begun or built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No SDK has this name.
    #[error("no language is called {0:?}; there are rust, python, typescript, go and c")]
    UnknownLanguage(String),
    /// Nothing in the folder says what it is written in.
    #[error(
        "{} is no agent's project: there is no Cargo.toml, go.mod, package.json, agent.py, agent.ts, agent.go or agent.c; \
         name the agent's file, or begin a project with: kellion new NAME --lang LANGUAGE",
        .0.display()
    )]
    NoProject(PathBuf),
    /// The file's name does not say what it is written in.
    #[error("{} is no source file of an agent: its name has to end in .rs, .py, .ts, .js, .go or .c", .0.display())]
    NoSource(PathBuf),
    /// A new project would overwrite something.
    #[error("{} is there already; choose another name", .0.display())]
    Exists(PathBuf),
    /// The name of a new project cannot be an agent's name.
    #[error(
        "{0:?} cannot be an agent's name: it has to begin with a letter, and go on with letters, digits and _, 48 in all"
    )]
    Name(String),
    /// A tool is neither here nor can it be installed.
    #[error("{tool} is missing: {help}")]
    NoTool {
        /// Its name.
        tool: &'static str,
        /// How to get it.
        help: &'static str,
    },
    /// A tool ran and failed.
    #[error("{command} failed ({status}):\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// The agent's sources, or what they ask for, cannot become a component.
    #[error("{0}")]
    Agent(String),
    /// Who watches the build does not let the author's code run.
    #[error("the author's code is not run: {0}")]
    Watch(#[source] io::Error),
    /// A file cannot be read or written.
    #[error("cannot {deed} {}: {source}", path.display())]
    File {
        /// What was tried.
        deed: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err` behind a call of `std::fs`.
    pub(crate) fn file(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { deed, path, source }
    }
}
