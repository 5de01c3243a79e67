//! The unpacking child: a stranger's zip on stdin, the component in it on stdout, the reason on stderr when there is none.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use super::compile::dies_with;
use crate::agents::REFUSED;
use crate::agents::zip::{Archive, Choice};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The most bytes of the component, and of all that is in the zip together.
    #[arg(long)]
    limit: u64,
    /// The file in the zip that is wanted.
    #[arg(long)]
    entry: Option<String>,
    /// The number of the process that wants the component, and without which nobody does.
    #[arg(long)]
    server: u32,
}

pub(super) fn run(args: &Args) -> ExitCode {
    if !dies_with(args.server) {
        return ExitCode::FAILURE;
    }
    let file = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(file) => File::from(file),
        Err(error) => {
            super::tell(format_args!("cannot read the zip: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match unpack(file, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            super::tell(&reason);
            ExitCode::from(REFUSED)
        }
    }
}

fn unpack(file: File, args: &Args) -> Result<(), String> {
    let mut archive = Archive::open(file, args.limit)?;
    match archive.choose(args.entry.as_deref())? {
        Choice::Component(number) => {
            let mut output = std::io::stdout().lock();
            archive.copy(number, &mut output)?;
            output
                .flush()
                .map_err(|error| format!("the component cannot be written: {}", error.kind()))
        }
        Choice::Source(number) => Err(format!(
            "the zip holds sources: its entry point {:?} is no component. Build the agent with `kellion build`, and put the \
             component into the zip",
            archive.name(number)
        )),
    }
}
