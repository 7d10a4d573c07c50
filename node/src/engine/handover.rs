//! The hand-over of maps: which maps of the generation in charge the new one goes on using.
//! Used by `prepare`. Must never share a ring, a program array, a counter of the generation, or a
//! map whose values are tied to the old programs.

use api::node::MapProof;
use payload::btf::agree::agree;
use payload::manifest::{Carry, Manifest};
use payload::object::{Map, MapKind, Object};

use crate::kernel::load::{Loaded, Share};
use crate::kernel::maps::LOSS_MAP;

/// The generation in charge.
#[derive(Clone, Copy)]
pub(super) struct Previous<'generation> {
    pub(super) object: &'generation Object,
    pub(super) loaded: &'generation Loaded,
}

/// What becomes of each map of the new object.
pub(super) struct Plan {
    pub(super) shares: Vec<Share>,
    pub(super) maps: Vec<MapProof>,
}

/// Kinds whose content can simply go on.
const SHAREABLE: [MapKind; 10] = [
    MapKind::HASH,
    MapKind::ARRAY,
    MapKind::PERCPU_HASH,
    MapKind::PERCPU_ARRAY,
    MapKind::LRU_HASH,
    MapKind::LRU_PERCPU_HASH,
    MapKind::LPM_TRIE,
    MapKind::QUEUE,
    MapKind::STACK,
    MapKind::STACK_TRACE,
];

/// Decides for each map of `object` whether it goes on or begins empty.
pub(super) fn plan(manifest: &Manifest, object: &Object, previous: Option<Previous<'_>>) -> Plan {
    let mut plan = Plan {
        shares: Vec::new(),
        maps: Vec::with_capacity(object.maps.len()),
    };
    for map in &object.maps {
        let carry = manifest.maps.iter().find(|entry| entry.name == map.name);
        let never = carry.is_some_and(|entry| entry.carry == Carry::Never);
        let old = previous.and_then(|previous| {
            let old = previous
                .object
                .maps
                .iter()
                .find(|old| old.name == map.name)?;
            Some((previous, old))
        });
        let reason = match old {
            None => None,
            Some(_) if never => Some("its manifest says carry = never".to_owned()),
            Some((previous, old)) => obstacle((previous.object, old), (object, map)),
        };
        let shared = match (old, &reason) {
            (Some((previous, _)), None) => previous.loaded.map(&map.name).ok(),
            _ => None,
        };
        let hand_over = if shared.is_some() { "shared" } else { "fresh" }.to_owned();
        plan.maps.push(MapProof {
            map: map.name.clone(),
            hand_over,
            reason,
        });
        plan.shares.extend(shared.map(|handle| Share {
            map: map.name.clone(),
            handle,
        }));
    }
    plan
}

/// Why a map of the same name can't go on, or `None` where it can.
fn obstacle(old: (&Object, &Map), new: (&Object, &Map)) -> Option<String> {
    let (before, after) = (old.1, new.1);
    if after.name == LOSS_MAP {
        return Some("each generation counts its own loss".to_owned());
    }
    if !SHAREABLE.contains(&after.kind) || after.section.is_some() {
        return Some(format!("{}: made anew for each generation", after.kind));
    }
    if let Some(special) = after.holds.iter().next() {
        return Some(format!(
            "its values hold {special:?}, which is tied to the old programs"
        ));
    }
    let differs = |what: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display| {
        Some(format!("{what} was {old}, is {new}"))
    };
    if before.kind != after.kind {
        return differs("its kind", &before.kind, &after.kind);
    }
    if before.key_size != after.key_size {
        return differs("its key size", &before.key_size, &after.key_size);
    }
    if before.value_size != after.value_size {
        return differs("its value size", &before.value_size, &after.value_size);
    }
    if before.max_entries != after.max_entries {
        return differs(
            "its number of entries",
            &before.max_entries,
            &after.max_entries,
        );
    }
    if (before.flags, before.extra) != (after.flags, after.extra) {
        return differs("its flags", &before.flags, &after.flags);
    }
    let same = |pick: fn(&Map) -> Option<payload::btf::TypeId>| match (pick(before), pick(after)) {
        (Some(one), Some(other)) => match (&old.0.btf, &new.0.btf) {
            (Some(old_btf), Some(new_btf)) => agree((old_btf, one), (new_btf, other)),
            _ => false,
        },
        (one, other) => one.is_none() && other.is_none(),
    };
    if !same(|map| map.key_type) {
        return Some("the type of its key changed".to_owned());
    }
    if !same(|map| map.value_type) {
        return Some("the type of its value changed".to_owned());
    }
    None
}
