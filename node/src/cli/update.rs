//! `node update`: what `sudo ./update "$(cat update.json)"` did, and a hot update where a daemon runs.
//! Called by the command line.
//! Must never start a second copy of what a daemon already runs, unless `--foreground` asks for it.

use std::io::ErrorKind;
use std::path::Path;

use api::client::{Client, ClientError};
use api::node::{Applied, Timing};

use super::args::UpdateArgs;
use super::{CliError, Clock, foreground, runtime, source};
use crate::intake::Asked;
use crate::output::Output;

/// Sends the document to the daemon, or runs it here when none answers.
///
/// # Errors
/// The document can't be read, is refused, or can't run.
pub(super) fn run(
    socket: &Path,
    args: UpdateArgs,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    let bytes = source::bytes_of(&args.source)?;
    let asked = Asked {
        name: args.instance,
        settings: args.settings.settings(),
    };
    if args.foreground {
        return foreground::run_bytes(bytes, asked, clock, output);
    }
    let timing = Timing {
        bake_ms: args.bake.said_ms(),
        at_ms: None,
    };
    match send(socket, &asked, timing, &bytes) {
        Ok(applied) => output.applied(&applied).map_err(CliError::Print),
        // Nobody has made the socket, or whoever had is gone. Any other reason is a daemon that does
        // not serve this user, and a second copy beside it is not what was asked for.
        Err(CliError::Client(ClientError::Unreachable { reason, .. }))
            if matches!(
                reason.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            foreground::run_bytes(bytes, asked, clock, output)
        }
        Err(error) => Err(error),
    }
}

fn send(socket: &Path, asked: &Asked, timing: Timing, bytes: &[u8]) -> Result<Applied, CliError> {
    let client = Client::unix(socket);
    let applied = runtime::small()?.block_on(async {
        let settings = &asked.settings;
        match &asked.name {
            Some(name) => {
                let name = name.as_str();
                client.put(name, bytes.to_vec(), settings, timing).await
            }
            None => client.post(bytes.to_vec(), settings, timing).await,
        }
    })?;
    Ok(applied)
}
