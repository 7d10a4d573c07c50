//! The hand-over of maps: which maps of the generation in charge the new one goes on using.
//! Used by `prepare`. Must never share a ring, a program array, a counter of the generation, or a
//! map whose values are tied to the old programs.

use api::node::MapProof;
use payload::btf::agree::agree;
use payload::btf::layout::side_by_side;
use payload::btf::{Btf, TypeId};
use payload::manifest::{Carry, Manifest};
use payload::object::{Map, MapKind, Object};

use super::ApplyError;
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

/// Decides for each map of `object` whether it goes on or begins empty. The wish is the new
/// manifest's: a map that the new object lacks is let go.
///
/// # Errors
/// [`ApplyError::Carry`] where a map that must go on can't, [`ApplyError::Machine`] where no
/// descriptor is left.
pub(super) fn plan(
    manifest: &Manifest,
    object: &Object,
    previous: Option<Previous<'_>>,
) -> Result<Plan, ApplyError> {
    let mut plan = Plan {
        shares: Vec::new(),
        maps: Vec::with_capacity(object.maps.len()),
    };
    for map in &object.maps {
        let listed = manifest.maps.iter().find(|entry| entry.name == map.name);
        let carry = listed.map_or(Carry::default(), |entry| entry.carry);
        let old = previous.and_then(|previous| Some((previous, previous.object.map(&map.name)?)));
        let Some((previous, old)) = old else {
            plan.decided(map, "fresh", None);
            continue;
        };
        let found = match carry {
            Carry::Never => Some(Obstacle::from("its manifest says carry = never".to_owned())),
            Carry::Auto | Carry::Require => obstacle((previous.object, old), (object, map)),
        };
        match found {
            None => plan.shares.push(share(map, previous)?),
            Some(Obstacle { reason, layouts }) if carry == Carry::Require => {
                let map = map.name.clone();
                return Err(ApplyError::Carry {
                    map,
                    reason,
                    layouts,
                });
            }
            Some(Obstacle { reason, .. }) => {
                plan.decided(map, "fresh", Some(reason));
                continue;
            }
        }
        plan.decided(map, "shared", None);
    }
    let old_maps =
        previous.map_or_else(Default::default, |previous| previous.object.maps.as_slice());
    for gone in old_maps
        .iter()
        .filter(|old| object.map(&old.name).is_none())
    {
        plan.decided(gone, "gone", None);
    }
    Ok(plan)
}

impl Plan {
    fn decided(&mut self, map: &Map, hand_over: &str, reason: Option<String>) {
        self.maps.push(MapProof {
            map: map.name.clone(),
            hand_over: hand_over.to_owned(),
            reason,
        });
    }
}

fn share(map: &Map, previous: Previous<'_>) -> Result<Share, ApplyError> {
    let failed = |source| ApplyError::machine(&format!("map {}", map.name), source);
    Ok(Share {
        map: map.name.clone(),
        handle: previous.loaded.map(&map.name).map_err(failed)?,
    })
}

/// Why a map can't go on.
struct Obstacle {
    reason: String,
    /// The types that differ, side by side, where that is the reason.
    layouts: Option<String>,
}

impl From<String> for Obstacle {
    fn from(reason: String) -> Self {
        Self {
            reason,
            layouts: None,
        }
    }
}

/// Why a map of the same name can't go on, or `None` where it can.
fn obstacle(old: (&Object, &Map), new: (&Object, &Map)) -> Option<Obstacle> {
    let (before, after) = (old.1, new.1);
    if after.name == LOSS_MAP {
        return Some("each generation counts its own loss".to_owned().into());
    }
    if !SHAREABLE.contains(&after.kind) || after.section.is_some() {
        return Some(format!("{}: made anew for each generation", after.kind).into());
    }
    if let Some(special) = after.holds.iter().next() {
        return Some(
            format!("its values hold {special:?}, which is tied to the old programs").into(),
        );
    }
    let differs = |what: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display| {
        Some(Obstacle::from(format!("{what} was {old}, is {new}")))
    };
    if before.kind != after.kind {
        return differs("its kind", &before.kind, &after.kind);
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
    part("key", Part::key(old), Part::key(new))
        .or_else(|| part("value", Part::value(old), Part::value(new)))
}

/// A map's key or value.
#[derive(Clone, Copy)]
struct Part<'object> {
    bytes: u32,
    /// Its type, where the object says one.
    of: Option<(&'object Btf, TypeId)>,
}

impl<'object> Part<'object> {
    fn key((object, map): (&'object Object, &Map)) -> Self {
        Self {
            bytes: map.key_size,
            of: object.btf.as_ref().zip(map.key_type),
        }
    }

    fn value((object, map): (&'object Object, &Map)) -> Self {
        Self {
            bytes: map.value_size,
            of: object.btf.as_ref().zip(map.value_type),
        }
    }
}

/// Why what stood in the old map can't be read as the new one's key or value.
fn part(what: &str, old: Part<'_>, new: Part<'_>) -> Option<Obstacle> {
    let agrees = match (old.of, new.of) {
        (Some(old), Some(new)) => agree(old, new),
        (old, new) => old.is_none() && new.is_none(),
    };
    let reason = if old.bytes != new.bytes {
        format!("its {what} size was {}, is {}", old.bytes, new.bytes)
    } else if !agrees {
        format!("the type of its {what} changed")
    } else {
        return None;
    };
    let layouts = old.of.zip(new.of).map(|(old, new)| side_by_side(old, new));
    Some(Obstacle { reason, layouts })
}
