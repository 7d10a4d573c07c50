//! The commands that ask a running daemon: status, events, proofs, pause, resume, stop.
//! Called by the command line.
//! Must never load or attach anything themselves.

use std::io::ErrorKind;
use std::path::Path;

use api::client::Client;
use api::client::events::{From, Told};

use super::args::EventsArgs;
use super::{CliError, Clock, runtime};
use crate::output::Output;
use crate::sink::stdout::{Format, stdout};

/// `node status [INSTANCE]`.
///
/// # Errors
/// No daemon answers, or it has no such instance.
pub(super) fn status(
    socket: &Path,
    instance: Option<&str>,
    output: Output,
) -> Result<(), CliError> {
    let client = Client::unix(socket);
    let printed = match instance {
        None => output.instances(&runtime::small()?.block_on(client.instances())?),
        Some(name) => output.instance(&runtime::small()?.block_on(client.instance(name))?),
    };
    printed.map_err(CliError::Print)
}

/// `node registry`.
///
/// # Errors
/// No daemon answers, or it follows no registry.
pub(super) fn registry(socket: &Path, clock: Clock, output: Output) -> Result<(), CliError> {
    let following = runtime::small()?.block_on(Client::unix(socket).following())?;
    output
        .following(&following, (clock.now_ms)())
        .map_err(CliError::Print)
}

/// `node proofs INSTANCE`.
///
/// # Errors
/// As [`status`].
pub(super) fn proofs(socket: &Path, instance: &str, output: Output) -> Result<(), CliError> {
    let proofs = runtime::small()?.block_on(Client::unix(socket).proofs(instance))?;
    output.proofs(&proofs).map_err(CliError::Print)
}

/// `node iter INSTANCE PROGRAM`.
///
/// # Errors
/// As [`status`]; it has no such iterator.
pub(super) fn iterate(
    socket: &Path,
    instance: &str,
    program: &str,
    output: Output,
) -> Result<(), CliError> {
    let text = runtime::small()?.block_on(Client::unix(socket).iterate(instance, program))?;
    output
        .iterated(&String::from_utf8_lossy(&text))
        .map_err(CliError::Print)
}

/// `node stop INSTANCE`.
///
/// # Errors
/// As [`status`].
pub(super) fn stop(socket: &Path, instance: &str, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    runtime::small()?.block_on(client.stop(instance))?;
    output.stopped(instance).map_err(CliError::Print)
}

/// `node pause INSTANCE` and `node resume INSTANCE`.
///
/// # Errors
/// As [`status`].
pub(super) fn set_paused(
    socket: &Path,
    instance: &str,
    paused: bool,
    output: Output,
) -> Result<(), CliError> {
    let client = Client::unix(socket);
    let runtime = runtime::small()?;
    let instance = if paused {
        runtime.block_on(client.pause(instance))?
    } else {
        runtime.block_on(client.resume(instance))?
    };
    output.instance(&instance).map_err(CliError::Print)
}

/// `node events [INSTANCE]`: until the instance stops, or so many events were printed.
///
/// # Errors
/// As [`status`]; the stream broke.
pub(super) fn events(socket: &Path, args: &EventsArgs, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    runtime::small()?.block_on(async {
        let name = match &args.instance {
            Some(name) => name.clone(),
            None => the_only_one(&client).await?,
        };
        let from = match args.cursor {
            Some(cursor) => From::Cursor(cursor),
            None if args.new => From::Now,
            None => From::Oldest,
        };
        let mut out = stdout(Format::of_stdout(output.is_json()), Box::new(|| {}))
            .map_err(CliError::Print)?;
        let mut events = client.events(&name, from).await?;
        let mut left = args.count.unwrap_or(u64::MAX);
        while left > 0 {
            match events.next().await? {
                Some(Told::Event { json, .. }) => {
                    if out.deliver(format!("{json}\n").as_bytes(), 1).delivered == 0 {
                        return Err(CliError::Print(ErrorKind::BrokenPipe.into()));
                    }
                    left -= 1;
                }
                Some(Told::Lost { count, .. }) => output.lost(count),
                Some(Told::Stopped) => {
                    output.note(&format!("{name} was stopped"));
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
        Ok(())
    })
}

async fn the_only_one(client: &Client) -> Result<String, CliError> {
    let mut names: Vec<String> = client
        .instances()
        .await?
        .into_iter()
        .map(|instance| instance.name)
        .collect();
    match (names.len(), names.pop()) {
        (1, Some(name)) => Ok(name),
        (0, _) => Err(CliError::NothingRuns),
        (count, last) => {
            names.extend(last);
            Err(CliError::WhichInstance {
                count,
                names: names.join(", "),
            })
        }
    }
}
