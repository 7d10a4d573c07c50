//! What is in the maps of the generation in charge, in the words of the API.
//! Called by the engine, which says which generation that is.
//! Must never write to a map, nor keep one open longer than a question takes.

mod content;
mod part;
mod way;

use api::node::{Map as Shown, MapProof};
use payload::histogram::Scale;
use payload::object::{Map, MapKind, Object, type_name};

use crate::kernel::entries::OpenMap;
use crate::kernel::load::Loaded;
use way::{Way, way};

pub(crate) use content::content;

/// Entries that are counted for a list; of maps with more it says so.
const COUNTED_MAX: u64 = 1024;

/// What is asked of a map.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    /// Most entries of the answer.
    pub(crate) limit: Option<usize>,
    /// Make a histogram of every array of counts.
    pub(crate) wish: Option<Scale>,
}

/// The generation in charge.
pub(crate) struct Generation<'g> {
    /// Name of the instance.
    pub(crate) instance: &'g str,
    /// Counts from 1.
    pub(crate) number: u64,
    /// What the inspection found.
    pub(crate) object: &'g Object,
    /// What libbpf made of it.
    pub(crate) loaded: &'g Loaded,
    /// How its maps came to it.
    pub(crate) hand_overs: &'g [MapProof],
}

/// There is nothing to draw.
#[derive(Debug, thiserror::Error)]
#[error(
    "map {map} holds no array of two or more unsigned counts, nor counts by an integer key, that \
     could be drawn as a histogram"
)]
pub(crate) struct NothingToDraw {
    map: String,
}

/// Every map of a generation, in the order of the object.
pub(crate) fn list(generation: &Generation<'_>) -> Vec<Shown> {
    let maps = generation.object.maps.iter();
    let shown = maps.map(|map| {
        let open = OpenMap::of(generation.loaded, map);
        let mut shown = describe(generation, map, open.as_ref().ok());
        if let Ok(open) = open {
            count(generation.object, map, &open, &mut shown);
        }
        shown
    });
    shown.collect()
}

/// A map without its entries.
fn describe(generation: &Generation<'_>, map: &Map, open: Option<&OpenMap>) -> Shown {
    let facts = open.and_then(|open| open.facts().ok());
    let named = |of| Some(type_name(generation.object.btf.as_ref()?, of?));
    let is_data = way(map) == Way::Variables;
    let mut hand_overs = generation.hand_overs.iter();
    let hand_over = hand_overs.find(|proof| proof.map == map.name);
    Shown {
        name: map.name.clone(),
        kind: map.kind.to_string(),
        id: facts.as_ref().map(|facts| facts.id),
        key_type: named(map.key_type),
        value_type: named(map.value_type.filter(|_| !is_data)),
        key_bytes: map.key_size,
        value_bytes: open.map_or(map.value_size, OpenMap::value_bytes),
        per_cpu: is_per_cpu(map.kind),
        entries_max: open.map_or(map.max_entries, OpenMap::entries_max),
        entries: None,
        more: false,
        memory_bytes: facts.and_then(|facts| facts.memory_bytes),
        hand_over: hand_over.map(|proof| proof.hand_over.clone()),
        unreadable: match (way(map), open) {
            (Way::Closed(reason), _) => Some(reason.to_owned()),
            (_, None) => Some("this generation has no such map in the kernel".to_owned()),
            _ => None,
        },
    }
}

/// Counts entries where that is cheap.
fn count(object: &Object, map: &Map, open: &OpenMap, shown: &mut Shown) {
    match map.kind {
        _ if way(map) == Way::Variables => {
            shown.entries = u64::try_from(object.variables(map).len()).ok();
        }
        MapKind::ARRAY | MapKind::PERCPU_ARRAY => shown.entries = Some(map.max_entries.into()),
        // Arrays of descriptors have a key for every place, whether something is there or not.
        MapKind::HASH
        | MapKind::LRU_HASH
        | MapKind::PERCPU_HASH
        | MapKind::LRU_PERCPU_HASH
        | MapKind::LPM_TRIE
        | MapKind::HASH_OF_MAPS
        | MapKind::DEVMAP_HASH
        | MapKind::SOCKHASH
        | MapKind::STACK_TRACE
        | MapKind::CGROUP_STORAGE
        | MapKind::PERCPU_CGROUP_STORAGE => {
            if let Ok((entries, whole)) = open.count(COUNTED_MAX) {
                (shown.entries, shown.more) = (Some(entries), !whole);
            }
        }
        _ => {}
    }
}

fn is_per_cpu(kind: MapKind) -> bool {
    matches!(
        kind,
        MapKind::PERCPU_HASH
            | MapKind::PERCPU_ARRAY
            | MapKind::LRU_PERCPU_HASH
            | MapKind::PERCPU_CGROUP_STORAGE
    )
}
