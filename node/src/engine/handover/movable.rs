//! Whether the entries of a map can be brought into a map of another form, and how. Used by the
//! plan of a hand-over. Must never let an entry or a field go without a word, nor two keys become
//! one.

use std::io;

use payload::manifest::{Carry, Merge};
use payload::migrate::Conversion;
use payload::object::{Map, MapKind};

use super::obstacle::{Obstacle, Part, differs};
use super::{Of, Previous, Way, Wish};
use crate::engine::migrate::{Move, Terms};
use crate::kernel::carried::CarriedMap;

/// Kinds whose entries can be listed, read and put.
const MOVABLE: [MapKind; 6] = [
    MapKind::HASH,
    MapKind::ARRAY,
    MapKind::PERCPU_HASH,
    MapKind::PERCPU_ARRAY,
    MapKind::LRU_HASH,
    MapKind::LRU_PERCPU_HASH,
];

/// `BPF_F_NO_PREALLOC`, `_NO_COMMON_LRU`, `_NUMA_NODE`, `_ZERO_SEED`, `_MMAPABLE` of uapi/linux/bpf.h:
/// where and how entries are stored, not what they are.
const FLAGS_OF_STORAGE: u32 = 1 | 1 << 1 | 1 << 2 | 1 << 6 | 1 << 10;
/// `BPF_F_RDONLY`, `_WRONLY`, `_RDONLY_PROG`, `_WRONLY_PROG`: somebody may not read or write.
const FLAGS_OF_ACCESS: u32 = 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8;

/// How the entries of a map that differs come along, or why they can't.
pub(super) fn way(
    (previous, old): (Previous<'_>, &Map),
    new: Of<'_>,
    wish: Wish,
    difference: Obstacle,
) -> io::Result<Result<Way, Obstacle>> {
    let of_old = (previous.object, old);
    if let Some(obstacle) = form(old, new.1, difference) {
        return Ok(Err(obstacle));
    }
    if new.1.max_entries < old.max_entries
        && let Some(obstacle) = too_many(previous, old, new.1)?
    {
        return Ok(Err(obstacle));
    }
    Ok(entries(of_old, new, wish))
}

/// Why a map of one form can't give its entries to one of another, whatever they are.
fn form(old: &Map, new: &Map, difference: Obstacle) -> Option<Obstacle> {
    if !MOVABLE.contains(&old.kind) || !MOVABLE.contains(&new.kind) {
        return Some(difference);
    }
    let becomes = old.kind == new.kind
        || (old.kind, new.kind) == (MapKind::HASH, MapKind::LRU_HASH)
        || (old.kind, new.kind) == (MapKind::PERCPU_HASH, MapKind::LRU_PERCPU_HASH);
    if !becomes {
        return Some(differs("kind", &old.kind, &new.kind));
    }
    let apart = (old.flags ^ new.flags) & !FLAGS_OF_STORAGE;
    if apart != 0 || (old.flags | new.flags) & FLAGS_OF_ACCESS != 0 {
        return Some(differs("flags", &old.flags, &new.flags));
    }
    let shrank = new.max_entries < old.max_entries && is_array(new.kind);
    shrank.then(|| differs("number of entries", &old.max_entries, &new.max_entries))
}

/// Why the entries that a map has now don't fit into a smaller one.
fn too_many(previous: Previous<'_>, old: &Map, new: &Map) -> io::Result<Option<Obstacle>> {
    let room = usize::try_from(new.max_entries).unwrap_or(usize::MAX);
    let count = CarriedMap::of(previous.loaded, old)?.count(room)?;
    let obstacle = || {
        let reason = format!("it has more entries than the {room} that there is room for");
        Obstacle::from(reason)
    };
    Ok((count > room).then(obstacle))
}

fn entries(old: Of<'_>, new: Of<'_>, wish: Wish) -> Result<Way, Obstacle> {
    let key = if is_array(new.1.kind) {
        Conversion::verbatim(4)
    } else {
        part("key", Part::key(old), Part::key(new))?
    };
    if let Some(field) = key.dropped.first() {
        let reason = format!("its key lost {field}, by which entries were told apart");
        return Err(beside(Part::key(old), Part::key(new), reason));
    }
    let (was, is) = (Part::value(old), Part::value(new));
    let value = part("value", was, is)?;
    refuse_loss(wish, &value).map_err(|reason| beside(was, is, reason))?;
    let names = (new.1.name.clone(), old.1.clone(), new.1.clone());
    let terms = Terms::new(key, value, wish.merge).ok_or_else(|| too_large(wish.merge))?;
    Ok(Way::Moved(Box::new(Move::new(names, terms, wish.carry))))
}

/// A map that must go on loses nothing.
pub(super) fn refuse_loss(wish: Wish, value: &Conversion) -> Result<(), String> {
    match value.dropped.as_slice() {
        [] => Ok(()),
        _ if wish.carry != Carry::Require => Ok(()),
        dropped => Err(format!("it would lose {}", dropped.join(", "))),
    }
}

/// What can't be added to within the kernel is not called exact.
pub(super) fn too_large(merge: Merge) -> Obstacle {
    let reason = format!("its values are too large to be joined (merge = {merge:?})");
    reason.to_lowercase().into()
}

fn part(what: &str, old: Part<'_>, new: Part<'_>) -> Result<Conversion, Obstacle> {
    match (old.of, new.of) {
        (Some(was), Some(is)) => Conversion::between(was, is)
            .map_err(|reason| beside(old, new, format!("its {what} can't be carried: {reason}"))),
        (None, None) if old.bytes == new.bytes => Ok(Conversion::verbatim(
            usize::try_from(new.bytes).unwrap_or(usize::MAX),
        )),
        (None, None) => Err(differs(&format!("{what} size"), &old.bytes, &new.bytes)),
        (Some(_), None) | (None, Some(_)) => {
            Err(format!("only one of the objects says what its {what} is").into())
        }
    }
}

fn beside(old: Part<'_>, new: Part<'_>, reason: String) -> Obstacle {
    Obstacle {
        reason,
        layouts: old.beside(new),
    }
}

fn is_array(kind: MapKind) -> bool {
    matches!(kind, MapKind::ARRAY | MapKind::PERCPU_ARRAY)
}
