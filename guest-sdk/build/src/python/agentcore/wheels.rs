//! Packages that are native elsewhere, built for the cell once and shared by all projects.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::job::Job;
use crate::tools::PYTHON;
use crate::{Error, Result, command, pack};

/// A package that has exactly one version in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) name: String,
    pub(super) version: String,
}

/// The packages of which the SDK brings its own wheels.
pub(super) fn pins() -> Vec<Pin> {
    [
        super::text("wheels/sources.txt"),
        super::text("wheels/stand-ins.txt"),
    ]
    .iter()
    .flat_map(|text| text.lines())
    .filter_map(pin)
    .collect()
}

/// The pin at the beginning of a line, if there is one.
fn pin(line: &str) -> Option<Pin> {
    let line = line.split('#').next().unwrap_or_default();
    let (name, rest) = line.split_once("==")?;
    let version = rest.split_whitespace().next()?;
    Some(Pin {
        name: name.trim().to_owned(),
        version: version.to_owned(),
    })
}

/// The folder with the wheels. They are built when they are not there.
pub(super) fn install(job: &Job<'_>, python: &Path) -> Result<PathBuf> {
    let recipe: String = pack::below("sdk/python/agentcore/wheels")
        .map(|(_, bytes)| String::from_utf8_lossy(bytes))
        .collect();
    let folder = job.tools.install("python-wheels", &recipe, |folder| {
        (job.talk)("building pydantic-core and rpds-py for the cell; this is done once, and takes some minutes");
        let mut build = Command::new(python);
        build
            .arg("-B")
            .arg(job.sdk.join("agentcore/wheels/build.py"))
            .arg(folder.join("wheels"))
            .arg(folder.join("work"));
        match command::run(&mut build, "python3", PYTHON, job.talk) {
            Ok(_) => Ok(()),
            Err(Error::Command { output, .. }) => Err(Error::Agent(format!(
                "the native packages of AgentCore's agents cannot be built for the cell:\n{output}"
            ))),
            Err(other) => Err(other),
        }
    })?;
    Ok(folder.join("wheels"))
}

#[cfg(test)]
mod tests {
    use super::{Pin, pin, pins};

    #[test]
    fn a_pin_is_a_name_and_a_version() {
        let read = pin("pydantic-core==2.50.4 --hash=sha256:00");
        let wanted = Pin {
            name: "pydantic-core".to_owned(),
            version: "2.50.4".to_owned(),
        };
        assert_eq!(read, Some(wanted));
        assert_eq!(pin("# numpy==1"), None);
        assert_eq!(pin(""), None);
    }

    #[test]
    fn what_is_native_or_stands_for_something_has_one_version() {
        let names: Vec<String> = pins().into_iter().map(|pin| pin.name).collect();
        for name in [
            "pydantic-core",
            "rpds-py",
            "pyyaml",
            "boto3",
            "cryptography",
        ] {
            assert!(
                names.iter().any(|there| there == name),
                "{name} in {names:?}"
            );
        }
    }
}
