//! The commands between two generations: rollback, history, stage, flip, unstage. They ask a running
//! daemon. Called by the command line.
//! Must never load or attach anything themselves.

use std::path::Path;

use api::client::Client;
use api::node::Timing;

use super::args::steps::{FlipArgs, StageArgs};
use super::{CliError, Clock, runtime, source};
use crate::intake::{self, AllowUnsigned, Asked};
use crate::output::Output;

/// `node rollback INSTANCE`.
///
/// # Errors
/// No daemon answers, it has no such instance, or there is nothing to go back to.
pub(super) fn roll_back(socket: &Path, instance: &str, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    let applied = runtime::small()?.block_on(client.roll_back(instance))?;
    output.applied(&applied).map_err(CliError::Print)
}

/// `node history INSTANCE`.
///
/// # Errors
/// No daemon answers, or nothing ever ran under the name.
pub(super) fn history(socket: &Path, instance: &str, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    let history = runtime::small()?.block_on(client.history(instance))?;
    output.history(&history).map_err(CliError::Print)
}

/// `node stage FILE`.
///
/// # Errors
/// The file can't be read or is refused, no daemon answers, or it has no such instance.
pub(super) fn stage(
    socket: &Path,
    args: StageArgs,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    let bytes = match args.file.as_str() {
        "-" => source::bytes_of("-")?,
        path => source::file(Path::new(path))?,
    };
    let settings = args.settings.settings();
    let name = match args.instance {
        Some(name) => name,
        // The name that the file asks for; whether it may run is the daemon's to say.
        None => intake::read(&bytes, Asked::default(), AllowUnsigned::Local)?.name,
    };
    let timing = Timing {
        bake_ms: args.bake.said_ms(),
        at_ms: args.at.map(|at| at.ms((clock.now_ms)())),
    };
    let client = Client::unix(socket);
    let staged = client.stage(name.as_str(), bytes, &settings, timing);
    let instance = runtime::small()?.block_on(staged)?;
    output.instance(&instance).map_err(CliError::Print)
}

/// `node flip INSTANCE`.
///
/// # Errors
/// No daemon answers, it has no such instance, or nothing is staged for it.
pub(super) fn flip(
    socket: &Path,
    args: &FlipArgs,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    let at_ms = args.at.map(|at| at.ms((clock.now_ms)()));
    let client = Client::unix(socket);
    let flipped = runtime::small()?.block_on(client.flip(&args.instance, at_ms))?;
    output.flipped(&flipped).map_err(CliError::Print)
}

/// `node unstage INSTANCE`.
///
/// # Errors
/// As [`flip`].
pub(super) fn unstage(socket: &Path, instance: &str, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    runtime::small()?.block_on(client.unstage(instance))?;
    output.unstaged(instance).map_err(CliError::Print)
}
