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

/// The project's file, if there is one and the project does not bring its packages along: beside the entry, or in the project's folder; otherwise what `pyproject.toml`
/// declares.
pub(super) fn file(job: &Job<'_>) -> Option<PathBuf> {
    if job.vendored {
        return None;
    }
    let beside = job.project.entry.with_file_name("requirements.txt");
    [
        beside,
        job.project.folder.join("requirements.txt"),
        declared(job),
    ]
    .into_iter()
    .find(|file| file.is_file())
}

/// Where the build keeps the requirements of the project's `pyproject.toml`, one a line. Named as that, for messages.
pub(super) fn declared(job: &Job<'_>) -> PathBuf {
    job.work.join("pyproject.toml")
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

/// Whether a line is more than space and comment.
fn asks(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
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
        && text.lines().any(asks)
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
    let Err(first) = run_pip(job, python, site, &wanted, None) else {
        return Ok(());
    };
    let Error::Command { .. } = first else {
        return Err(first);
    };
    // Some packages work without their native half, but have to be asked to.
    let wheels = without_native_code(job, python)?;
    match run_pip(job, python, site, &wanted, Some(&wheels)) {
        Err(Error::Command { output, .. }) => Err(Error::Agent(explain(python, &wanted, &output))),
        other => other,
    }
}

fn run_pip(
    job: &Job<'_>,
    python: &Path,
    site: &Path,
    wanted: &Path,
    wheels: Option<&Path>,
) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-compile", "--target"])
        .arg(site)
        .args(FOR_THE_CELL);
    if let Some(wheels) = wheels {
        pip.arg("--find-links").arg(wheels);
    }
    pip.arg("--requirement").arg(wanted);
    command::run(&mut pip, "python3", PYTHON, job.talk)?;
    Ok(())
}

/// A folder of wheels of packages that are usually wanted, work in pure Python, and publish native wheels only.
fn without_native_code(job: &Job<'_>, python: &Path) -> Result<PathBuf> {
    let program = job.sdk.join("wheels/pure.py");
    let list = job.sdk.join("wheels/requirements.txt");
    let recipe = fs::read_to_string(&list).map_err(Error::file("read", &list))?;
    job.tools.install("python-wheels", &recipe, |folder| {
        let mut make = Command::new(python);
        make.arg("-B").arg(&program).arg(folder);
        command::run(&mut make, "python3", PYTHON, job.talk)?;
        Ok(())
    })
}

/// Why pip could not install the requirements, in words that name the one that it could not, and why.
pub(super) fn explain(python: &Path, wanted: &Path, output: &str) -> String {
    let file = wanted.file_name().unwrap_or_default().to_string_lossy();
    let missing = missing(output);
    if missing.is_empty() {
        let errors: Vec<&str> = output
            .lines()
            .skip_while(|line| !line.starts_with("ERROR"))
            .collect();
        let told = if errors.is_empty() {
            output.to_owned()
        } else {
            errors.join("\n")
        };
        return format!("{file} cannot be installed:\n{told}");
    }
    let told: Vec<String> = missing
        .iter()
        .map(|requirement| {
            let package = name(requirement).unwrap_or_else(|| requirement.clone());
            if exists(python, &package) {
                format!(
                    "{file} needs {requirement}, which cannot run in a cell: no version that fits has a wheel without \
                     native code (py3-none-any) for Python 3.14. Use a package in pure Python instead"
                )
            } else {
                format!(
                    "{file} needs {requirement}, and the package index has no {package}: is the name right, and the index \
                     reachable?"
                )
            }
        })
        .collect();
    told.join("\n")
}

/// The requirements that pip found no fitting package for.
fn missing(output: &str) -> Vec<String> {
    let direct = output
        .lines()
        .filter_map(|line| line.split("No matching distribution found for ").nth(1));
    let mut missing: Vec<String> = direct.map(|found| found.trim().to_owned()).collect();
    // When several versions of a package were tried, pip lists what all of them lack, one a line.
    let listed = output
        .lines()
        .skip_while(|line| !line.contains("no matching distributions available"))
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    missing.extend(listed.map(|line| line.trim().to_owned()));
    missing.dedup();
    missing
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
