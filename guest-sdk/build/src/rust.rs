//! Rust: cargo alone makes the component.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::job::Job;
use crate::{Error, Result, command};

const TARGET: &str = "wasm32-wasip2";

const RUST: &str = "install Rust from https://rustup.rs";

/// For an agent that says nothing of its own about releases: small, because a server keeps and compiles each version.
const SMALL: [&str; 5] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
];

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let folder = &job.project.folder;
    install_target(folder, job.talk)?;
    let manifest =
        fs::read_to_string(&job.project.entry).map_err(Error::file("read", &job.project.entry))?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args([
        "build",
        "--release",
        "--target",
        TARGET,
        "--message-format=json-render-diagnostics",
    ]);
    if !manifest.contains("[profile.release") {
        cargo.args(SMALL.iter().flat_map(|setting| ["--config", setting]));
    }
    cargo
        .envs(job.env)
        // What holds for a build that runs this one is not meant for the agent.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    let said =
        command::run(&mut cargo, "cargo", RUST, job.talk).map_err(without_machine_messages)?;
    let component = component(&String::from_utf8_lossy(&said)).ok_or_else(|| {
        Error::Agent(format!(
            "cargo made no component of {}: its manifest needs `crate-type = [\"cdylib\"]` under [lib]",
            folder.display()
        ))
    })?;
    fs::copy(&component, &job.out).map_err(Error::file("write", &job.out))?;
    Ok(Vec::new())
}

/// Sees to the standard library for the target, of the toolchain that the project's folder asks for.
fn install_target(folder: &Path, talk: &dyn Fn(&str)) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET]);
    let found = rustc.output().map_err(|_| Error::NoTool {
        tool: "rustc",
        help: RUST,
    })?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    if found.status.success() && libraries.is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(folder).args(["target", "add", TARGET]);
    let help = "it installs the target wasm32-wasip2, which this Rust lacks: https://rustup.rs";
    command::run(&mut rustup, "rustup", help, talk)?;
    Ok(())
}

/// The last component among the artifacts that cargo reports, a JSON object a line.
fn component(said: &str) -> Option<PathBuf> {
    said.split('"')
        .rfind(|word| word.ends_with(".wasm"))
        .map(PathBuf::from)
}

/// A failed build's words for people: cargo's reports for programs stand on the same page.
fn without_machine_messages(error: Error) -> Error {
    match error {
        Error::Command {
            command,
            status,
            output,
        } => {
            let lines: Vec<&str> = output
                .lines()
                .filter(|line| !line.starts_with("{\"reason\":"))
                .collect();
            Error::Command {
                command,
                status,
                output: lines.join("\n"),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
