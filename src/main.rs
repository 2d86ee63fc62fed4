//! `candor`: parse the command line, call one function.

use std::process::ExitCode;

fn main() -> ExitCode {
    candor::cli::run()
}
