//! The command line: what can be asked, and which command answers.
//! Called by `main`.
//! Must never print: `output` does.

mod args;
mod ask;
mod config;
mod daemon;
mod error;
mod event_files;
mod foreground;
mod maps;
mod registry;
mod runtime;
mod source;
mod state_dir;
mod steps;
mod update;
mod verify;

use std::process::ExitCode;

pub(crate) use args::Args;
use args::Command;
use config::Config;
pub(crate) use error::CliError;

use crate::output::Output;

/// What `main` gives every command: the clock, and a random number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
    /// Microseconds since 1970.
    pub(crate) now_us: fn() -> u64,
    /// Random, so that nodes don't do the same at the same moment.
    pub(crate) seed: u64,
}

/// Runs one command to its end and gives the exit code that `--help` promises.
pub(crate) fn run(args: Args, clock: Clock) -> ExitCode {
    let output = Output::new(args.json);
    match answer(args, clock, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error.to_problem());
            error.exit_code()
        }
    }
}

fn answer(args: Args, clock: Clock, output: Output) -> Result<(), CliError> {
    let config = Config::read(args.config.as_deref())?;
    let socket = config.socket(args.socket);
    match args.command {
        Command::Daemon(daemon) => daemon::run(&socket, daemon, config, clock, output),
        Command::Enrol(enrol) => registry::enrol(enrol, &config, output),
        Command::Registry => ask::registry(&socket, clock, output),
        Command::Run(run) => foreground::run_file(run, &config, clock, output),
        Command::Record(record) => foreground::record(record, clock, output),
        Command::Verify(file) => verify::run(file, output),
        Command::Update(update) => update::run(&socket, update, clock, output),
        Command::Status { instance } => ask::status(&socket, instance.as_deref(), output),
        Command::Events(events) => ask::events(&socket, &events, output),
        Command::Proofs { instance } => ask::proofs(&socket, &instance, output),
        Command::Iter { instance, program } => ask::iterate(&socket, &instance, &program, output),
        Command::Maps(maps) => maps::run(&socket, &maps, output),
        Command::Rollback { instance } => steps::roll_back(&socket, &instance, output),
        Command::History { instance } => steps::history(&socket, &instance, output),
        Command::Stage(stage) => steps::stage(&socket, stage, clock, output),
        Command::Flip(flip) => steps::flip(&socket, &flip, clock, output),
        Command::Unstage { instance } => steps::unstage(&socket, &instance, output),
        Command::Pause { instance } => ask::set_paused(&socket, &instance, true, output),
        Command::Resume { instance } => ask::set_paused(&socket, &instance, false, output),
        Command::Stop { instance } => ask::stop(&socket, &instance, output),
    }
}
