//! Agents written for AgentCore, unchanged: `bedrock-agentcore`, `strands-agents` and what else they ask for come from the
//! package index as they are, and a small package of ours makes the cell's interpreter fit them.

mod wanted;
mod wheels;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Prepared, requirements};
use crate::job::Job;
use crate::tools::PYTHON;
use crate::{Error, Result, command, pack};
use wanted::Wanted;

/// The cell's interpreter, as pip names it.
const FOR_THE_CELL: [&str; 10] = [
    "--only-binary",
    ":all:",
    "--python-version",
    "3.14",
    "--implementation",
    "cp",
    "--abi",
    "cp314",
    "--platform",
    "wasi_wasm32",
];

/// Installs what an agent on `bedrock-agentcore` and `strands-agents` needs. `imports` are the top-level names that its
/// files import; what may surprise its author is added to `warnings`.
pub(super) fn prepare(
    job: &Job<'_>,
    python: &Path,
    imports: &[String],
    warnings: &mut Vec<String>,
) -> Result<Prepared> {
    let wheels = wheels::install(job, python)?;
    let wanted = Wanted::read(requirements::file(job).as_deref(), imports, &wheels::pins())?;
    warnings.extend(wanted.warnings.iter().cloned());
    let site = install(job, python, &wheels, &wanted)?;
    Ok(Prepared {
        packages: vec![job.sdk.join("agentcore/src"), site],
        ahead: false,
        first: Some("kellion_agentcore.prepare".to_owned()),
        finder: "kellion_agentcore.entry".to_owned(),
    })
}

/// The folder with the packages: shared by all agents that ask for the same, since there are many of them.
fn install(job: &Job<'_>, python: &Path, wheels: &Path, wanted: &Wanted) -> Result<PathBuf> {
    let tried = text("constraints.txt");
    let asked = wanted.lines.join("\n");
    let recipe = format!("{asked}\n{tried}\n{}", wheels.display());
    let folder = job.tools.install("python-packages", &recipe, |folder| {
        let bound: Vec<String> = wheels::pins()
            .iter()
            .map(|pin| format!("{}=={}", pin.name, pin.version))
            .collect();
        let bound = bound.join("\n");
        let both = format!("{bound}\n{}", wanted.without_named(&tried));
        let site = folder.join("site");
        // The versions that were tried together, if the author's wishes allow it; otherwise what pip finds.
        if pip(job, python, wheels, &asked, &both, &site).is_ok() {
            return Ok(());
        }
        match pip(job, python, wheels, &asked, &bound, &site) {
            Err(Error::Command { output, .. }) => {
                let file = requirements::file(job).unwrap_or_else(|| "requirements.txt".into());
                Err(Error::Agent(requirements::explain(python, &file, &output)))
            }
            other => other,
        }
    })?;
    Ok(folder.join("site"))
}

fn pip(
    job: &Job<'_>,
    python: &Path,
    wheels: &Path,
    asked: &str,
    constraints: &str,
    site: &Path,
) -> Result<()> {
    if site.exists() {
        fs::remove_dir_all(site).map_err(Error::file("remove", site))?;
    }
    let asking = job.work.join("requirements.txt");
    fs::write(&asking, asked).map_err(Error::file("write", &asking))?;
    let constraining = job.work.join("constraints.txt");
    fs::write(&constraining, constraints).map_err(Error::file("write", &constraining))?;
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
    .arg("--find-links")
    .arg(wheels)
    .arg("--constraint")
    .arg(&constraining)
    .arg("--requirement")
    .arg(&asking);
    command::run(&mut pip, "python3", PYTHON, job.talk)?;
    Ok(())
}

/// The packages that are never installed from the index: the SDK stands for them, or no turn uses them.
pub(super) fn not_installed() -> impl Iterator<Item = String> {
    let pins = wheels::pins().into_iter().map(|pin| pin.name);
    pins.chain(wanted::left_out())
}

/// A text file that the SDK carries.
fn text(path: &str) -> String {
    pack::below("sdk/python/agentcore")
        .find(|(name, _)| *name == path)
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default()
}
