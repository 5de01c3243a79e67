//! `kellion`: the server and its command line.

use std::process::ExitCode;

/// A turn makes some hundred allocations, of which the system's allocator makes a fifth of the turn's cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kellion_host::cli::run()
}
