//! The `pchat` program. See the library for everything it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    pchat::app::run()
}
