//! Why a map can't go on as it is: what differs between it and the one of the same name. Used by
//! the plan of a hand-over. Pure. Must never pass over a difference that a program would notice.

use payload::btf::agree::agree;
use payload::btf::layout::side_by_side;
use payload::btf::{Btf, TypeId};

use super::{ApplyError, Of};

/// Why a map can't go on.
pub(super) struct Obstacle {
    pub(super) reason: String,
    /// The types that differ, side by side, where that is the reason.
    pub(super) layouts: Option<String>,
}

impl From<String> for Obstacle {
    fn from(reason: String) -> Self {
        Self {
            reason,
            layouts: None,
        }
    }
}

impl Obstacle {
    /// Nothing is changed: the map must go on.
    pub(super) fn refusal(self, map: &str) -> ApplyError {
        ApplyError::Carry {
            map: map.to_owned(),
            reason: self.reason,
            layouts: self.layouts,
        }
    }
}

/// What differs between two maps so that the one can't be used as the other.
pub(super) fn difference(old: Of<'_>, new: Of<'_>) -> Option<Obstacle> {
    let (before, after) = (old.1, new.1);
    if before.kind != after.kind {
        return Some(differs("kind", &before.kind, &after.kind));
    }
    if before.max_entries != after.max_entries {
        let (was, is) = (before.max_entries, after.max_entries);
        return Some(differs("number of entries", &was, &is));
    }
    if (before.flags, before.extra) != (after.flags, after.extra) {
        return Some(differs("flags", &before.flags, &after.flags));
    }
    part("key", Part::key(old), Part::key(new))
        .or_else(|| part("value", Part::value(old), Part::value(new)))
}

/// A thing that was one and is another.
pub(super) fn differs(
    what: &str,
    old: &dyn std::fmt::Display,
    new: &dyn std::fmt::Display,
) -> Obstacle {
    format!("its {what} was {old}, is {new}").into()
}

/// A map's key or value.
#[derive(Clone, Copy)]
pub(super) struct Part<'object> {
    pub(super) bytes: u32,
    /// Its type, where the object says one.
    pub(super) of: Option<(&'object Btf, TypeId)>,
}

impl<'object> Part<'object> {
    pub(super) fn key((object, map): Of<'object>) -> Self {
        Self {
            bytes: map.key_size,
            of: object.btf.as_ref().zip(map.key_type),
        }
    }

    pub(super) fn value((object, map): Of<'object>) -> Self {
        Self {
            bytes: map.value_size,
            of: object.btf.as_ref().zip(map.value_type),
        }
    }

    /// This part and what it became, for people.
    pub(super) fn beside(self, new: Self) -> Option<String> {
        let types = self.of.zip(new.of);
        types.map(|(old, new)| side_by_side(old, new))
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
    let layouts = old.beside(new);
    Some(Obstacle { reason, layouts })
}
