//! Preparing a generation beside the one that runs: hooks planned, object loaded and verified,
//! rings opened. Used by the engine. Must never change anything that runs: whatever it made is
//! gone when the prepared generation is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::node::{Buffer as ShownBuffer, GenerationId, MapProof, Steps};
use payload::digest::Digest;
use payload::legacy::Preset;
use payload::manifest::Arch;
use payload::name::InstanceName;
use payload::object::{MapKind, Object, Setting};

use super::ApplyError;
use super::buffers;
use super::generation::Generation;
use super::handlers::{self, Handlers};
use super::handover::{self, Plan};
use super::migrate::{self, Migration, Move};
use super::proof::micros;
use super::view::Shown;
use crate::admit::Admitted;
use crate::instance::feed::Feed;
use crate::instance::handling::Handling;
use crate::instance::loss::GenerationLoss;
use crate::instance::metrics::Metrics;
use crate::instance::reader::Reader;
use crate::instance::told::Told;
use crate::kernel::direct::Member;
use crate::kernel::hook::{self, Hook, HookError, Variant};
use crate::kernel::load::{self, LoadError, Loaded, Request, Share};
use crate::kernel::vmlinux::Vmlinux;

/// A generation that is loaded and verified and runs nowhere.
pub(super) struct Prepared {
    pub(super) generation: u64,
    pub(super) shown: Shown,
    /// A digest of what is set in it.
    pub(super) set: String,
    pub(super) object: Arc<Object>,
    /// The digest of the object's bytes.
    pub(super) elf: Option<Digest>,
    pub(super) hooks: Vec<PlannedHook>,
    pub(super) loaded: Arc<Loaded>,
    /// What is read of it; nothing where its programs and maps are those of the generation before.
    pub(super) feed: Feed,
    /// The handler that is to take over on the rings of the generation before, where it brings none.
    pub(super) handling: Option<Handling>,
    pub(super) told: Option<Arc<Told>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) loss: Arc<GenerationLoss>,
    pub(super) maps: Vec<MapProof>,
    pub(super) migrations: Vec<Migration>,
    pub(super) steps: Steps,
}

/// What a generation is prepared with.
pub(super) struct Means {
    pub(super) vmlinux: Vmlinux,
    pub(super) handlers: Handlers,
    /// Whether records become outputs as they are.
    pub(super) raw: bool,
}

/// What a new generation is to follow.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) charge: &'a Generation,
    /// Knows the state of its handler.
    pub(super) reader: &'a Reader,
    pub(super) metrics: &'a Arc<Metrics>,
}

/// A program and the hook it goes to.
#[derive(Debug, Clone)]
pub(super) struct PlannedHook {
    pub(super) hook: Hook,
    pub(super) program: String,
    section: String,
}

impl PlannedHook {
    /// A hook as the next one of those planned before it.
    fn after(planned: &[Self], hook: Hook, program: String, section: String) -> Self {
        let equals = planned
            .iter()
            .filter(|other| other.hook.same_place(&hook))
            .count();
        Self {
            hook: hook.with_ordinal(equals),
            program,
            section,
        }
    }

    /// This program of a loaded object.
    pub(super) fn member<'a>(&'a self, loaded: &'a Loaded) -> Member<'a> {
        Member {
            loaded,
            name: &self.program,
        }
    }

    /// The error of this program at this hook.
    pub(super) fn refused(&self, source: HookError) -> ApplyError {
        let (program, section) = (self.program.clone(), self.section.clone());
        ApplyError::Hook {
            program,
            section,
            source: Box::new(source),
        }
    }
}

/// Loads `payload` as the given generation of `name`. `before` is the generation in charge, whose
/// maps may go on. Where only its handler is another, nothing is loaded but that.
pub(super) fn prepare(
    means: &Means,
    name: &InstanceName,
    generation: u64,
    payload: &Admitted,
    before: Option<Before<'_>>,
) -> Result<Prepared, ApplyError> {
    if let Some(before) = before
        && let Some(prepared) = handlers::alone(means, generation, payload, before)?
    {
        return Ok(prepared);
    }
    let previous = before.map(|before| before.charge.previous());
    let (mut prepared, moves) = load_planned(means, name, generation, payload, before, |object| {
        let given = settings(payload, object)?;
        handover::plan(&payload.contents().manifest, (object, &given), previous)
    })?;
    // Last, so that little is written between the copy and the flip.
    if let Some(previous) = previous {
        let maps = (previous.loaded, &*prepared.loaded);
        prepared.migrations = migrate::begin(moves, maps, &mut prepared.maps)?;
    }
    Ok(prepared)
}

/// Loads `payload` once more over the maps that this generation of it left, each by its own name.
pub(super) fn again(
    means: &Means,
    name: &InstanceName,
    generation: u64,
    payload: &Admitted,
    left: Vec<Share>,
) -> Result<Prepared, ApplyError> {
    let all_of_them = Plan {
        shares: left,
        moves: Vec::new(),
        maps: Vec::new(),
    };
    let loaded = load_planned(means, name, generation, payload, None, |_| Ok(all_of_them));
    loaded.map(|(prepared, _no_moves)| prepared)
}

/// Loads `payload`, its maps as planned; gives what is still to be moved into them.
fn load_planned(
    means: &Means,
    name: &InstanceName,
    generation: u64,
    payload: &Admitted,
    before: Option<Before<'_>>,
    plan: impl FnOnce(&Object) -> Result<Plan, ApplyError>,
) -> Result<(Prepared, Vec<Move>), ApplyError> {
    let (elf, object) = for_this_machine(payload)?;
    let hooks = plan_hooks(object, payload.targets())?;
    let decoders = buffers::decoders(&payload.contents().manifest, object, means.raw)?;
    let Plan {
        shares,
        moves,
        maps,
    } = plan(object)?;
    let vmlinux = &means.vmlinux;
    let (loaded, cut) = load_object(vmlinux, name, payload, (elf, object), &hooks, &shares)?;
    let map_of = |map: &str| loaded.map(map);
    let (sources, buffers) = buffers::open(name, generation, map_of, decoders)?;
    let metrics = before.map_or_else(Arc::default, |before| Arc::clone(before.metrics));
    let wanted = handlers::Wanted {
        payload,
        object,
        loaded: &loaded,
        metrics: &metrics,
    };
    let reader = before.map(|before| before.reader);
    let ready = if means.raw {
        None
    } else {
        handlers::of(&means.handlers, &wanted, reader)?
    };
    let (handling, told) = ready.unzip();
    let prepared = Prepared {
        generation,
        shown: shown(payload, generation, buffers),
        set: set_in(payload),
        object: Arc::new(object.clone()),
        elf: elf_digest(payload),
        hooks,
        loss: Arc::new(buffers::loss_of(object, &loaded)),
        feed: Feed::new(name.as_str(), generation, sources, handling),
        handling: None,
        told,
        metrics,
        steps: Steps {
            decode_us: micros(payload.decode),
            cut_us: micros(cut),
            open_us: micros(loaded.open),
            verify_us: micros(loaded.verify),
            ..Steps::default()
        },
        loaded: Arc::new(loaded),
        maps,
        migrations: Vec::new(),
    };
    Ok((prepared, moves))
}

pub(super) fn shown(payload: &Admitted, generation: u64, buffers: Vec<ShownBuffer>) -> Shown {
    Shown {
        payload: payload.contents().manifest.name.to_string(),
        trust: payload.trust,
        signers: payload.signers().iter().map(ToString::to_string).collect(),
        id: GenerationId {
            generation,
            digest: payload.digest().to_string(),
            version: payload.version().map(ToString::to_string),
        },
        buffers,
    }
}

/// A digest of all that is set in a payload.
pub(super) fn set_in(payload: &Admitted) -> String {
    let set = format!("{:?}{:?}", payload.presets(), payload.targets());
    Digest::of(set.as_bytes()).to_string()
}

/// What programs whose target was set are verified against.
fn load_targets<'a>(
    hooks: &'a [PlannedHook],
    set: &BTreeMap<String, String>,
) -> BTreeMap<&'a str, &'a str> {
    let set = hooks
        .iter()
        .filter(|planned| set.contains_key(&planned.program));
    let targets = set.filter_map(|planned| {
        let target = planned.hook.load_target()?;
        Some((planned.program.as_str(), target))
    });
    targets.collect()
}

/// A refusal with what its program's kind needs, where this kernel seems to lack that.
fn explained(error: LoadError, object: &Object) -> LoadError {
    let needs = match &error {
        LoadError::Verify {
            program, reason, ..
        } => object
            .program(program)
            .and_then(|program| hook::needs(program.into(), reason)),
        LoadError::Prepare { reason, .. }
            if object
                .maps
                .iter()
                .any(|map| map.kind == MapKind::STRUCT_OPS) =>
        {
            hook::needs(Variant::OPERATIONS, reason)
        }
        _ => None,
    };
    match needs {
        Some(needs) => error.because(&needs),
        None => error,
    }
}

/// Loads the payload's object for this machine, as every generation of `name` is loaded, and gives
/// the time that the cut of the kernel's BTF took.
pub(super) fn load_object(
    vmlinux: &Vmlinux,
    name: &InstanceName,
    payload: &Admitted,
    (elf, object): (&[u8], &Object),
    hooks: &[PlannedHook],
    shares: &[Share],
) -> Result<(Loaded, Duration), ApplyError> {
    let cutting = Instant::now();
    let cut = vmlinux
        .cut_for(payload.digest(), object)
        .map_err(|source| ApplyError::machine("the kernel's BTF, cut for the object", source))?;
    let cut_took = cutting.elapsed();
    let btf = cut.as_ref().map(|cut| cut.path());
    let loaded = load::load(&Request {
        name: name.as_str(),
        elf,
        btf: btf.as_deref(),
        shares,
        settings: &settings(payload, object)?,
        targets: &load_targets(hooks, payload.targets()),
    })
    .map_err(|error| explained(error, object))?;
    Ok((loaded, cut_took))
}

/// The object for this machine: its bytes, and what the inspection found in them.
pub(super) fn for_this_machine(payload: &Admitted) -> Result<(&[u8], &Object), ApplyError> {
    let objects = &payload.contents().objects;
    let here = Arch::here();
    let found = here.and_then(|arch| {
        Some((
            payload.contents().object_for(arch)?,
            payload.inspected(arch)?,
        ))
    });
    found.ok_or_else(|| ApplyError::Architecture {
        has: objects
            .iter()
            .map(|object| object.arch.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        needs: std::env::consts::ARCH,
    })
}

/// The digest of the object for this machine, as its manifest was found to say.
pub(super) fn elf_digest(payload: &Admitted) -> Option<Digest> {
    let here = Arch::here()?;
    let mut objects = payload.contents().manifest.objects.iter();
    let found = objects.find(|object| object.arch == here || object.arch == Arch::Any);
    found.map(|object| object.digest)
}

/// The values that legacy JSON or a deployment gives to variables.
fn settings(payload: &Admitted, object: &Object) -> Result<Vec<Setting>, ApplyError> {
    let set = |preset: &Preset| {
        object
            .set(&preset.section, &preset.variable, &preset.value)
            .map_err(|source| ApplyError::Setting {
                field: preset.path.clone(),
                source,
            })
    };
    payload.presets().iter().map(set).collect()
}

/// The hook of every program that has one. Programs without target are for the payload's own
/// program arrays; an object in which no program has a hook would do nothing.
pub(super) fn plan_hooks(
    object: &Object,
    targets: &BTreeMap<String, String>,
) -> Result<Vec<PlannedHook>, ApplyError> {
    let mut planned: Vec<PlannedHook> = Vec::new();
    for program in object.programs.iter().filter(|program| program.autoload) {
        let refused = |source| ApplyError::Hook {
            program: program.name.clone(),
            section: program.section.clone(),
            source: Box::new(source),
        };
        let set = targets.get(&program.name).map(String::as_str);
        let hook = Hook::of_program(program, set).map_err(refused)?;
        let Some(hook) = hook else { continue };
        let (name, section) = (program.name.clone(), program.section.clone());
        planned.push(PlannedHook::after(&planned, hook, name, section));
    }
    for map in &object.maps {
        let section = map.section.clone().unwrap_or_default();
        let hook = Hook::of_map(map).map_err(|source| ApplyError::Hook {
            program: map.name.clone(),
            section: section.clone(),
            source: Box::new(source),
        })?;
        let Some(hook) = hook else { continue };
        planned.push(PlannedHook::after(
            &planned,
            hook,
            map.name.clone(),
            section,
        ));
    }
    if planned.is_empty() {
        let name =
            |program: &payload::object::Program| format!("{} ({})", program.name, program.section);
        let programs = object
            .programs
            .iter()
            .map(name)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(ApplyError::NothingToAttach { programs });
    }
    Ok(planned)
}
