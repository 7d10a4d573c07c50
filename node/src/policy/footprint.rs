//! How much memory the maps of an object may take. Used by the policy.
//! Must never come out lower because a number is large.

use payload::object::{Map, MapKind, Object};

/// The kernel keeps a value in units of this many bytes (`round_up(value_size, 8)`,
/// kernel/bpf/arraymap.c and hashtab.c).
const UNIT_BYTES: u64 = 8;
/// Bytes that an entry of a hash table costs beside key and value (`struct htab_elem`,
/// kernel/bpf/hashtab.c).
const ENTRY_BYTES: u64 = 48;

/// Bytes of all maps when they are full, those of data sections included.
pub(super) fn map_bytes(object: &Object, cpus: u32) -> u64 {
    let each = object.maps.iter().map(|map| bytes_of(map, cpus));
    each.fold(0, u64::saturating_add)
}

fn bytes_of(map: &Map, cpus: u32) -> u64 {
    let entries = u64::from(map.max_entries);
    if matches!(map.kind, MapKind::RINGBUF | MapKind::USER_RINGBUF) {
        return entries;
    }
    let rounded = |bytes: u32| u64::from(bytes).next_multiple_of(UNIT_BYTES);
    let values = match map.kind {
        MapKind::PERCPU_ARRAY | MapKind::PERCPU_HASH | MapKind::LRU_PERCPU_HASH => {
            rounded(map.value_size).saturating_mul(u64::from(cpus))
        }
        _ => rounded(map.value_size),
    };
    let beside = match map.kind {
        MapKind::HASH
        | MapKind::PERCPU_HASH
        | MapKind::LRU_HASH
        | MapKind::LRU_PERCPU_HASH
        | MapKind::LPM_TRIE => rounded(map.key_size) + ENTRY_BYTES,
        _ => 0,
    };
    let inner = map.inner.as_ref().map_or(0, |inner| bytes_of(inner, cpus));
    let entry = values.saturating_add(beside).saturating_add(inner);
    entries.saturating_mul(entry)
}
