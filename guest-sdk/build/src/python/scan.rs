//! What an author's files import, found without running them, and a copy of them for the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::requirements;
use crate::job::Job;
use crate::tools::PYTHON;
use crate::{Error, Result, command};

/// Packages that say that an agent was written for AgentCore.
const AGENTCORE: [&str; 4] = ["bedrock_agentcore", "strands", "strands_tools", "boto3"];

/// What was found.
pub(super) struct Scan {
    /// The copy of the project.
    pub(super) stage: PathBuf,
    /// Top-level names of all imported modules.
    pub(super) imports: Vec<String>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn run(job: &Job<'_>, python: &Path) -> Result<Scan> {
    let stage = job.work.join("app");
    let mut scan = Command::new(python);
    // Without bytecode beside the sources: the SDK's folder is compared with what is packed.
    scan.arg("-B").arg(job.sdk.join("scan/scan.py")).args([
        &job.project.folder,
        &job.project.entry,
        &stage,
    ]);
    let said = command::run(&mut scan, "python3", PYTHON, &|_| {})?;
    let mut found = Scan {
        stage,
        imports: Vec::new(),
        warnings: Vec::new(),
    };
    let mut declared = String::new();
    for line in String::from_utf8_lossy(&said).lines() {
        match line.split_once('\t') {
            Some(("import", name)) => found.imports.push(name.to_owned()),
            Some(("warning", text)) => found.warnings.push(text.to_owned()),
            Some(("requirement", text)) => {
                declared.push_str(text);
                declared.push('\n');
            }
            _ => {}
        }
    }
    let file = requirements::declared(job);
    fs::write(&file, declared).map_err(Error::file("write", &file))?;
    Ok(found)
}

impl Scan {
    /// Whether the agent was written for AgentCore: one on the `kellion` package is ours, whatever else it uses.
    pub(super) fn is_agentcore(&self, job: &Job<'_>) -> Result<bool> {
        let has = |name: &str| self.imports.iter().any(|import| import == name);
        if has("kellion") {
            return Ok(false);
        }
        if AGENTCORE.iter().any(|name| has(name)) {
            return Ok(true);
        }
        let Some(file) = requirements::file(job) else {
            return Ok(false);
        };
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        Ok(text
            .lines()
            .filter_map(requirements::name)
            .any(|name| name == "bedrock-agentcore" || name.starts_with("strands-agents")))
    }
}
