//! Agents written for AgentCore, unchanged: `bedrock-agentcore`, `strands-agents` and what else they ask for come from the
//! package index as they are, and a small package of ours makes the cell's interpreter fit them.

mod wanted;
mod wheels;

use std::fs;
use std::path::Path;
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
    site: &Path,
    imports: &[String],
    warnings: &mut Vec<String>,
) -> Result<Prepared> {
    let wheels = wheels::install(job, python)?;
    let wanted = Wanted::read(requirements::file(job).as_deref(), imports, &wheels::pins())?;
    warnings.extend(wanted.warnings.iter().cloned());
    install(job, python, &wheels, &wanted, site)?;
    Ok(Prepared {
        packages: vec![job.sdk.join("agentcore/src"), site.to_owned()],
        ahead: false,
        first: Some("kellion_agentcore.prepare".to_owned()),
        finder: "kellion_agentcore.entry".to_owned(),
    })
}

/// Installs the packages into `site`. Nothing is done when they are there already.
fn install(
    job: &Job<'_>,
    python: &Path,
    wheels: &Path,
    wanted: &Wanted,
    site: &Path,
) -> Result<()> {
    let stamp = site.with_extension("installed");
    let tried = text("constraints.txt");
    let asked = wanted.lines.join("\n");
    let digest = format!("{asked}\n{tried}\n{}", wheels.display());
    if site.is_dir() && fs::read_to_string(&stamp).is_ok_and(|there| there == digest) {
        return Ok(());
    }
    let bound: Vec<String> = wheels::pins()
        .iter()
        .map(|pin| format!("{}=={}", pin.name, pin.version))
        .collect();
    let bound = bound.join("\n");
    let both = format!("{bound}\n{}", wanted.without_named(&tried));
    // The versions that were tried together, if the author's wishes allow it; otherwise what pip finds.
    if pip(job, python, wheels, &asked, &both, site).is_err() {
        let told = pip(job, python, wheels, &asked, &bound, site);
        if let Err(Error::Command { output, .. }) = &told {
            let file = job.work.join("requirements.txt");
            return Err(Error::Agent(requirements::explain(python, &file, output)));
        }
        told?;
    }
    fs::write(&stamp, digest).map_err(Error::file("write", &stamp))
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

/// A text file that the SDK carries.
fn text(path: &str) -> String {
    pack::below("sdk/python/agentcore")
        .find(|(name, _)| *name == path)
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default()
}
