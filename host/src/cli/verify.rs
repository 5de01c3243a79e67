//! The child that looks at a signature: a stranger's component on stdin, the reason on stderr when nobody who is trusted
//! signed it.

use std::process::ExitCode;

use super::compile::is_confined;
use crate::agents::REFUSED;
use crate::signatures::{TrustedKey, verify};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A key that is trusted.
    #[arg(long)]
    key: Vec<TrustedKey>,
    /// The number of the process that wants to know, and without which nobody does.
    #[arg(long)]
    server: Option<u32>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    // It writes nothing.
    if !is_confined(args.server, 0) {
        return ExitCode::FAILURE;
    }
    match verify(&args.key, &mut std::io::stdin().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(untrusted) => {
            super::tell(&untrusted);
            ExitCode::from(REFUSED)
        }
    }
}
