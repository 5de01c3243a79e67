//! The unpacking child: a stranger's zip on stdin, the component in it or made of it on stdout, the reason on stderr when
//! there is none.

mod sources;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use super::compile::dies_with;
use crate::agents::REFUSED;
use crate::agents::zip::{Archive, Choice};
use crate::config::places;
use crate::jail;

/// How much larger than a component a zip's content may be, as AgentCore has it for its own.
const UNPACKED: u64 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The most bytes of a component.
    #[arg(long)]
    limit: u64,
    /// The file in the zip that is wanted.
    #[arg(long)]
    entry: Option<String>,
    /// Whether Python may be built.
    #[arg(long)]
    python: bool,
    /// Whether JavaScript and TypeScript may be built.
    #[arg(long)]
    node: bool,
    /// Where toolchains are.
    #[arg(long)]
    tools: Option<PathBuf>,
    /// A file with variables for code that runs while the agent is built, a JSON object.
    #[arg(long)]
    variables: PathBuf,
    /// The number of the process that wants the component, and without which nobody does.
    #[arg(long)]
    server: u32,
}

/// Why there is no component.
enum Problem {
    /// The zip's fault, in words for its owner.
    Zip(String),
    /// This machine's, in words for its operator.
    Machine(String),
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Self::Zip(reason)
    }
}

impl Problem {
    fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Machine(format!("cannot {action}: {error}"))
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    if !dies_with(args.server) {
        return ExitCode::FAILURE;
    }
    if let Err(error) = confine(args) {
        super::tell(&error);
        return ExitCode::FAILURE;
    }
    match unpack(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Zip(reason)) => {
            super::tell(&reason);
            ExitCode::from(REFUSED)
        }
        Err(Problem::Machine(reason)) => {
            super::tell(&reason);
            ExitCode::FAILURE
        }
    }
}

/// Gives up what the work does not need: nearly everything where nothing is built.
fn confine(args: &Args) -> Result<(), jail::Error> {
    if !args.python && !args.node {
        return jail::alone(args.limit);
    }
    // A folder that is gone is none to build in, which is said where it is used.
    let room = std::env::current_dir().unwrap_or_default();
    jail::build(&places::of_builds(&room, args.tools.as_deref()))
}

fn unpack(args: &Args) -> Result<(), Problem> {
    let file = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(Problem::io("read the zip"))?;
    let mut archive = Archive::open(File::from(file), args.limit.saturating_mul(UNPACKED))?;
    let mut output = io::stdout().lock();
    match archive.choose(args.entry.as_deref())? {
        Choice::Component(number) => {
            check_size(archive.size(number), args.limit)?;
            archive.copy(number, &mut output)?;
        }
        Choice::Source(number) => {
            let component = sources::build(&mut archive, number, args)?;
            let mut component = File::open(component).map_err(Problem::io("open the component"))?;
            let size = component.metadata().map_or(0, |file| file.len());
            check_size(size, args.limit)?;
            io::copy(&mut component, &mut output).map_err(Problem::io("write the component"))?;
        }
    }
    output.flush().map_err(Problem::io("write the component"))
}

fn check_size(size: u64, limit: u64) -> Result<(), Problem> {
    if size <= limit {
        return Ok(());
    }
    Err(Problem::Zip(format!(
        "the component is larger than {} MiB",
        limit >> 20
    )))
}
