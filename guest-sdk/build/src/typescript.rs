//! TypeScript and JavaScript: bundled by esbuild, frozen with their engine by componentize-js. Both run on the author's
//! Node.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::job::Job;
use crate::{Error, Result, command};

/// The oldest Node that esbuild and componentize-js run on.
const NODE: u32 = 20;
const GET_NODE: &str =
    "install Node.js 20 or newer with npm (https://nodejs.org, or your system's packages)";

/// Comes before the names of variables that module-level code sees; `build.mjs` takes it off.
const VARIABLE: &str = "KELLION_BUILD_";
/// Tells `build.mjs` to read nothing outside of the project.
const CONFINED: &str = "confined";
/// Comes before each of `build.mjs`'s warnings.
const WARNING: &str = "warning: ";

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    check_node(job)?;
    let tools = toolchain(job)?;
    install_packages(job)?;
    job.has_all()?;
    let mut node = Command::new("node");
    node.arg(job.sdk.join("build/build.mjs")).args([
        &job.project.folder,
        &job.project.entry,
        &job.sdk,
        &job.wit,
        &tools,
        &job.work,
        &job.out,
    ]);
    if job.vendored {
        node.arg(CONFINED);
    }
    for (name, value) in job.env {
        node.env(format!("{VARIABLE}{name}"), value);
    }
    let said = command::run(&mut node, "node", GET_NODE, job.talk).map_err(authors)?;
    let mut warnings = Vec::new();
    for line in String::from_utf8_lossy(&said).lines() {
        match line.strip_prefix(WARNING) {
            Some(warning) => warnings.push(warning.to_owned()),
            // What the agent's module-level code prints.
            None => (job.talk)(line),
        }
    }
    Ok(warnings)
}

/// The command line is ours, and what is wrong is the author's: the message alone.
fn authors(error: Error) -> Error {
    match error {
        Error::Command { output, .. } => {
            let lines = output.lines().filter(|line| !line.starts_with(WARNING));
            Error::Agent(lines.collect::<Vec<_>>().join("\n"))
        }
        other => other,
    }
}

fn check_node(job: &Job<'_>) -> Result<()> {
    let mut node = Command::new("node");
    node.arg("--version");
    let said = command::run(&mut node, "node", GET_NODE, &|_| {})?;
    let version = String::from_utf8_lossy(&said).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next();
    if major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= NODE)
    {
        return Ok(());
    }
    (job.talk)(&format!("node is {version}"));
    Err(Error::NoTool {
        tool: "Node.js 20 or newer",
        help: GET_NODE,
    })
}

/// esbuild and componentize-js, in the versions that the SDK's lock names.
fn toolchain(job: &Job<'_>) -> Result<PathBuf> {
    let read = |name: &str| {
        let path = job.sdk.join("build").join(name);
        fs::read_to_string(&path).map_err(Error::file("read", &path))
    };
    let files = ["package.json", "package-lock.json"];
    let contents = [read(files[0])?, read(files[1])?];
    job.tools
        .install("typescript", &contents.concat(), |folder| {
            for (file, content) in files.iter().zip(&contents) {
                let path = folder.join(file);
                fs::write(&path, content).map_err(Error::file("write", &path))?;
            }
            npm(job, folder, ["ci", "--ignore-scripts"])
        })
}

/// The packages that the project names, as its author would install them.
fn install_packages(job: &Job<'_>) -> Result<()> {
    let folder = &job.project.folder;
    let manifest = folder.join("package.json");
    if !manifest.is_file() || folder.join("node_modules").is_dir() {
        return Ok(());
    }
    let text = fs::read_to_string(&manifest).map_err(Error::file("read", &manifest))?;
    if !text.contains("ependencies\"") {
        return Ok(());
    }
    if job.vendored {
        return Err(Error::Agent(
            "package.json names dependencies, and there is no folder node_modules beside it: run `npm install` before the \
             zip is made"
                .to_owned(),
        ));
    }
    let deed = if folder.join("package-lock.json").is_file() {
        "ci"
    } else {
        "install"
    };
    npm(job, folder, [deed])
}

fn npm(
    job: &Job<'_>,
    folder: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.current_dir(folder)
        .args(arguments)
        .args(["--no-audit", "--no-fund", "--loglevel=error"]);
    command::run(&mut npm, "npm", GET_NODE, job.talk)?;
    Ok(())
}
