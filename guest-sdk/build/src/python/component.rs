//! The component, from the author's files, packages and the SDK.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Prepared;
use crate::job::Job;
use crate::tools::PYTHON;
use crate::{Error, Result, command};

/// The module that the component begins with. Not a name that an author would take.
const ENTRY: &str = "kellion_entry";

/// Folders as the interpreter sees them while the component is built.
struct Paths {
    /// On this machine, in the order in which modules are searched. The interpreter calls them /0, /1, /2…
    folders: Vec<PathBuf>,
    /// How many of them, behind the first, are the author's.
    authors: usize,
    /// How many, behind those, are of packages.
    packages: usize,
}

impl Paths {
    fn of(job: &Job<'_>, stage: &Path, entry: &Path, prepared: &Prepared) -> Self {
        let mut folders = vec![entry.to_owned()];
        let beside = job
            .project
            .entry
            .parent()
            .and_then(|folder| folder.strip_prefix(&job.project.folder).ok())
            .filter(|below| !below.as_os_str().is_empty());
        folders.extend(beside.map(|below| stage.join(below)));
        folders.push(stage.to_owned());
        let authors = folders.len() - 1;
        folders.extend(prepared.packages.iter().cloned());
        folders.push(job.sdk.join("src"));
        Self {
            folders,
            authors,
            packages: prepared.packages.len(),
        }
    }

    /// A text of the interpreter's, with its names of the author's folders made those of the author's machine.
    fn told(&self, job: &Job<'_>, text: &str) -> String {
        let mut text = text.to_owned();
        let stage = &self.folders[self.authors];
        for at in 1..=self.authors {
            let below = self.folders[at]
                .strip_prefix(stage)
                .unwrap_or(Path::new(""));
            let folder = job.project.folder.join(below);
            let folder = folder.to_string_lossy();
            text = text.replace(
                &format!("File \"/{at}/"),
                &format!("File \"{}/", folder.trim_end_matches('/')),
            );
        }
        text
    }
}

pub(super) fn make(job: &Job<'_>, python: &Path, stage: &Path, prepared: &Prepared) -> Result<()> {
    let entry = job.work.join("entry");
    if entry.exists() {
        fs::remove_dir_all(&entry).map_err(Error::file("remove", &entry))?;
    }
    fs::create_dir_all(&entry).map_err(Error::file("create", &entry))?;
    let paths = Paths::of(job, stage, &entry, prepared);
    let module = entry.join(format!("{ENTRY}.py"));
    fs::write(&module, source(job, &paths, prepared)).map_err(Error::file("write", &module))?;

    let told = |name: &str| {
        let text = fs::read_to_string(entry.join(name)).ok()?;
        Some(paths.told(job, text.trim_end())).filter(|text| !text.is_empty())
    };
    match componentize(job, python, &paths) {
        Ok(()) => {
            if let Some(printed) = told("printed.txt") {
                (job.talk)(&printed);
            }
            Ok(())
        }
        Err(error) => Err(told("error.txt").map_or(error, Error::Agent)),
    }
}

fn componentize(job: &Job<'_>, python: &Path, paths: &Paths) -> Result<()> {
    // Without an environment of its own the tool looks into the system's; this one is empty.
    let environment = job.work.join("environment");
    let empty = environment.join("lib/python3.14/site-packages");
    fs::create_dir_all(&empty).map_err(Error::file("create", &empty))?;

    let mut tool = Command::new(python.with_file_name("componentize-py"));
    tool.env("VIRTUAL_ENV", &environment)
        .env_remove("PYTHONPATH")
        .env("RUST_BACKTRACE", "0")
        .args(["--quiet", "--wit-path"])
        .arg(&job.wit)
        .args(["--world", "agent", "componentize", ENTRY]);
    for folder in &paths.folders {
        tool.arg("--python-path").arg(folder);
    }
    tool.arg("--output").arg(&job.out);
    command::run(&mut tool, "componentize-py", PYTHON, job.talk)?;
    Ok(())
}

/// The entry module: everything in it is the SDK's, so that the author's file is as it was written.
fn source(job: &Job<'_>, paths: &Paths, prepared: &Prepared) -> String {
    let packages = if prepared.ahead { paths.packages } else { 0 };
    let folders: Vec<String> = (1..=paths.authors + packages)
        .map(|at| format!("\"/{at}\""))
        .collect();
    let variables: Vec<String> = job
        .env
        .iter()
        .map(|(name, value)| format!("{}: {}", literal(name), literal(value)))
        .collect();
    let author = job
        .project
        .entry
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let mut source = String::from("from kellion import _start\n");
    let _ = writeln!(
        source,
        "_start.begin(\"/0\", [{}], {{{}}})",
        folders.join(", "),
        variables.join(", ")
    );
    if let Some(first) = &prepared.first {
        let _ = writeln!(source, "_start.load({})", literal(first));
    }
    let _ = writeln!(source, "_author = _start.load({})", literal(&author));
    let _ = writeln!(
        source,
        "_start.finish(_start.load({}).find(_author))",
        literal(&prepared.finder)
    );
    source.push_str("WitWorld = _start.WitWorld\n");
    source
}

/// A Python string.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        if c == ' ' || c.is_ascii_graphic() && !matches!(c, '"' | '\\') {
            literal.push(c);
        } else {
            let _ = write!(literal, "\\U{:08x}", u32::from(c));
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests;
