//! The `pchat` program. See the library for everything it does.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    pchat::app::run(pchat::cli::Cli::parse())
}
