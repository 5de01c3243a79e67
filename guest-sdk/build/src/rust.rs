//! Rust: cargo alone makes the component.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::job::Job;
use crate::{Error, Result, command};

const RUSTUP: &str = "install Rust from https://rustup.rs";

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let manifest =
        fs::read_to_string(&job.project.entry).map_err(Error::file("read", &job.project.entry))?;
    let _ = manifest;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&job.project.folder).args([
        "build",
        "--release",
        "--target",
        "wasm32-wasip2",
        "--message-format=json-render-diagnostics",
    ]);
    cargo.envs(job.env);
    let said = command::run(&mut cargo, "cargo", RUSTUP, job.talk)?;
    let said = String::from_utf8_lossy(&said);
    let component: PathBuf = said
        .split('"')
        .rfind(|word| word.ends_with(".wasm"))
        .ok_or_else(|| {
            Error::Agent(
                "cargo made no component: the crate needs crate-type = [\"cdylib\"] under [lib]"
                    .to_owned(),
            )
        })?
        .into();
    fs::copy(&component, &job.out).map_err(Error::file("write", &job.out))?;
    Ok(Vec::new())
}
