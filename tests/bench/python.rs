//! The other way to run the same agent: a Python process of the AgentCore SDK.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::client::Target;
use super::process::Process;
use super::server::bedrock_at;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A virtual environment with the SDK.
pub(crate) struct Python {
    interpreter: PathBuf,
    agent: PathBuf,
}

impl Python {
    /// The environment of an earlier run, or a new one: pip needs a package index for it, and a minute.
    pub(crate) fn prepare() -> Result<Self, Error> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("no workspace")?;
        let environment = root.join(".tools/bench-python");
        let interpreter = environment.join("bin/python");
        let installed = environment.join("requirements.txt");
        if std::fs::read_to_string(&installed).is_ok_and(|done| done == REQUIREMENTS) {
            return Ok(Self::with(interpreter, root));
        }
        println!(
            "  making a virtual environment in {}",
            environment.display()
        );
        checked(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        let requirements = root.join("tests/bench/requirements.txt");
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        checked(Command::new(&interpreter).args(pip).arg(requirements))?;
        std::fs::write(installed, REQUIREMENTS)?;
        Ok(Self::with(interpreter, root))
    }

    fn with(interpreter: PathBuf, root: &Path) -> Self {
        let agent = root.join("tests/bench/agent.py");
        Self { interpreter, agent }
    }

    /// Starts the agent; it is some seconds from listening then.
    pub(crate) fn start(&self, bedrock: &str) -> Result<(Process, Target), Error> {
        // Free until somebody else takes it, which on this interface nobody does in these seconds.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Process::start(
            Command::new(&self.interpreter)
                .arg(&self.agent)
                .envs(bedrock_at(bedrock))
                .env("PORT", port.to_string()),
        )?;
        let target = Target {
            address: format!("127.0.0.1:{port}"),
            path: "/invocations".to_owned(),
        };
        Ok((process, target))
    }
}

fn checked(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed: {status}").into()),
        Err(error) => Err(format!("cannot start {program}: {error}").into()),
    }
}
