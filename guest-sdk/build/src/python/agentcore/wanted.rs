//! What an author asks for, made to fit the packages that have one version in a cell.

use std::fs;
use std::path::Path;

use super::wheels::Pin;
use crate::python::requirements::name;
use crate::{Error, Result};

/// Whose version follows that of a native part.
const BOUND: [&str; 1] = ["pydantic"];

/// Which package a module comes with, for authors who do not say.
const COMES_WITH: [(&str, &str); 4] = [
    ("strands", "strands-agents"),
    ("strands_tools", "strands-agents-tools"),
    ("boto3", "boto3"),
    ("pydantic", "pydantic"),
];

/// Packages of which every version of today needs native ones. pip would look for old versions that do not, for minutes.
const NATIVE: [(&str, &str); 12] = [
    ("anthropic", "jiter"),
    ("crewai", "chromadb and others"),
    ("langchain", "orjson and others"),
    ("langchain-aws", "numpy and orjson"),
    ("langchain-core", "orjson and others"),
    ("langgraph", "ormsgpack and orjson"),
    ("litellm", "tiktoken and tokenizers"),
    ("llama-index", "numpy and others"),
    ("numpy", "itself"),
    ("openai", "jiter"),
    ("openai-agents", "jiter"),
    ("pandas", "numpy"),
];

/// Extras that bring native packages, and that no turn uses: they make servers faster, or come with command-line tools.
const LEFT_OUT_EXTRAS: [(&str, &str); 2] = [("uvicorn", "standard"), ("fastapi", "standard")];

/// How deep requirement files may include each other.
const DEEPEST: usize = 8;

/// Requirements for pip.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) lines: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Wanted {
    /// What the file asks for, if there is one, and what the imports need beside it.
    pub(super) fn read(file: Option<&Path>, imports: &[String], pins: &[Pin]) -> Result<Self> {
        let mut wanted = Self::default();
        if let Some(file) = file {
            wanted.take(file, pins, 0)?;
        }
        wanted.add("bedrock-agentcore");
        // Elsewhere the system has the zones of time.
        wanted.add("tzdata");
        for (module, package) in COMES_WITH {
            if imports.iter().any(|import| import == module) {
                wanted.add(package);
            }
        }
        Ok(wanted)
    }

    fn take(&mut self, file: &Path, pins: &[Pin], depth: usize) -> Result<()> {
        let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        for line in text.lines().map(str::trim) {
            let included = ["--requirement", "-r"]
                .iter()
                .find_map(|option| line.strip_prefix(option));
            if let Some(included) = included {
                let path = folder.join(included.trim_start_matches(['=', ' ']).trim());
                if depth < DEEPEST {
                    self.take(&path, pins, depth + 1)?;
                }
                continue;
            }
            let Some(package) = name(line) else {
                // Options, such as another index, are pip's to read. Constraints and local paths would be taken from
                // another folder.
                if line.starts_with("--") && !line.starts_with("--constraint") {
                    self.lines.push(line.to_owned());
                }
                continue;
            };
            // The SDK's own package is there without being asked for.
            refuse(line, &package, file)?;
            if package != "kellion" && !left_out().contains(&package) {
                self.ask(line, &package, pins);
            }
        }
        Ok(())
    }

    /// Takes a requirement, without its version where the cell has only one.
    fn ask(&mut self, line: &str, package: &str, pins: &[Pin]) {
        let bound = BOUND.contains(&package) || pins.iter().any(|pin| pin.name == package);
        let line = line.split(" #").next().unwrap_or(line).trim();
        if !bound {
            self.lines.push(without_extras(line, package));
            return;
        }
        let free: String = line
            .split(['=', '<', '>', '!', '~', ';', ' ', '@'])
            .next()
            .unwrap_or(line)
            .to_owned();
        if line.contains("==") {
            let has = pins
                .iter()
                .find(|pin| pin.name == package)
                .map_or_else(String::new, |pin| format!(" {}", pin.version));
            self.warnings.push(format!(
                "requirements.txt asks for {line}: a cell has one version of {package},{has} and takes that"
            ));
        }
        self.lines.push(free);
    }

    /// Adds a package that nobody has asked for.
    fn add(&mut self, package: &str) {
        let there = self
            .lines
            .iter()
            .any(|line| name(line).as_deref() == Some(package));
        if !there {
            self.lines.push(package.to_owned());
        }
    }

    /// Constraints, without those on packages of which the author wants a certain version.
    pub(super) fn without_named(&self, constraints: &str) -> String {
        let named: Vec<String> = self
            .lines
            .iter()
            .filter(|line| line.contains(['=', '<', '>', '~', '@']))
            .filter_map(|line| name(line))
            .collect();
        constraints
            .lines()
            .filter(|line| name(line).is_none_or(|name| !named.contains(&name)))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Says of a requirement that cannot be met why.
fn refuse(line: &str, package: &str, file: &Path) -> Result<()> {
    let extras = line
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(extras, _)| extras);
    let found = NATIVE.iter().find(|(name, _)| {
        *name == package
            || package == "strands-agents" && extras.split(',').any(|extra| extra.trim() == *name)
    });
    let Some((name, needs)) = found else {
        return Ok(());
    };
    let needs = if *needs == "itself" {
        "which is native code".to_owned()
    } else {
        format!("which needs native packages ({needs})")
    };
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    Err(Error::Agent(format!(
        "{file} needs {name}, {needs}: a cell has of those only pydantic-core and rpds-py. Models are reached through \
         strands' BedrockModel or boto3's bedrock-runtime"
    )))
}

/// The packages that are asked for and not installed.
pub(super) fn left_out() -> Vec<String> {
    super::text("left-out.txt")
        .lines()
        .filter_map(name)
        .collect()
}

/// The requirement, without the extras that a cell can do without.
fn without_extras(line: &str, package: &str) -> String {
    let Some((before, rest)) = line.split_once('[') else {
        return line.to_owned();
    };
    let Some((extras, after)) = rest.split_once(']') else {
        return line.to_owned();
    };
    let kept: Vec<&str> = extras
        .split(',')
        .map(str::trim)
        .filter(|extra| !LEFT_OUT_EXTRAS.contains(&(package, extra)))
        .collect();
    if kept.is_empty() {
        format!("{before}{after}")
    } else {
        format!("{before}[{}]{after}", kept.join(","))
    }
}

#[cfg(test)]
mod tests;
