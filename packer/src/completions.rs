//! `packer completions`: what a shell needs to complete this command line. Called by `main`.
//! Must never be written by hand: it comes from `cli`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;

/// Prints the completions.
pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "packer", &mut script);
    output::result(&script).map_err(output::unprinted)?;
    Ok(())
}
