//! `registry serve`: builds everything, says where it listens, serves, drains.
//! Called by the command line.
//! Must never say that it is ready before it is bound, nor print the admin token twice.

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::System;
use super::args::ServeFlags;
use super::config::Config;
use super::error::CliError;
use crate::output::Output;
use crate::serve::Server;

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// The configuration is wrong, the data folder or the address can't be had, the disk fails.
pub(super) fn run(flags: ServeFlags, system: System, output: Output) -> Result<(), CliError> {
    let config = Config::from_flags(flags)?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|reason| CliError::System {
            what: "starting the async runtime",
            reason,
        })?;
    runtime.block_on(async {
        let catch = |kind| {
            signal(kind).map_err(|reason| CliError::System {
                what: "catching signals",
                reason,
            })
        };
        let mut interrupt = catch(SignalKind::interrupt())?;
        let mut terminate = catch(SignalKind::terminate())?;
        let server = Server::bind(config, system, output).await?;
        server
            .run(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            })
            .await?;
        output.journal("stopped");
        Ok(())
    })
}
