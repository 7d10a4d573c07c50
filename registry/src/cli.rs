//! The command line: what can be asked, and which command answers.
//! Called by `main`.
//! Must never print: `output` does.

mod args;
mod backup;
mod config;
mod error;
mod serve;

use std::io;
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;

pub(crate) use args::Args;
use args::Command;
pub(crate) use config::{Config, TlsFiles};

use crate::output::Output;

/// What `main` gives every command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System {
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
    /// Fills bytes with randomness for secrets.
    pub(crate) random: fn(&mut [u8]) -> io::Result<()>,
}

/// Runs one command to its end and gives the exit code that `--help` promises.
pub(crate) fn run(args: Args, system: System) -> ExitCode {
    // What is kept holds hashes of secrets and what is not published yet: it is its owner's alone,
    // whatever the shell says.
    umask(Mode::RWXG | Mode::RWXO);
    let output = Output::new(args.json);
    let result = match args.command {
        Command::Serve(flags) => serve::run(flags, system, output),
        Command::Backup(flags) => backup::run(&flags, output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error.to_problem());
            error.exit_code()
        }
    }
}
