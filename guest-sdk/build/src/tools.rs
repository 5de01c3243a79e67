//! Toolchains: found, or installed once into a folder of their own and used by every project.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::{Error, Result, command};

/// Where toolchains are installed.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder of an installation that the recipe describes. If it is not there, `install` fills it; two builds at one
    /// time do not meet in it, and one that was cut off is begun anew.
    pub(crate) fn install(
        &self,
        name: &str,
        recipe: &str,
        install: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let mut id = String::new();
        for byte in &Sha256::digest(recipe)[..8] {
            let _ = write!(id, "{byte:02x}");
        }
        let folder = self.folder.join(format!("{name}-{id}"));
        let installed = folder.join("installed");
        if installed.exists() {
            return Ok(folder);
        }
        fs::create_dir_all(&self.folder).map_err(Error::file("create", &self.folder))?;
        let path = self.folder.join(format!("{name}-{id}.lock"));
        let lock = File::create(&path).map_err(Error::file("create", &path))?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| Error::file("lock", &path)(error.into()))?;
        if installed.exists() {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        install(&folder)?;
        fs::write(&installed, recipe).map_err(Error::file("write", &installed))?;
        Ok(folder)
    }

    /// A Python environment with these packages, by its interpreter. `requirements` is what pip reads.
    pub(crate) fn python(
        &self,
        name: &str,
        requirements: &str,
        talk: &dyn Fn(&str),
    ) -> Result<PathBuf> {
        let folder = self.install(name, requirements, |folder| {
            run_python(
                ["-m", "venv"]
                    .map(OsStr::new)
                    .into_iter()
                    .chain([folder.as_os_str()]),
                talk,
            )?;
            let wanted = folder.join("requirements.txt");
            fs::write(&wanted, requirements).map_err(Error::file("write", &wanted))?;
            let mut pip = Command::new(folder.join("bin/python"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&wanted);
            command::run(&mut pip, "python3", PYTHON, talk)?;
            Ok(())
        })?;
        Ok(folder.join("bin/python"))
    }
}

/// How to get what runs Python tools.
pub(crate) const PYTHON: &str =
    "install Python 3.10 or newer with venv and pip (Debian: apt install python3-venv)";

fn run_python<'a>(arguments: impl Iterator<Item = &'a OsStr>, talk: &dyn Fn(&str)) -> Result<()> {
    let mut python = Command::new("python3");
    python.args(arguments);
    command::run(&mut python, "python3", PYTHON, talk)?;
    Ok(())
}
