//! `node run`, and `node update` without a daemon: one instance, its events on standard output.
//! Called by the command line.
//! Must never end with hooks still attached, nor stop what runs because a new file is bad.

use std::path::Path;
use std::sync::Arc;

use api::node::{BAKE_DEFAULT_MS, Owner};
use payload::name::InstanceName;
use tokio::sync::{Notify, oneshot};

use super::args::RunArgs;
use super::config::Config;
use super::event_files::EventFiles;
use super::runtime::{self, Asked, Signals};
use super::{CliError, Clock, source};
use crate::engine::{Engine, EngineConfig, Notice, Order, Stopped};
use crate::intake::{self, AllowUnsigned};
use crate::output::Output;
use crate::sink::stdout::{Format, stdout};
use crate::sink::{SinkError, Sinks};

/// Runs a file until Ctrl-C or SIGTERM; SIGHUP reads it again and hot-updates.
///
/// # Errors
/// The file can't be read or can't run. A file that is bad only at a SIGHUP changes nothing.
pub(super) fn run_file(
    args: RunArgs,
    config: &Config,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    let bytes = source::file(&args.file)?;
    let asked = intake::Asked {
        name: args.instance,
        settings: args.settings.settings(),
    };
    run(
        bytes,
        asked,
        Some(&args.file),
        args.event_files.or(&config.events)?,
        (args.bake.ms(), clock),
        output,
    )
}

/// Runs what was given as an argument or on standard input.
///
/// # Errors
/// It can't run.
pub(super) fn run_bytes(
    bytes: Vec<u8>,
    asked: intake::Asked,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    // There is no file to read again, so nothing to watch.
    let timing = (BAKE_DEFAULT_MS, clock);
    run(bytes, asked, None, EventFiles::default(), timing, output)
}

fn run(
    bytes: Vec<u8>,
    asked: intake::Asked,
    file: Option<&Path>,
    event_files: EventFiles,
    (bake_ms, clock): (u64, Clock),
    output: Output,
) -> Result<(), CliError> {
    // `| head` ends the run as Ctrl-C does.
    let unread = Arc::new(Notify::new());
    let tell = Arc::clone(&unread);
    let engine = Engine::new(EngineConfig {
        now_us: clock.now_us,
        sinks: Box::new(move |name, _| {
            let tell = Arc::clone(&tell);
            let sink = stdout(
                Format::of_stdout(output.is_json()),
                Box::new(move || tell.notify_one()),
            )
            .map_err(|source| SinkError {
                sink: "stdout".to_owned(),
                source,
            })?;
            event_files.add_to(Sinks::default().with("stdout", sink), name)
        }),
        // Nobody can ask a foreground command to go back.
        keeper: None,
        // Its instance ends with it.
        pins: None,
        told: Box::new(move |notice| hear(notice, output)),
    });
    runtime::small()?.block_on(async {
        // Caught before anything is attached, so that none of them ends the process half-way.
        let mut signals = Signals::caught()?;
        let settings = asked.settings.clone();
        let name = apply(&engine, &bytes, asked, bake_ms, output)?;
        drop(bytes);
        let again = intake::Asked {
            name: Some(name.clone()),
            settings,
        };
        loop {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                () = unread.notified() => Asked::Stop,
            };
            match (asked, file) {
                (Asked::Stop, _) => break,
                (Asked::Reload, Some(file)) => reload(&engine, file, &again, bake_ms, output),
                (Asked::Reload, None) => {
                    output.note("SIGHUP: there is no file to read again; only `node run` has one");
                }
            }
        }
        end(engine, name, &mut signals, output).await
    })
}

/// Stops the instance and tells its sums. A reader of the events that has stopped reading would
/// hold this up for ever, so a second Ctrl-C ends it at once: the kernel detaches what is left.
async fn end(
    engine: Engine,
    name: InstanceName,
    signals: &mut Signals,
    output: Output,
) -> Result<(), CliError> {
    let (done, stopped) = oneshot::channel();
    // No thread of the runtime: that would wait for it at the end.
    std::thread::spawn(move || {
        // Nobody waits any more after a second Ctrl-C.
        let _ = done.send(engine.stop(&name, &Owner::Local));
    });
    tokio::select! {
        instance = stopped => {
            if let Ok(Ok(Stopped::Instance(instance))) = instance {
                output.summary(&instance);
            }
            Ok(())
        }
        () = signals.stop() => Err(CliError::Unread),
    }
}

fn apply(
    engine: &Engine,
    bytes: &[u8],
    asked: intake::Asked,
    bake_ms: u64,
    output: Output,
) -> Result<InstanceName, CliError> {
    // Who can start this command with the rights to load BPF is the local user of the door.
    let intake = intake::read(bytes, asked, AllowUnsigned::Local)?;
    let order = Order {
        payload: &intake.payload,
        owner: &Owner::Local,
        bake_ms,
        kept: None,
    };
    let applied = engine.apply(&intake.name, order)?;
    output.applied_beside_events(&applied);
    Ok(intake.name)
}

/// A hot update from the same file. Whatever is wrong with it is told, and what runs goes on.
fn reload(engine: &Engine, file: &Path, again: &intake::Asked, bake_ms: u64, output: Output) {
    let applied =
        source::file(file).and_then(|bytes| apply(engine, &bytes, again.clone(), bake_ms, output));
    if let Err(error) = applied {
        output.failure(&error.to_problem());
        let name = again.name.as_ref().map_or("it", InstanceName::as_str);
        output.note(&format!("{name} goes on as before"));
    }
}

/// What the engine did by itself, beside the events.
fn hear(notice: &Notice<'_>, output: Output) {
    match notice {
        Notice::RolledBack(applied) | Notice::Flipped(applied) => {
            output.applied_beside_events(applied);
        }
        // Nothing outlives it.
        Notice::Resumed(_) | Notice::Restarted(_) => {}
        Notice::Failed {
            instance,
            what,
            reason,
        } => output.note(&format!("{instance}: {what}: {reason}")),
    }
}
