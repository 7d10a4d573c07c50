//! The handlers of payloads, from the manifest to a guest that waits for its records. Used while a
//! generation is prepared.
//! Must never touch what runs, but to ask its handler for its state.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use api::node::Steps;
use handler::fault::{Fault, RefusedHandler};
use handler::grant::{Grant, Ring};
use handler::{Clock, Compiled, Guest, GuestRing, State, World};
use handler::{Engine, EngineError};
use payload::manifest;
use payload::object::{MapKind, Object};

use super::ApplyError;
use super::apply_error::Class;
use super::prepare::{Before, Means, Prepared, elf_digest, for_this_machine, set_in, shown};
use super::proof::micros;
use crate::admit::Admitted;
use crate::instance::feed::Feed;
use crate::instance::handling::{Carry, Handling, Terms, TrialError};
use crate::instance::metrics::{Declared, Metrics};
use crate::instance::reader::Reader;
use crate::instance::told::Told;
use crate::kernel::handler_maps::HandlerMaps;
use crate::kernel::load::Loaded;
use crate::kernel::ring::size_bytes_of;
use crate::kernel::sys::{monotonic_ns, realtime_ns};

/// Compiles handlers; made when the first one comes.
pub(super) struct Handlers {
    cache: Option<PathBuf>,
    engine: OnceLock<Engine>,
}

/// Why a payload's handler does not run here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// The machine has no engine for it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It is refused before any of its code runs.
    #[error(transparent)]
    Refused(#[from] RefusedHandler),
    /// Its guest can't be made.
    #[error(transparent)]
    Guest(#[from] Fault),
    /// It does not start, or asks for what it may not have.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// A map or ring that it needs can't be had.
    #[error("the handler's maps and rings: {0}")]
    Maps(io::Error),
}

impl HandlerError {
    /// Whose fault it is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Refused(_) | Self::Guest(_) | Self::Trial(_) => Class::Reject,
            Self::Engine(_) | Self::Maps(_) => Class::Retry,
        }
    }
}

/// A payload whose handler is wanted, and what that reads.
pub(super) struct Wanted<'a> {
    pub(super) payload: &'a Admitted,
    pub(super) object: &'a Object,
    pub(super) loaded: &'a Loaded,
    pub(super) metrics: &'a Arc<Metrics>,
}

/// A handler that waits for its records, and what is told of it.
pub(super) type Ready = (Handling, Arc<Told>);

impl Handlers {
    /// Keeps compiled code in this folder.
    pub(super) fn new(cache: Option<PathBuf>) -> Self {
        Self {
            cache,
            engine: OnceLock::new(),
        }
    }

    fn engine(&self) -> Result<&Engine, EngineError> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        // Of two that are made at once one is dropped.
        let made = Engine::new(self.cache.clone())?;
        Ok(self.engine.get_or_init(|| made))
    }
}

/// The handler of a payload, where it has one. Without a reader it has begun; else it begins with the
/// state of the handler that the reader runs when that has read its last record, and has been tried
/// with what that state is now.
pub(super) fn of(
    handlers: &Handlers,
    wanted: &Wanted<'_>,
    reader: Option<&Reader>,
) -> Result<Option<Ready>, ApplyError> {
    let contents = wanted.payload.contents();
    let manifest = &contents.manifest;
    let granted = wanted.payload.grant();
    let (Some(wasm), Some(asked), Some(grant)) = (&contents.handler, &manifest.handler, granted)
    else {
        return Ok(None);
    };
    let state = match reader {
        Some(reader) => reader.state()?,
        None => None,
    };
    let parts = Parts::of(handlers, wanted, (wasm, asked, grant))?;
    let ready = match reader {
        Some(_) => parts.tried(state.as_ref(), wanted.metrics)?,
        None => parts.begun(wanted.metrics)?,
    };
    Ok(Some(ready))
}

/// What handlers are made of.
struct Parts {
    compiled: Compiled,
    rings: Arc<Rings>,
    world: World,
    terms: Terms,
    declared: BTreeMap<String, Declared>,
}

impl Parts {
    fn of(
        handlers: &Handlers,
        wanted: &Wanted<'_>,
        (wasm, asked, grant): (&[u8], &manifest::Handler, &Grant),
    ) -> Result<Self, HandlerError> {
        let compiled = handlers.engine()?.compile(wasm, grant)?;
        let maps = HandlerMaps::open(wanted.loaded, grant.maps.keys());
        let maps = maps.map_err(HandlerError::Maps)?;
        Ok(Self {
            compiled,
            rings: Rings::of(wanted).map_err(HandlerError::Maps)?,
            world: live(Arc::new(maps)),
            terms: terms(asked),
            declared: declared(asked, grant),
        })
    }

    fn made(&self, metrics: &Arc<Metrics>, windows: bool) -> Result<Ready, HandlerError> {
        let (compiled, rings) = (self.compiled.clone(), Arc::clone(&self.rings));
        let world = self.world.clone();
        let maker = move || rings.guest(&compiled, &world, windows);
        let guest = maker()?;
        let told = Arc::new(Told::new(
            self.compiled.lane().word(),
            self.declared.clone(),
        ));
        let (terms, metrics) = (self.terms.clone(), Arc::clone(metrics));
        let handling = Handling::new(Box::new(maker), guest, terms, Arc::clone(&told), metrics);
        Ok((handling, told))
    }

    /// The first one of an instance, which has begun.
    fn begun(&self, metrics: &Arc<Metrics>) -> Result<Ready, HandlerError> {
        let mut ready = self.made(metrics, true)?;
        ready.0.begin_first()?;
        Ok(ready)
    }

    /// One that is to follow another, once a second one of it has begun with that state: what that has
    /// put out nobody sees.
    fn tried(&self, state: Option<&State>, metrics: &Arc<Metrics>) -> Result<Ready, HandlerError> {
        let (mut trial, _told) = self.made(&Arc::default(), false)?;
        trial.try_begin(state)?;
        self.made(metrics, true)
    }
}

/// The rings of a generation as a handler is given them.
struct Rings(Vec<(Ring, OwnedFd)>);

impl Rings {
    fn of(wanted: &Wanted<'_>) -> io::Result<Arc<Self>> {
        let manifest = &wanted.payload.contents().manifest;
        let rings = wanted.object.maps.iter();
        let rings = rings.filter(|map| map.kind == MapKind::RINGBUF);
        let rings = rings.map(|map| {
            let handle = wanted.loaded.map(&map.name)?;
            let size_bytes = size_bytes_of(&handle);
            let ring = Ring::of(manifest, wanted.object, &map.name, size_bytes);
            Ok((ring, handle.as_fd().try_clone_to_owned()?))
        });
        rings.collect::<io::Result<_>>().map(Self).map(Arc::new)
    }

    fn guest(&self, compiled: &Compiled, world: &World, windows: bool) -> Result<Guest, Fault> {
        let given: Vec<GuestRing<'_>> = self
            .0
            .iter()
            .map(|(ring, memory)| GuestRing {
                ring,
                memory: windows.then(|| memory.as_fd()),
            })
            .collect();
        compiled.guest(&given, world.clone())
    }
}

/// The next generation, where it differs from the one in charge in its handler alone: programs and
/// maps stay as they are.
pub(super) fn alone(
    means: &Means,
    generation: u64,
    payload: &Admitted,
    before: Before<'_>,
) -> Result<Option<Prepared>, ApplyError> {
    let charge = before.charge;
    let (_, object) = for_this_machine(payload)?;
    let (elf, set) = (elf_digest(payload), set_in(payload));
    let same = charge.is_loaded_as(elf.as_ref(), &set) && charge.object.events == object.events;
    if !same || charge.told.is_none() {
        return Ok(None);
    }
    let started = Instant::now();
    let wanted = Wanted {
        payload,
        object: &charge.object,
        loaded: &charge.loaded,
        metrics: before.metrics,
    };
    let Some((handling, told)) = of(&means.handlers, &wanted, Some(before.reader))? else {
        return Ok(None);
    };
    let maps = charge.maps_again(&[]).into_iter().map(|mut map| {
        "shared".clone_into(&mut map.hand_over);
        map
    });
    Ok(Some(Prepared {
        generation,
        shown: shown(payload, generation, charge.shown.buffers.clone()),
        set,
        object: Arc::clone(&charge.object),
        elf,
        hooks: charge.hooks.clone(),
        loaded: Arc::clone(&charge.loaded),
        feed: Feed::default(),
        handling: Some(handling),
        told: Some(told),
        metrics: Arc::clone(before.metrics),
        loss: Arc::clone(&charge.loss),
        maps: maps.collect(),
        migrations: Vec::new(),
        steps: Steps {
            decode_us: micros(payload.decode),
            open_us: micros(started.elapsed()),
            ..Steps::default()
        },
    }))
}

/// The world of a handler whose events are this machine's.
fn live(maps: Arc<HandlerMaps>) -> World {
    World {
        maps,
        clock: Clock {
            now_mono_ns: monotonic_ns,
            now_wall_ns: realtime_ns,
        },
        processes: true,
    }
}

fn declared(asked: &manifest::Handler, grant: &Grant) -> BTreeMap<String, Declared> {
    let declared = asked.metrics.iter().filter_map(|one| {
        let metric = grant.metrics.get(&one.name)?.clone();
        let help = one.help.clone().unwrap_or_default();
        Some((one.name.clone(), Declared { metric, help }))
    });
    declared.collect()
}

fn terms(asked: &manifest::Handler) -> Terms {
    let accepts = std::iter::once(asked.schema).chain(asked.accepts.iter().copied());
    Terms {
        carry: match asked.state {
            manifest::CarryState::Carry => Carry::Offered,
            manifest::CarryState::Require => Carry::Require,
            manifest::CarryState::Fresh => Carry::Fresh,
        },
        accepts: accepts.collect(),
    }
}
