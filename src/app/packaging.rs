//! What is installed beside the program, made from its own grammar: completions of shells and manual pages.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pchat", &mut script);
    print(&script)
}

/// Prints the page of the program, or writes it and those of its subcommands into a folder.
pub(super) fn man(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return print(&page);
    };
    let could_not = || format!("could not write to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(could_not)?;
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder).with_context(could_not)
}

/// Prints what another program reads, as it is.
fn print(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Who has seen enough closes the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("could not print"),
    }
}
