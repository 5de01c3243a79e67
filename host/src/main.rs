//! `kellion`: the server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    kellion_host::cli::run()
}
