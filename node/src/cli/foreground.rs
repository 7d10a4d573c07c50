//! `node run`, `node record`, and `node update` without a daemon: one instance, its events on standard
//! output.
//! Called by the command line.
//! Must never end with hooks still attached, nor stop what runs because a new file is bad.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::node::{BAKE_DEFAULT_MS, Owner};
use payload::name::InstanceName;
use tokio::sync::{Notify, oneshot};

use super::args::{RecordArgs, RunArgs};
use super::config::Config;
use super::event_files::EventFiles;
use super::runtime::{self, Asked, Signals};
use super::{CliError, Clock, source};
use crate::engine::{Engine, EngineConfig, Notice, Order, SinkMaker, Stopped};
use crate::intake::{self, AllowUnsigned};
use crate::output::Output;
use crate::sink::record::RecordSink;
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
    let event_files = args.event_files.or(&config.events)?;
    let run = Run {
        file: Some(&args.file),
        bake_ms: args.bake.ms(),
        ..Run::printing(bytes, asked, event_files, output)
    };
    run.finish(clock, output)
}

/// Runs a file without its handler and keeps its records, for `packer test`.
///
/// # Errors
/// The file can't be read or can't run, or the records can't be kept.
pub(super) fn record(args: RecordArgs, clock: Clock, output: Output) -> Result<(), CliError> {
    let bytes = source::file(&args.file)?;
    let asked = intake::Asked {
        name: args.instance,
        settings: args.settings.settings(),
    };
    let enough = Arc::new(Notify::new());
    let made = RecordSink::open(args.output.as_deref(), args.events, Arc::clone(&enough));
    let made = Mutex::new(Some(made.map_err(|reason| CliError::Path {
        place: "--output".to_owned(),
        path: args.output.clone().unwrap_or_default(),
        rule: reason.to_string(),
    })?));
    let sinks: Box<SinkMaker> = Box::new(move |_, _| {
        let sink = made.lock().unwrap_or_else(PoisonError::into_inner).take();
        // There is one instance: nobody takes it twice.
        Ok(sink.map_or_else(Sinks::default, |sink| {
            Sinks::default().with("record", Box::new(sink))
        }))
    });
    let ends = Ends {
        unread: enough,
        after: args.seconds.map(Duration::from_secs),
    };
    let run = Run {
        bytes,
        asked,
        file: None,
        bake_ms: 0,
        sinks,
        ends,
        raw: true,
    };
    run.finish(clock, output)
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
    Run::printing(bytes, asked, EventFiles::default(), output).finish(clock, output)
}

/// Events on standard output, and into files where that is asked for. `| head` ends the run as Ctrl-C
/// does.
fn printed(event_files: EventFiles, unread: Arc<Notify>, output: Output) -> Box<SinkMaker> {
    Box::new(move |name, _| {
        let unread = Arc::clone(&unread);
        let sink = stdout(
            Format::of_stdout(output.is_json()),
            Box::new(move || unread.notify_one()),
        )
        .map_err(|source| SinkError {
            sink: "stdout".to_owned(),
            source,
        })?;
        event_files.add_to(Sinks::default().with("stdout", sink), name)
    })
}

/// What ends a run beside a signal.
struct Ends {
    /// Nobody reads any more, or there is enough.
    unread: Arc<Notify>,
    /// So much time has passed.
    after: Option<Duration>,
}

/// One instance in the foreground.
struct Run<'a> {
    bytes: Vec<u8>,
    asked: intake::Asked,
    /// The file that is read again.
    file: Option<&'a Path>,
    bake_ms: u64,
    sinks: Box<SinkMaker>,
    ends: Ends,
    /// Whether records stay as they are.
    raw: bool,
}

impl Run<'_> {
    /// One that prints its events, and has no file to read again, so nothing to watch.
    fn printing(
        bytes: Vec<u8>,
        asked: intake::Asked,
        event_files: EventFiles,
        output: Output,
    ) -> Self {
        let unread = Arc::new(Notify::new());
        Self {
            bytes,
            asked,
            file: None,
            bake_ms: BAKE_DEFAULT_MS,
            sinks: printed(event_files, Arc::clone(&unread), output),
            ends: Ends {
                unread,
                after: None,
            },
            raw: false,
        }
    }

    fn finish(self, clock: Clock, output: Output) -> Result<(), CliError> {
        let Self {
            bytes,
            asked,
            file,
            bake_ms,
            sinks,
            ends,
            raw,
        } = self;
        let engine = Engine::new(EngineConfig {
            now_us: clock.now_us,
            sinks,
            // Nobody can ask a foreground command to go back.
            keeper: None,
            // Its instance ends with it.
            pins: None,
            // As does what is compiled for it.
            handlers: None,
            raw,
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
            let over = async {
                match ends.after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(over);
            loop {
                let asked = tokio::select! {
                    asked = signals.next() => asked,
                    () = ends.unread.notified() => Asked::Stop,
                    () = &mut over => Asked::Stop,
                };
                match (asked, file) {
                    (Asked::Stop, _) => break,
                    (Asked::Reload, Some(file)) => reload(&engine, file, &again, bake_ms, output),
                    (Asked::Reload, None) => {
                        output.note(
                            "SIGHUP: there is no file to read again; only `node run` has one",
                        );
                    }
                }
            }
            end(engine, name, &mut signals, output).await
        })
    }
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
        beside: None,
        hold: None,
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
        Notice::Resumed(_) | Notice::Restarted(_) | Notice::LeftBehind(_) => {}
        Notice::Handler { level, line, .. } => output.note(&format!("{}: {line}", level.word())),
        Notice::Failed {
            instance,
            what,
            reason,
        } => output.note(&format!("{instance}: {what}: {reason}")),
    }
}
