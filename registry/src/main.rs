//! `registry`: keeps releases, knows nodes, and tells each what it should run.
//! Reads the command line, the clock and the system's randomness, and hands them to the command.
//! Must never hold logic, nor run code from a payload.
#![forbid(unsafe_code)]

mod access;
mod backup;
mod blobs;
mod cli;
mod db;
mod difference;
mod events;
mod fleet;
mod intake;
mod limits;
mod output;
mod page;
mod publish;
mod rollouts;
mod router;
mod routes;
mod serve;
mod shares;
mod state;

use std::io;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    cli::run(args, cli::System { now_ms, random })
}

/// Milliseconds since 1970; 0 on a machine whose clock stands before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the wall clock is read"
)]
fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Fills `bytes` from the system's randomness.
fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(io::Error::other)
}
