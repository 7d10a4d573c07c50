//! A manifest from objects: what their bytes say, joined with what their author wishes.
//! Called by `packer` for a new payload and by `unsigned` for input without a manifest.
//! Must never take from the author what the bytes say themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::agree::Disagreement;
use super::{
    Arch, Build, Carry, Event, FORMAT, Global, Handler, KernelVersion, Manifest, ManifestError,
    Map, Merge, ObjectFile, Program,
};
use crate::btf::{Btf, TypeId};
use crate::digest::Digest;
use crate::limits::GLOBAL_DEFAULT_BYTES_MAX;
use crate::name::{Excerpt, PayloadName, Version};
use crate::object::{Object, type_name};

/// What only the author of a payload can say about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// See [`Manifest::description`].
    pub description: Option<String>,
    /// See [`Manifest::license`].
    pub license: Option<String>,
    /// See [`Manifest::source`].
    pub source: Option<String>,
    /// See [`Manifest::build`].
    pub build: Option<Build>,
    /// See [`Manifest::kernel_min`].
    pub kernel_min: Option<KernelVersion>,
    /// See [`Manifest::handler`].
    pub handler: Option<Handler>,
    /// What happens to maps at an update, by their names; [`Carry::Auto`] where nothing is said.
    pub carry: BTreeMap<String, Carry>,
    /// How migrated maps are joined, by their names; [`Merge::None`] where nothing is said.
    pub merge: BTreeMap<String, Merge>,
    /// Names of the globals that a deployment may set.
    pub settable: BTreeSet<String>,
    /// Names of the programs that a deployment may attach elsewhere.
    pub target_settable: BTreeSet<String>,
}

/// One object with its inspection. Its events are those of the manifest, see
/// [`Object::set_events`].
#[derive(Debug, Clone, Copy)]
pub struct Inspected<'a> {
    /// What it is to run on.
    pub arch: Arch,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What [`crate::object::inspect`] found in them.
    pub object: &'a Object,
}

/// Why objects and an author's wishes make no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComputeError {
    /// What comes out breaks a rule of manifests.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The objects of two architectures are two different programs.
    #[error("objects of one payload differ: {0}")]
    Disagreement(#[from] Disagreement),
    /// A wish about something that the object does not have.
    #[error("{field} names {name:?}, the object has {has}")]
    Unknown {
        /// `carry`, `merge`, `settable` or `target_settable`.
        field: &'static str,
        /// What it names.
        name: Excerpt,
        /// The names there are, separated by commas, or `none`.
        has: Excerpt,
    },
}

impl Manifest {
    /// The manifest of `objects`, which are put in order.
    ///
    /// # Errors
    /// [`ComputeError`]: the objects differ in more than their code, a wish names what is not
    /// there, or a rule of manifests is broken.
    pub fn computed(
        name: PayloadName,
        version: Version,
        described: Described,
        objects: &[Inspected<'_>],
    ) -> Result<Self, ComputeError> {
        let mut objects = objects.to_vec();
        objects.sort_by_key(|object| object.arch);
        let first = objects.first().ok_or(ManifestError::NoObject)?.object;
        let mut manifest = Self {
            format: FORMAT,
            name,
            version,
            description: described.description,
            license: described.license,
            source: described.source,
            build: described.build,
            objects: objects.iter().map(object_file).collect(),
            programs: programs(first),
            maps: maps(first),
            globals: globals(first),
            events: events(first),
            kernel_min: described.kernel_min,
            handler: described.handler,
        };
        wish(&mut manifest, "carry", described.carry, |map, carry| {
            map.carry = carry;
        })?;
        wish(&mut manifest, "merge", described.merge, |map, merge| {
            map.merge = merge;
        })?;
        wish_settable(&mut manifest, &described.settable)?;
        wish_target_settable(&mut manifest, &described.target_settable)?;
        for object in &objects {
            manifest.agrees_with(object.arch, object.object)?;
        }
        manifest.to_json()?;
        Ok(manifest)
    }
}

/// Writes one wish a map into the manifest.
fn wish<T>(
    manifest: &mut Manifest,
    field: &'static str,
    wishes: BTreeMap<String, T>,
    set: impl Fn(&mut Map, T),
) -> Result<(), ComputeError> {
    for (name, value) in wishes {
        let Some(map) = manifest.maps.iter_mut().find(|map| map.name == name) else {
            let names = manifest.maps.iter().map(|map| map.name.as_str());
            return Err(unknown(field, &name, names));
        };
        set(map, value);
    }
    Ok(())
}

fn wish_settable(manifest: &mut Manifest, names: &BTreeSet<String>) -> Result<(), ComputeError> {
    for name in names {
        let Some(global) = manifest
            .globals
            .iter_mut()
            .find(|global| global.name == *name)
        else {
            let names = manifest.globals.iter().map(|global| global.name.as_str());
            return Err(unknown("settable", name, names));
        };
        global.settable = true;
    }
    Ok(())
}

fn wish_target_settable(
    manifest: &mut Manifest,
    names: &BTreeSet<String>,
) -> Result<(), ComputeError> {
    for name in names {
        let programs = &mut manifest.programs;
        let Some(program) = programs.iter_mut().find(|program| program.name == *name) else {
            let names = programs.iter().map(|program| program.name.as_str());
            return Err(unknown("target_settable", name, names));
        };
        program.target_settable = true;
    }
    Ok(())
}

fn unknown<'a>(
    field: &'static str,
    name: &str,
    has: impl Iterator<Item = &'a str>,
) -> ComputeError {
    let names: Vec<&str> = has.collect();
    let has = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    ComputeError::Unknown {
        field,
        name: Excerpt::of(name),
        has: Excerpt::of(&has),
    }
}

fn object_file(object: &Inspected<'_>) -> ObjectFile {
    ObjectFile {
        arch: object.arch,
        digest: Digest::of(object.bytes),
        size_bytes: object.bytes.len() as u64,
        license: object.object.license.clone(),
    }
}

/// The programs of an object as a manifest lists them.
pub(super) fn programs(object: &Object) -> Vec<Program> {
    let entry = |program: &crate::object::Program| Program {
        name: program.name.clone(),
        section: program.section.clone(),
        kind: program.kind.as_str().to_owned(),
        target: program.target.clone(),
        sleepable: program.sleepable,
        target_settable: false,
    };
    object.programs.iter().map(entry).collect()
}

/// The maps of an object as a manifest lists them, without wishes.
pub(super) fn maps(object: &Object) -> Vec<Map> {
    let name_of = |id: Option<TypeId>| name_of(object.btf.as_ref(), id);
    let entry = |map: &crate::object::Map| Map {
        name: map.name.clone(),
        kind: map.kind.to_string(),
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        flags: map.flags,
        key_type: name_of(map.key_type),
        value_type: name_of(map.value_type),
        carry: Carry::default(),
        merge: Merge::default(),
    };
    object.maps.iter().map(entry).collect()
}

/// The global variables of an object as a manifest lists them, without wishes.
pub(super) fn globals(object: &Object) -> Vec<Global> {
    let entry = |global: &crate::object::Global| Global {
        name: global.name.clone(),
        section: global.section.clone(),
        type_name: name_of(object.btf.as_ref(), global.type_id),
        size_bytes: global.size,
        default: default_value(&global.default),
        settable: false,
    };
    object.globals.iter().map(entry).collect()
}

/// The events of an object as a manifest lists them.
fn events(object: &Object) -> Vec<Event> {
    let entry = |event: &crate::object::Event| Event {
        map: event.map.clone(),
        struct_name: event.struct_name.clone(),
    };
    object.events.iter().map(entry).collect()
}

fn name_of(btf: Option<&Btf>, id: Option<TypeId>) -> Option<String> {
    Some(type_name(btf?, id?))
}

/// A value in hexadecimal; none for zeros and for what is over the bound.
fn default_value(bytes: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    if bytes.len() > GLOBAL_DEFAULT_BYTES_MAX || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex)
}
