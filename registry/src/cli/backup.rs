//! `registry backup DIR`: copies the data folder while a registry serves from it.
//! Called by the command line.
//! Must never say that a copy is there before it is whole.

use std::path::Path;

use tokio::runtime::Builder;

use super::args::BackupFlags;
use super::config::data_dir;
use super::error::CliError;
use crate::backup;
use crate::output::Output;

/// Makes the copy and tells what is in it.
///
/// # Errors
/// The configuration is wrong, or the copy can't be made.
pub(super) fn run(flags: &BackupFlags, output: Output) -> Result<(), CliError> {
    let data_dir = data_dir(flags.config.as_deref(), flags.data_dir.clone())?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|reason| CliError::System {
            what: "starting the async runtime",
            reason,
        })?;
    let into: &Path = &flags.into;
    let copied = runtime.block_on(backup::make(&data_dir, into))?;
    output
        .copied(into, copied)
        .map_err(|reason| CliError::System {
            what: "telling what was copied",
            reason,
        })
}
