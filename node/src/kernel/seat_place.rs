//! The names of one seat's pins: its lanes, its counter, and its links in sets, of which the newest is
//! the one attached last. Used by switches and by programs that are attached themselves.
//! Must never give a name twice.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use libbpf_rs::MapHandle;

use super::hook::{Attached, Hook};
use super::pins::{Pinned, Place};

/// Where the pins of one seat are.
#[derive(Debug, Clone)]
pub(crate) struct SeatPlace {
    place: Arc<Place>,
    number: u64,
}

/// The links of one attachment.
pub(super) struct LinkSet {
    seat: u64,
    number: u64,
}

impl LinkSet {
    /// The name of one of so many.
    pub(super) fn name(&self, index: usize, count: usize) -> String {
        format!("s{}_l{}_{index}_{count}", self.seat, self.number)
    }
}

/// The number of a set and how many are in it, of the name of a link of this seat. What stands behind
/// tells where it is.
fn set_of(name: &str, begins: &str) -> Option<(u64, usize)> {
    let mut parts = name.strip_prefix(begins)?.split('_');
    let number = parts.next()?.parse().ok()?;
    let count = parts.nth(1)?.parse().ok()?;
    Some((number, count))
}

impl SeatPlace {
    /// The place of a new seat.
    pub(crate) fn new(place: &Arc<Place>) -> Self {
        Self::at(place, place.next())
    }

    /// The place of the seat with this number.
    pub(crate) fn at(place: &Arc<Place>, number: u64) -> Self {
        Self {
            place: Arc::clone(place),
            number,
        }
    }

    /// The seat's number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    fn name(&self, part: &str) -> String {
        format!("s{}_{part}", self.number)
    }

    /// Pins a part that is there once.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn pin(&self, what: BorrowedFd<'_>, part: &str) -> io::Result<Pinned> {
        self.place.pin(what, self.name(part))
    }

    /// A map that another daemon pinned as this part, and its pin.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn found(&self, part: &str) -> io::Result<(MapHandle, Pinned)> {
        let name = self.name(part);
        let map = self.place.map(&name)?;
        Ok((map, self.place.owned(name)))
    }

    /// Pins the links of an attachment.
    pub(super) fn attached(&self, attached: Attached) -> Attached {
        let set = LinkSet {
            seat: self.number,
            number: self.place.next(),
        };
        attached.pinned(&self.place, &set)
    }

    /// What another daemon left attached here, oldest first. Sets of which a part is missing go.
    pub(super) fn left(&self, hook: &Hook) -> Vec<Attached> {
        let begins = self.name("l");
        let mut sets: BTreeMap<u64, (usize, Vec<String>)> = BTreeMap::new();
        for name in self.place.names() {
            if let Some((number, count)) = set_of(&name, &begins) {
                let (_, names) = sets.entry(number).or_insert_with(|| (count, Vec::new()));
                names.push(name);
            }
        }
        let mut left = Vec::new();
        for (count, names) in sets.into_values() {
            let whole = names.len() == count;
            match Attached::found(hook, &self.place, names.clone()) {
                Ok(found) if whole => left.push(found),
                Ok(torn) => torn.remove(),
                Err(_) => names.iter().for_each(|name| self.place.unpin(name)),
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_tells_its_set_and_how_many_there_are() {
        let set = LinkSet { seat: 3, number: 9 };
        assert_eq!(set_of(&set.name(1, 2), "s3_l"), Some((9, 2)));
        assert_eq!(set_of(&set.name(1, 2), "s4_l"), None);
        let told = set.name(1, 2) + "_w5_7";
        assert_eq!(set_of(&told, "s3_l"), Some((9, 2)));
        assert_eq!(set_of("s3_lanes", "s3_l"), None);
    }
}
