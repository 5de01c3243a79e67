//! The compile child: a stranger's component on stdin, a program on stdout, the reason on stderr when there is none.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use crate::agents::{REFUSED, largest_program};
use crate::{jail, sandbox};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The memory limit that the program is compiled for, in MiB.
    #[arg(long)]
    memory_mib: u32,
    /// The number of the process that wants the program, and without which nobody does.
    #[arg(long)]
    server: Option<u32>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let largest = largest();
    if !is_confined(args.server, largest) {
        return ExitCode::FAILURE;
    }
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
    if program.len() as u64 > largest {
        super::tell(format_args!(
            "the compiled component would take more than {} MiB",
            largest >> 20
        ));
        return ExitCode::from(REFUSED);
    }
    match std::io::stdout().lock().write_all(&program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::tell(format_args!("cannot write the program: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Gives up everything but stdin, stdout and stderr, of which the files may have so many bytes; false, with a
/// word on stderr, where that cannot be, or where the server that wanted it is gone.
pub(super) fn is_confined(server: Option<u32>, largest: u64) -> bool {
    if server.is_some_and(|server| !dies_with(server)) {
        return false;
    }
    match jail::alone(largest) {
        Ok(()) => true,
        Err(error) => {
            super::tell(&error);
            false
        }
    }
}

/// The most bytes of the program, by the size of the component. Of what is no file, nothing is known yet.
fn largest() -> u64 {
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    let file = input.and_then(|input| File::from(input).metadata());
    let size = file.ok().filter(std::fs::Metadata::is_file);
    largest_program(size.map_or(u64::from(u32::MAX), |file| file.len()))
}

/// Has the system end this process when the server does, however it ends; false when it has ended already.
#[cfg(target_os = "linux")]
pub(super) fn dies_with(server: u32) -> bool {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    // A system without this lets it go on, as others do.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // Asked afterwards: a server that ended before is nobody's parent any more.
    getppid().is_some_and(|parent| parent.as_raw_pid().unsigned_abs() == server)
}

/// Other systems have nothing of the kind: it compiles to the end, and nobody reads the program.
#[cfg(not(target_os = "linux"))]
pub(super) fn dies_with(_: u32) -> bool {
    true
}
