//! `packer test`: runs a payload's handler on recorded events, without a kernel. Called by `main`.
//! Must never need a right that reading two files does not.

mod events;
mod maps;
mod sums;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use handler::Records;
use handler::effects::Effects;
use handler::fault::{Fault, RefusedHandler};
use handler::grant::{Grant, Ring};
use handler::records::{check_consumed, walk};
use handler::{Clock, Compiled, Guest, GuestRing, World};
use handler::{Engine, EngineError};
use payload::file::Contents;
use payload::object::{MapKind, Object};
use thiserror::Error;

use crate::build::{self, BuildError};
use crate::cli::TestArguments;
use crate::failure::{Class, Classed, Failure};
use crate::files::FileError;
use crate::input::{Input, InputError};
use crate::output;
use events::{Batches, EventsError};
use maps::MemoryMaps;
use sums::Sums;

/// Between two ticks, microseconds of the records' time.
const TICK_US: u64 = 1_000_000;

/// Why a handler did not pass.
#[derive(Debug, Error)]
pub(crate) enum TestError {
    /// The folder makes no payload.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The file is no payload.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file can't be read, or the outputs not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The records can't be read.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// Nothing would be tested.
    #[error("{input} has no handler: its events are decoded")]
    NoHandler { input: String },
    /// Handlers can't be run here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A node would refuse it.
    #[error(transparent)]
    Refused(#[from] RefusedHandler),
    /// It failed before any record.
    #[error("the handler does not start: {0}")]
    Start(String),
    /// It failed.
    #[error(
        "the handler failed behind {handled} records, on {given} of ring {ring} from line {line} on: {fault}"
    )]
    Failed {
        handled: u64,
        given: u64,
        ring: String,
        line: usize,
        fault: Fault,
    },
    /// It failed without a record.
    #[error("the handler failed behind {handled} records: {fault}")]
    FailedAside { handled: u64, fault: Fault },
    /// It does not go on with what it says that it needs for that.
    #[error("the handler does not go on with its own state: {reason}")]
    State { reason: String },
    /// It asked for a map without a right to it.
    #[error(
        "the handler asks for map {map}, to which its manifest gives it no right: name it in [handler.maps]"
    )]
    Denied { map: String },
}

impl Classed for TestError {
    fn class(&self) -> Class {
        match self {
            Self::Build(error) => error.class(),
            Self::Input(error) => error.class(),
            Self::File(error) => error.class(),
            Self::Events(error) => error.class(),
            Self::Engine(_) => Class::Fatal,
            Self::NoHandler { .. }
            | Self::Refused(_)
            | Self::Start(_)
            | Self::Failed { .. }
            | Self::FailedAside { .. }
            | Self::State { .. }
            | Self::Denied { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.next_step(),
            Self::Input(error) => error.next_step(),
            Self::File(error) => error.next_step(),
            Self::NoHandler { .. } => {
                Some("`packer new --handler c` shows how one is written".to_owned())
            }
            Self::Events(_) => Some("`node record` keeps them".to_owned()),
            _ => None,
        }
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.log(),
            _ => None,
        }
    }
}

/// The time of the record that is handled, microseconds since 1970: the clock of the handler.
static NOW_US: AtomicU64 = AtomicU64::new(0);

fn now_ns() -> u64 {
    NOW_US.load(Ordering::Relaxed).saturating_mul(1000)
}

/// Runs the handler over all records.
pub(crate) fn run(arguments: &TestArguments) -> Result<(), Failure> {
    Ok(test(arguments)?)
}

fn test(arguments: &TestArguments) -> Result<(), TestError> {
    let input = &arguments.input;
    let shown = input.display().to_string();
    let input = if input.is_dir() {
        Input::of(build::folder(input)?, shown, input)?
    } else {
        Input::read(input)?
    };
    let contents = input.unsigned.contents();
    let (Some(wasm), Some(asked)) = (&contents.handler, &contents.manifest.handler) else {
        return Err(TestError::NoHandler { input: input.shown });
    };
    let grant = Grant::asked(asked);
    let compiled = Engine::new(None)?.compile(wasm, &grant)?;
    let rings = rings(contents, input.unsigned.inspected());
    let maps = Arc::new(MemoryMaps::of(&contents.manifest));
    let mut run = Run {
        compiled,
        rings,
        maps,
        sums: Sums::new(&grant),
        handled: 0,
    };
    run.over(Batches::read(&arguments.events, &run.names())?)
}

/// The rings of an object, as a node numbers them.
fn rings(contents: &Contents, object: &Object) -> Vec<Ring> {
    let rings = object.maps.iter();
    let rings = rings.filter(|map| map.kind == MapKind::RINGBUF);
    rings
        .map(|map| Ring::of(&contents.manifest, object, &map.name, map.max_entries))
        .collect()
}

/// A handler under test.
struct Run {
    compiled: Compiled,
    rings: Vec<Ring>,
    maps: Arc<MemoryMaps>,
    sums: Sums,
    handled: u64,
}

impl Run {
    fn names(&self) -> Vec<String> {
        self.rings.iter().map(|ring| ring.name.clone()).collect()
    }

    fn guest(&self) -> Result<Guest, TestError> {
        let given = |ring| GuestRing { ring, memory: None };
        let given: Vec<GuestRing<'_>> = self.rings.iter().map(given).collect();
        let world = World {
            maps: Arc::clone(&self.maps) as _,
            clock: Clock {
                now_mono_ns: now_ns,
                now_wall_ns: now_ns,
            },
            processes: false,
        };
        let guest = self.compiled.guest(&given, world);
        guest.map_err(|fault| TestError::Start(fault.to_string()))
    }

    fn over(&mut self, batches: Batches) -> Result<(), TestError> {
        NOW_US.store(batches.began_us(), Ordering::Relaxed);
        let mut guest = self.guest()?;
        let begun = guest.init(None);
        let begun = begun.map_err(|fault| TestError::Start(fault.to_string()))?;
        begun.map_err(TestError::Start)?;
        self.take(guest.effects())?;
        let mut ticked_us = batches.began_us();
        for batch in batches.all() {
            while batch.read_us >= ticked_us + TICK_US {
                ticked_us += TICK_US;
                self.tick(&mut guest, ticked_us)?;
            }
            NOW_US.store(batch.read_us, Ordering::Relaxed);
            self.handle(&mut guest, &batch)?;
        }
        // What is put out now and then comes too.
        self.tick(&mut guest, ticked_us + TICK_US)?;
        self.check_state(&mut guest)?;
        output::note(&self.sums.text(self.handled));
        Ok(())
    }

    fn tick(&mut self, guest: &mut Guest, now_us: u64) -> Result<(), TestError> {
        NOW_US.store(now_us, Ordering::Relaxed);
        let ticked = guest.on_tick(now_ns());
        ticked.map_err(|fault| self.aside(fault))?;
        self.take(guest.effects())
    }

    fn aside(&self, fault: Fault) -> TestError {
        let handled = self.handled;
        TestError::FailedAside { handled, fault }
    }

    fn handle(&mut self, guest: &mut Guest, batch: &events::Batch) -> Result<(), TestError> {
        let mut rest = batch.records.as_slice();
        while !rest.is_empty() {
            let offered = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            let called = guest.on_events(batch.ring, Records::Owned(rest));
            let taken = called.and_then(|claimed| {
                check_consumed(rest, claimed)?;
                let parts = rest.split_at_checked(claimed as usize);
                parts.filter(|_| claimed > 0).ok_or(Fault::Consumed {
                    claimed,
                    offered,
                    rule: "it must end where a record does, behind the first one or a later one",
                })
            });
            let (taken, left) = taken.map_err(|fault| TestError::Failed {
                handled: self.handled,
                given: count(rest),
                ring: self
                    .rings
                    .get(batch.ring)
                    .map_or_else(String::new, |ring| ring.name.clone()),
                line: batch.line,
                fault,
            })?;
            self.handled += count(taken);
            rest = left;
            self.take(guest.effects())?;
        }
        Ok(())
    }

    /// Prints what a call has put out.
    fn take(&mut self, effects: &mut Effects) -> Result<(), TestError> {
        if let Some(map) = effects.denied.first() {
            let map = map.clone();
            return Err(TestError::Denied { map });
        }
        let mut lines = String::new();
        for emitted in &effects.emitted {
            let text = |range: &std::ops::Range<usize>| {
                let bytes = effects.text.get(range.clone()).unwrap_or_default();
                String::from_utf8_lossy(bytes).into_owned()
            };
            let (stream, event) = (text(&emitted.stream), text(&emitted.event));
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{{\"stream\":\"{stream}\",\"event\":{event}}}");
        }
        output::result(lines.as_bytes()).map_err(output::unprinted)?;
        for (level, line) in &effects.log {
            output::note(&format!("{}: {line}", level.word()));
        }
        self.sums.add(effects);
        effects.clear();
        Ok(())
    }

    /// Another guest must go on with the state, where there is one.
    fn check_state(&self, guest: &mut Guest) -> Result<(), TestError> {
        if !guest.has_state() {
            return Ok(());
        }
        let refused = |reason: String| TestError::State { reason };
        let state = guest
            .snapshot()
            .map_err(|fault| refused(fault.to_string()))?;
        let begun = self.guest()?.init(Some(&state));
        let begun = begun.map_err(|fault| refused(fault.to_string()))?;
        begun.map_err(refused)
    }
}

/// How many records these bytes hold, discarded ones left out.
fn count(records: &[u8]) -> u64 {
    let records = walk(records).filter(|record| !record.is_discarded);
    u64::try_from(records.count()).unwrap_or(u64::MAX)
}
