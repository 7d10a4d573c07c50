//! The hand-over of maps: which maps of the generation in charge the new one goes on using, and
//! which give it their entries. Used by `prepare`. Must never share a ring, a program array, a
//! counter of the generation, or a map whose values are tied to the old programs.

mod movable;
mod obstacle;
mod section;

use api::node::MapProof;
use payload::manifest::{Carry, Manifest, Merge};
use payload::object::{Map, MapKind, Object, Setting};

use super::ApplyError;
use super::migrate::Move;
use crate::kernel::load::{Loaded, Share};
use crate::kernel::maps::LOSS_MAP;
use obstacle::Obstacle;

/// The generation in charge.
#[derive(Clone, Copy)]
pub(super) struct Previous<'generation> {
    pub(super) object: &'generation Object,
    pub(super) loaded: &'generation Loaded,
}

/// What becomes of each map of the new object.
pub(super) struct Plan {
    pub(super) shares: Vec<Share>,
    pub(super) moves: Vec<Move>,
    pub(super) maps: Vec<MapProof>,
}

/// A map and the object that it is of.
type Of<'object> = (&'object Object, &'object Map);

/// What the manifest says of a map.
#[derive(Clone, Copy)]
struct Wish {
    carry: Carry,
    merge: Merge,
}

/// How a map goes on.
enum Way {
    Shared,
    Moved(Box<Move>),
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

/// Decides for each map of `object` whether it goes on, gives its entries, or begins empty. The
/// wish is the new manifest's: a map that the new object lacks is let go. `settings` are the values
/// that variables get from outside.
///
/// # Errors
/// [`ApplyError::Carry`] where a map that must go on can't, [`ApplyError::Machine`] where no
/// descriptor is left or the old map can't be read.
pub(super) fn plan(
    manifest: &Manifest,
    (object, settings): (&Object, &[Setting]),
    previous: Option<Previous<'_>>,
) -> Result<Plan, ApplyError> {
    let mut plan = Plan {
        shares: Vec::new(),
        moves: Vec::new(),
        maps: Vec::with_capacity(object.maps.len()),
    };
    for map in &object.maps {
        let old = previous.and_then(|previous| Some((previous, previous.object.map(&map.name)?)));
        let Some((previous, old)) = old else {
            plan.decided(map, "fresh", None);
            continue;
        };
        let listed = manifest.maps.iter().find(|entry| entry.name == map.name);
        let wish = Wish {
            carry: listed.map_or(Carry::default(), |entry| entry.carry),
            merge: listed.map_or(Merge::default(), |entry| entry.merge),
        };
        let found = way((previous, old), (object, map), settings, wish)
            .map_err(|source| ApplyError::machine(&format!("map {}", map.name), source))?;
        match found {
            Ok(Way::Shared) => {
                plan.shares.push(share(map, old, previous)?);
                plan.decided(map, "shared", None);
            }
            Ok(Way::Moved(moved)) => {
                plan.moves.push(*moved);
                plan.decided(map, "migrated", None);
            }
            Err(obstacle) if wish.carry == Carry::Require => {
                return Err(obstacle.refusal(&map.name));
            }
            Err(obstacle) => plan.decided(map, "fresh", Some(obstacle.reason)),
        }
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
            migrated: None,
            reason,
        });
    }
}

fn share(map: &Map, old: &Map, previous: Previous<'_>) -> Result<Share, ApplyError> {
    let failed = |source| ApplyError::machine(&format!("map {}", map.name), source);
    Ok(Share {
        map: map.name.clone(),
        is_section: map.section.is_some(),
        handle: previous.loaded.map_of(old).map_err(failed)?,
    })
}

/// How a map of the same name goes on, or why it can't.
fn way(
    (previous, old): (Previous<'_>, &Map),
    new: Of<'_>,
    settings: &[Setting],
    wish: Wish,
) -> std::io::Result<Result<Way, Obstacle>> {
    let map = new.1;
    let of_old = (previous.object, old);
    let found = if wish.carry == Carry::Never {
        Err("its manifest says carry = never".to_owned().into())
    } else if map.name == LOSS_MAP {
        Err("each generation counts its own loss".to_owned().into())
    } else if let Some(special) = old.holds.iter().chain(&map.holds).next() {
        let reason = format!("its values hold {special:?}, which is tied to the old programs");
        Err(reason.into())
    } else if map.section.is_some() {
        section::way(of_old, new, settings, wish)
    } else if !SHAREABLE.contains(&map.kind) {
        Err(format!("{}: made anew for each generation", map.kind).into())
    } else if let Some(difference) = obstacle::difference(of_old, new) {
        return movable::way((previous, old), new, wish, difference);
    } else {
        Ok(Way::Shared)
    };
    Ok(found)
}
