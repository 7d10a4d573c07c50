//! The node: loads payloads behind a switch and hot-swaps them while they run.
//! Reads the command line and the clock, and hands both to the command.
//! Must never hold logic.

mod admit;
mod cli;
mod daemon;
mod door;
mod durable;
mod engine;
mod fault;
mod fleet;
mod instance;
mod intake;
mod kernel;
mod maps;
mod output;
mod policy;
mod sink;
mod toml_file;
mod trust;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    // Without randomness nodes may call at one moment; nothing secret is made of it.
    let seed = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    let clock = cli::Clock {
        now_ms,
        now_us,
        seed,
    };
    cli::run(args, clock)
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    now_us() / 1000
}

/// Microseconds since 1970; 0 on a machine whose clock stands before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the wall clock is read"
)]
fn now_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
