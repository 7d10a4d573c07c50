//! `packer`: builds payloads, shows what is in them, and speaks the predecessor's JSON.
//! Started by people and scripts; each command is a file beside this one.
//! Must never load BPF.
#![forbid(unsafe_code)]

mod build;
mod cli;
mod export;
mod failure;
mod files;
mod import;
mod input;
mod inspect;
mod names;
mod output;
mod push;
mod table;
mod tool;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Build(arguments) => build::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Legacy(arguments) => export::run(arguments),
        Command::Push(arguments) => push::run(arguments),
    }
}
