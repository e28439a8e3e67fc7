//! `pchat doctor`: looks at this machine or at a room, and prints what it found.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};

use super::{person, runtime};
use crate::{
    cli,
    doctor::{self, Report},
    trust::{Home, Hosts, Identity},
    view::{self, look::When},
};

/// Looks, prints, and says with its exit code whether a problem was found.
pub(super) fn run(home: &Home, options: &cli::Doctor) -> Result<ExitCode> {
    let runtime = runtime()?;
    let report = match &options.address {
        None => {
            // Whether a room here is this person's is a detail: an identity that cannot be read is told elsewhere.
            let own = Identity::load(&home.identity()).ok().flatten().map(|identity| identity.public_key());
            runtime.block_on(doctor::here(options.port, own))
        }
        Some(address) => {
            let addr = person::address(address)?;
            runtime.block_on(doctor::there(&addr, Hosts::at(home.hosts())))
        }
    };
    // A name service that does not answer is not waited for.
    runtime.shutdown_background();
    let report = report.context("could not look")?;
    let coloured = match options.color {
        When::Auto if !io::stdout().is_terminal() => false,
        when => view::is_coloured(when),
    };
    print(&report, coloured).context("could not print what was found")?;
    Ok(if report.has_problem() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(report: &Report, coloured: bool) -> io::Result<()> {
    let mut text = report.rows(coloured).join("\n");
    text.push('\n');
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
