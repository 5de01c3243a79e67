//! Clients that others wrote: boto3, the AWS CLI and the AWS SDKs for JavaScript, installed for the tests alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Host, in_time};

/// Where `tests/tools` installs them.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/python/bin");

/// The folder of the Python clients.
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients");

/// A command of the virtual environment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    /// The AWS CLI.
    Aws,
    /// A script of `tests/clients`, in Python.
    Script(&'static str),
    /// One in JavaScript.
    JavaScript(&'static str),
}

impl Tool {
    /// The command, with credentials that the server does not look at, and nothing of this machine's configuration.
    pub(crate) fn command(self, folder: &Path) -> Command {
        let python = Path::new(PYTHON);
        let clients = Path::new(CLIENTS);
        let (program, needed, script) = match self {
            Self::Aws => (python.join("aws"), python.join("aws"), None),
            Self::Script(name) => (
                python.join("python"),
                python.join("python"),
                Some(clients.join(name)),
            ),
            Self::JavaScript(name) => (
                node(),
                clients.join("node_modules/installed"),
                Some(clients.join(name)),
            ),
        };
        assert!(
            needed.exists(),
            "{} is not there; install it with: tests/tools",
            needed.display()
        );
        let mut command = Command::new(program);
        command
            .args(script)
            .env_clear()
            .env("HOME", folder)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_DEFAULT_REGION", "us-west-2")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder);
        command
    }
}

/// Where this machine has Node.
fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("node"));
    places
        .find(|place| place.exists())
        .expect("Node is installed")
}

/// Runs a command to its end without holding up what else the test runs, such as a stand-in.
pub(crate) async fn run(command: &mut Command) -> Output {
    let mut command = std::mem::replace(command, Command::new(""));
    tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("waiting does not panic")
        .expect("the command can be run")
}

/// Runs a script of `tests/clients` against a server, which must end well; what it prints.
pub(crate) async fn script(host: &Host, name: &'static str, arguments: &[&str]) -> String {
    run_script(host, name, Tool::Script(name), arguments, |_| {}).await
}

/// The same of any kind, after something was done to its command.
pub(crate) async fn run_script(
    host: &Host,
    name: &str,
    tool: Tool,
    arguments: &[&str],
    prepare: impl FnOnce(&mut Command),
) -> String {
    let mut command = tool.command(host.folder());
    command.arg(host.endpoint()).args(arguments);
    prepare(&mut command);
    let output = in_time(name, run(&mut command)).await;
    assert!(
        output.status.success(),
        "{name}:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
