//! The compile child: a stranger's component on stdin, a program on stdout, the reason on stderr when there is none.

use std::io::{Read, Write};
use std::process::ExitCode;

use crate::agents::REFUSED;
use crate::sandbox;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The memory limit that the program is compiled for, in MiB.
    #[arg(long)]
    memory_mib: u32,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut component = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut component) {
        super::tell(format_args!("cannot read the component: {error}"));
        return ExitCode::FAILURE;
    }
    let program = match sandbox::compile(&component, args.memory_mib) {
        Ok(program) => program,
        Err(reason) => {
            super::tell(&reason);
            return ExitCode::from(REFUSED);
        }
    };
    match std::io::stdout().lock().write_all(&program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::tell(format_args!("cannot write the program: {error}"));
            ExitCode::FAILURE
        }
    }
}
