//! Which map carries which struct.
//! Called by the inspection, and by `packer` when `payload.toml` names the structs.
//! Must never pair a ring with a struct of another size than the programs put into it.
use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::Object;
use super::code::Code;
use super::ext::CoreRelocation;
use super::map::Map;
use crate::btf::{Btf, Type, TypeId};
use crate::limits;

/// A ring whose records have a known struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Name of the ring or perf buffer.
    pub map: String,
    /// Name of the struct.
    pub struct_name: String,
    /// The struct, in the object's BTF.
    pub type_id: TypeId,
}

/// Why a struct can't be said to be in a map.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// The object has no such map.
    #[error("events: no map \"{map}\"; the object's rings are {rings}")]
    NoMap {
        /// The map that was named.
        map: String,
        /// Those there are, separated by commas.
        rings: String,
    },
    /// The object's BTF has no such struct.
    #[error(
        "events: map \"{map}\" is to carry struct \"{struct_name}\", which the object's BTF lacks"
    )]
    NoStruct {
        /// The map that was named.
        map: String,
        /// The struct that was named.
        struct_name: String,
    },
}

/// Parts of names that say only that something is a ring or a record.
const FILLERS: [&str; 17] = [
    "rb",
    "ring",
    "rings",
    "ringbuf",
    "ringbuffer",
    "buf",
    "buffer",
    "perf",
    "map",
    "pb",
    "event",
    "events",
    "evt",
    "record",
    "records",
    "t",
    "data",
];

/// Pairs rings with structs, where the object's names leave no doubt.
///
/// Candidates are the structs of declarations `struct X *unused… __attribute__((unused));`, and if
/// there are none the structs called `event` or `…_event` that are no kernel types. A ring whose
/// record sizes show in the code only takes a candidate of such a size. Among what is left it takes
/// the one whose name is its own without filler (`exec_ring` and `exec_event`); else the only one;
/// else `struct event`; else, when as many rings as declarations are left, the one that is declared
/// at its place. What is still in doubt stays raw.
pub(super) fn events(
    btf: Option<&Btf>,
    maps: &[Map],
    code: &Code<'_>,
    relocations: &[CoreRelocation],
) -> Vec<Event> {
    let Some(btf) = btf else {
        return Vec::new();
    };
    let (candidates, declared) = match declared(btf) {
        declared if declared.is_empty() => (named(btf, relocations), false),
        declared => (declared, true),
    };
    let mut open: Vec<_> = maps
        .iter()
        .filter(|map| map.kind.carries_events())
        .collect();
    let mut pairing = Pairing {
        btf,
        sizes: code.record_sizes(),
        candidates,
        events: Vec::new(),
    };
    open.retain(|map| !pairing.take(map, pairing.by_name(map)));
    open.retain(|map| !pairing.take(map, pairing.only(map)));
    let left = pairing.left();
    if declared && left.len() == open.len() {
        for (map, id) in open.into_iter().zip(left) {
            let fits = pairing.fitting(map).contains(&id);
            pairing.take(map, fits.then_some(id));
        }
    }
    let mut events = pairing.events;
    events.sort_by(|a, b| a.map.cmp(&b.map));
    events.truncate(limits::EVENTS_MAX);
    events
}

/// Pairs found so far, and what they are chosen from.
struct Pairing<'a> {
    btf: &'a Btf,
    /// Sizes in bytes of what programs put into each map, as far as the code shows them.
    sizes: BTreeMap<&'a str, BTreeSet<u32>>,
    candidates: Vec<TypeId>,
    events: Vec<Event>,
}

impl Pairing<'_> {
    /// Candidates of a size that programs put into this map.
    fn fitting(&self, map: &Map) -> Vec<TypeId> {
        let sizes = self.sizes.get(map.name.as_str());
        let fits = |id: &TypeId| {
            let bytes = self.btf.size_of(*id);
            let bytes = bytes.and_then(|bytes| u32::try_from(bytes).ok());
            sizes.is_none_or(|sizes| bytes.is_some_and(|bytes| sizes.contains(&bytes)))
        };
        self.candidates.iter().copied().filter(fits).collect()
    }

    /// The one candidate whose name is the map's.
    fn by_name(&self, map: &Map) -> Option<TypeId> {
        let own = core(&map.name);
        let mut same = self.fitting(map);
        same.retain(|id| own == core(self.btf.name(*id)));
        match same[..] {
            [only] if !own.is_empty() => Some(only),
            _ => None,
        }
    }

    /// The one candidate there is, or the one called `event`.
    fn only(&self, map: &Map) -> Option<TypeId> {
        let fitting = self.fitting(map);
        match fitting[..] {
            [only] => Some(only),
            _ => fitting.into_iter().find(|id| self.btf.name(*id) == "event"),
        }
    }

    /// Candidates that no map has taken.
    fn left(&self) -> Vec<TypeId> {
        let taken = |id: &TypeId| self.events.iter().any(|event| event.type_id == *id);
        let mut left = self.candidates.clone();
        left.retain(|id| !taken(id));
        left
    }

    /// Whether the map has a struct now.
    fn take(&mut self, map: &Map, id: Option<TypeId>) -> bool {
        self.events.extend(id.map(|id| Event {
            map: map.name.clone(),
            struct_name: self.btf.name(id).to_owned(),
            type_id: id,
        }));
        id.is_some()
    }
}

impl Object {
    /// Replaces what the inspection found by what an author says: (map, struct) pairs.
    ///
    /// # Errors
    /// [`EventError`] when the object lacks the map or the struct.
    pub fn set_events(&mut self, pairs: &[(String, String)]) -> Result<(), EventError> {
        for (map, struct_name) in pairs {
            let mut rings = self.maps.iter().filter(|map| map.kind.carries_events());
            if !rings.clone().any(|ring| ring.name == *map) {
                let rings: Vec<_> = rings.by_ref().map(|ring| ring.name.as_str()).collect();
                return Err(EventError::NoMap {
                    map: map.clone(),
                    rings: rings.join(", "),
                });
            }
            let type_id = self.btf.as_ref().and_then(|btf| {
                btf.by_name(struct_name)
                    .find(|id| matches!(btf.type_at(*id), Type::Struct(_)))
            });
            let type_id = type_id.ok_or_else(|| EventError::NoStruct {
                map: map.clone(),
                struct_name: struct_name.clone(),
            })?;
            self.events.retain(|event| event.map != *map);
            let event = Event {
                map: map.clone(),
                struct_name: struct_name.clone(),
                type_id,
            };
            self.events.push(event);
        }
        self.events.sort_by(|a, b| a.map.cmp(&b.map));
        Ok(())
    }
}

/// Structs of `struct X *unused…` variables, in the order of the source.
fn declared(btf: &Btf) -> Vec<TypeId> {
    let mut found = Vec::new();
    for id in btf.ids() {
        let Type::Var { of, .. } = btf.type_at(id) else {
            continue;
        };
        if found.len() == limits::EVENTS_MAX
            || !btf.name(id).trim_start_matches('_').starts_with("unused")
        {
            continue;
        }
        let Type::Ptr(to) = btf.type_at(btf.resolve(of)) else {
            continue;
        };
        let to = btf.resolve(to);
        let is_struct = matches!(btf.type_at(to), Type::Struct(_)) && !btf.name(to).is_empty();
        if is_struct && !found.contains(&to) {
            found.push(to);
        }
    }
    found
}

/// Structs called `event` or `…_event` that no CO-RE relocation says are the kernel's.
fn named(btf: &Btf, relocations: &[CoreRelocation]) -> Vec<TypeId> {
    let kernel: BTreeSet<_> = relocations.iter().map(|r| btf.resolve(r.root)).collect();
    let is_event = |id: &TypeId| {
        let name = btf.name(*id);
        matches!(btf.type_at(*id), Type::Struct(_))
            && (name == "event" || name.ends_with("_event"))
            && !kernel.contains(id)
    };
    btf.ids()
        .filter(is_event)
        .take(limits::EVENTS_MAX)
        .collect()
}

/// A name without fillers and plurals: `exec_events`, `execs` and `exec_ring` are all `exec`.
fn core(name: &str) -> String {
    let words = name
        .split('_')
        .filter(|word| !word.is_empty() && !FILLERS.contains(word));
    let words: Vec<_> = words
        .map(|word| word.strip_suffix('s').unwrap_or(word))
        .collect();
    words.join("_")
}
