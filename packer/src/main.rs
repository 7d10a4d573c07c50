//! `packer`: builds, signs and publishes payloads, and asks the registry what runs where.
//! Started by people and scripts; each command is a file beside this one.
//! Must never load BPF.
#![forbid(unsafe_code)]

mod aftermath;
mod audit;
mod build;
mod channel;
mod cli;
mod collect;
mod completions;
mod configuration;
mod deploy;
mod envelope;
mod events;
mod explain;
mod export;
mod failure;
mod files;
mod floor;
mod import;
mod input;
mod inspect;
mod key;
mod keygen;
mod keys;
mod list;
mod moment;
mod names;
mod new;
mod nodes;
mod outcome;
mod output;
mod pair;
mod partial;
mod pin;
mod plan;
mod publish;
mod pull;
mod push;
mod reference;
mod registry;
mod rollout;
mod sign;
mod summary;
mod table;
mod test;
mod token;
mod tool;
mod verify;
mod whoami;
mod withdraw;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;
use withdraw::Step;

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
    let now_ms = clock_ms();
    match command {
        Command::New(arguments) => new::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Legacy(arguments) => export::run(arguments),
        Command::Push(arguments) => push::run(arguments),
        Command::Keygen(arguments) => keygen::run(arguments),
        Command::Sign(arguments) => sign::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Publish(arguments) => publish::run(arguments),
        Command::Pull(arguments) => pull::run(arguments),
        Command::List(arguments) => list::run(arguments, now_ms),
        Command::Yank(arguments) => withdraw::run(arguments, Step::Yank),
        Command::Unyank(arguments) => withdraw::run(arguments, Step::Unyank),
        Command::Revoke(arguments) => withdraw::run(arguments, Step::Revoke),
        Command::Channel(arguments) => channel::run(arguments),
        Command::Floor(arguments) => floor::run(arguments),
        Command::Deploy(arguments) => deploy::deploy(arguments, now_ms),
        Command::Undeploy(arguments) => deploy::undeploy(arguments),
        Command::Deployments(arguments) => deploy::show(arguments, now_ms),
        Command::Rollout(command) => rollout::run(command, clock_ms),
        Command::Pin(arguments) => pin::pin(arguments),
        Command::Unpin(arguments) => pin::unpin(arguments),
        Command::Pins(arguments) => pin::list(arguments, now_ms),
        Command::Explain(arguments) => explain::run(arguments, now_ms),
        Command::Events(arguments) => events::run(arguments),
        Command::Nodes(arguments) => nodes::run(arguments, now_ms),
        Command::Token(command) => token::run(command, now_ms),
        Command::Key(command) => key::run(command),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Collect(arguments) => collect::run(arguments),
        Command::Whoami(arguments) => whoami::run(arguments, now_ms),
        Command::Completions { shell } => completions::run(*shell),
    }
}

/// Milliseconds since 1970; 0 on a machine whose clock stands before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the wall clock is read"
)]
fn clock_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
