//! An author's `requirements.txt`, installed for the cell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::job::Job;
use crate::tools::PYTHON;
use crate::{Error, Result, command};

/// Only what runs anywhere: wheels without native code, for the cell's Python.
const FOR_THE_CELL: [&str; 9] = [
    "--only-binary",
    ":all:",
    "--python-version",
    "3.14",
    "--implementation",
    "py",
    "--abi",
    "none",
    "--platform=any",
];

/// The project's file, if there is one: beside the entry, or in the project's folder.
pub(super) fn file(job: &Job<'_>) -> Option<PathBuf> {
    let beside = job.project.entry.with_file_name("requirements.txt");
    [beside, job.project.folder.join("requirements.txt")]
        .into_iter()
        .find(|file| file.is_file())
}

/// The package that a line asks for, as the index spells it.
pub(super) fn name(line: &str) -> Option<String> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    let name = &line[..end];
    if name.is_empty() || name.starts_with('-') {
        return None;
    }
    Some(name.to_ascii_lowercase().replace(['_', '.'], "-"))
}

/// Installs what the project asks for into `site`. Nothing is done when it is there already.
pub(super) fn install(job: &Job<'_>, python: &Path, site: &Path) -> Result<()> {
    let (wanted, text) = match file(job) {
        Some(file) => {
            let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
            (Some(file), text)
        }
        None => (None, String::new()),
    };
    let stamp = site.with_extension("installed");
    let digest = whole(wanted.as_deref(), &text, 0);
    if site.is_dir() && fs::read_to_string(&stamp).is_ok_and(|there| there == digest) {
        return Ok(());
    }
    if site.exists() {
        fs::remove_dir_all(site).map_err(Error::file("remove", site))?;
    }
    fs::create_dir_all(site).map_err(Error::file("create", site))?;
    if let Some(wanted) = &wanted
        && text.lines().any(|line| !line.trim().is_empty())
    {
        pip(job, python, site, wanted, &text)?;
    }
    fs::write(&stamp, digest).map_err(Error::file("write", &stamp))
}

/// The file's text, with that of the files that it includes: a change in any of them is a change.
fn whole(file: Option<&Path>, text: &str, depth: usize) -> String {
    let mut whole = text.to_owned();
    let Some(folder) = file.and_then(Path::parent).filter(|_| depth < 8) else {
        return whole;
    };
    for line in text.lines() {
        let included = ["-r", "--requirement", "-c", "--constraint"]
            .iter()
            .find_map(|option| line.trim().strip_prefix(option));
        if let Some(included) = included {
            let path = folder.join(included.trim_start_matches(['=', ' ']).trim());
            let text = fs::read_to_string(&path).unwrap_or_default();
            whole.push_str(&self::whole(Some(&path), &text, depth + 1));
        }
    }
    whole
}

fn pip(job: &Job<'_>, python: &Path, site: &Path, wanted: &Path, text: &str) -> Result<()> {
    // The SDK is there without being asked for.
    let asks_for_us = text
        .lines()
        .any(|line| name(line).as_deref() == Some("kellion"));
    let wanted = if asks_for_us {
        let without = job.work.join("requirements.txt");
        let others: Vec<&str> = text
            .lines()
            .filter(|line| name(line).as_deref() != Some("kellion"))
            .collect();
        fs::write(&without, others.join("\n")).map_err(Error::file("write", &without))?;
        without
    } else {
        wanted.to_owned()
    };
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--target",
    ])
    .arg(site)
    .args(FOR_THE_CELL)
    .arg("--requirement")
    .arg(&wanted);
    match command::run(&mut pip, "python3", PYTHON, job.talk) {
        Ok(_) => Ok(()),
        Err(Error::Command { output, .. }) => Err(Error::Agent(explain(python, &wanted, &output))),
        Err(other) => Err(other),
    }
}

/// Why pip could not install the requirements, in words that name the one that it could not, and why.
pub(super) fn explain(python: &Path, wanted: &Path, output: &str) -> String {
    let file = wanted.file_name().unwrap_or_default().to_string_lossy();
    let Some(requirement) = output
        .lines()
        .find_map(|line| line.split("No matching distribution found for ").nth(1))
    else {
        let errors: Vec<&str> = output
            .lines()
            .filter(|line| line.starts_with("ERROR"))
            .collect();
        let told = if errors.is_empty() {
            output.to_owned()
        } else {
            errors.join("\n")
        };
        return format!("{file} cannot be installed:\n{told}");
    };
    let requirement = requirement.trim();
    let short = name(requirement).unwrap_or_else(|| requirement.to_owned());
    let asker = output
        .lines()
        .filter(|line| line.contains("requirement"))
        .find_map(|line| line.split("(from ").nth(1))
        .and_then(|from| from.split([')', '-']).next())
        .map(str::trim)
        .filter(|from| !from.is_empty() && *from != "versions:" && !from.starts_with("versions"));
    let asked = match asker {
        Some(asker) => format!("{requirement}, for {asker}"),
        None => requirement.to_owned(),
    };
    if exists(python, &short) {
        format!(
            "{file} asks for {asked}, which cannot run in a cell: no version that fits has a wheel without native code \
             (py3-none-any) for Python 3.14. Use a package in pure Python, or leave it out"
        )
    } else {
        format!(
            "{file} asks for {asked}, and the package index has no {short}: is the name right, and the index reachable?"
        )
    }
}

/// Whether the index has the package at all, for any machine.
fn exists(python: &Path, package: &str) -> bool {
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "index",
        "versions",
        "--disable-pip-version-check",
        package,
    ]);
    command::run(&mut pip, "python3", PYTHON, &|_| {}).is_ok()
}

#[cfg(test)]
mod tests;
