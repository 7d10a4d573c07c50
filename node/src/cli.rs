//! The command line: what can be asked, and which command answers.
//! Called by `main`.
//! Must never print: `output` does.

mod args;
mod ask;
mod daemon;
mod error;
mod event_files;
mod foreground;
mod runtime;
mod source;
mod state_dir;
mod update;

use std::process::ExitCode;

pub(crate) use args::Args;
use args::Command;
pub(crate) use error::CliError;

use crate::output::Output;

/// What `main` gives every command: the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
    /// Microseconds since 1970.
    pub(crate) now_us: fn() -> u64,
}

/// Runs one command to its end and gives the exit code that `--help` promises.
pub(crate) fn run(args: Args, clock: Clock) -> ExitCode {
    let output = Output::new(args.json);
    let result = match args.command {
        Command::Daemon(daemon) => daemon::run(&args.socket, daemon, clock, output),
        Command::Run(run) => foreground::run_file(run, clock, output),
        Command::Update(update) => update::run(&args.socket, update, clock, output),
        Command::Status { instance } => ask::status(&args.socket, instance.as_deref(), output),
        Command::Events(events) => ask::events(&args.socket, &events, output),
        Command::Proofs { instance } => ask::proofs(&args.socket, &instance, output),
        Command::Pause { instance } => ask::set_paused(&args.socket, &instance, true, output),
        Command::Resume { instance } => ask::set_paused(&args.socket, &instance, false, output),
        Command::Stop { instance } => ask::stop(&args.socket, &instance, output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error.to_problem());
            error.exit_code()
        }
    }
}
