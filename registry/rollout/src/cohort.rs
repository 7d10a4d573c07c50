//! Who is in a wave: a pure function of a rollout's salt and a node's name, described in COHORT.md
//! with examples that every implementation must meet. Called by the machine, by the registry for
//! each node, and by dry runs.
//! Must never change: the nodes that were reached would be others.

use sha2::{Digest, Sha256};

/// Places are below this.
pub const EVERYWHERE: u64 = 1 << 63;
/// Below this there is no place.
pub const NOWHERE: u64 = 0;

/// A node's place in a rollout, below 2^63. A wave reaches all places below a bound, and the bound
/// only grows: a wider wave only adds nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// The first 63 bits of the SHA-256 of salt, a zero byte, and name.
    #[must_use]
    pub fn of(salt: &str, node: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(salt);
        hash.update([0]);
        hash.update(node);
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        Self(u64::from_be_bytes(first) >> 1)
    }

    /// Whether it is below a bound.
    #[must_use]
    pub fn is_below(self, bound: u64) -> bool {
        self.0 < bound
    }

    /// The first of these bounds that it is below, from 0: its wave, where they are the waves'.
    #[must_use]
    pub fn wave(self, bounds: &[u64]) -> Option<usize> {
        bounds.iter().position(|bound| self.is_below(*bound))
    }

    /// The lowest bound that it is below.
    #[must_use]
    pub fn bound(self) -> u64 {
        self.0 + 1
    }
}

/// The bound below which so many hundredths of all places are; at most 100 of them.
pub(crate) fn bound_of_percent(percent: u8) -> u64 {
    let bound = u128::from(EVERYWHERE) * u128::from(percent.min(100)) / 100;
    u64::try_from(bound).unwrap_or(EVERYWHERE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_are_those_of_the_published_vectors() {
        let published = include_str!("../COHORT.md");
        let rows = published.lines().filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, salt, node, place, percent, _] = cells[..] else {
                return None;
            };
            let unquoted = |text: &str| Some(text.strip_prefix('`')?.strip_suffix('`')?.to_owned());
            Some((
                unquoted(salt)?,
                unquoted(node)?,
                place.to_owned(),
                percent.to_owned(),
            ))
        });
        let mut vectors = 0;
        for (salt, node, place, percent) in rows {
            let found = Place::of(&salt, &node);
            assert_eq!(format!("{:016x}", found.0), place, "{salt} {node}");
            let first = (1..=100).find(|percent| found.is_below(bound_of_percent(*percent)));
            assert_eq!(first.map(|first| first.to_string()), Some(percent));
            vectors += 1;
        }
        assert_eq!(vectors, 8);
    }

    #[test]
    fn places_are_spread_evenly() {
        for salt in ["trace/1.0.0", "trace/1.0.1", ""] {
            let mut tenths = [0u32; 10];
            for number in 0..10_000 {
                let place = Place::of(salt, &format!("node-{number}"));
                let tenth = (1..=10).position(|tenth| place.is_below(bound_of_percent(tenth * 10)));
                tenths[tenth.unwrap()] += 1;
            }
            // Five standard deviations of a tenth of 10,000 are 150.
            assert!(
                tenths.iter().all(|nodes| nodes.abs_diff(1_000) < 150),
                "{tenths:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn places_are_spread_evenly_whatever_the_salt(salt in ".{0,20}", name in "[a-z]{0,8}") {
            let mut tenths = [0u32; 10];
            for number in 0..1_000 {
                let place = Place::of(&salt, &format!("{name}{number}"));
                let tenth = (1..=10).position(|tenth| place.is_below(bound_of_percent(tenth * 10)));
                tenths[tenth.unwrap()] += 1;
            }
            // Six standard deviations of a tenth of 1,000 are 57.
            prop_assert!(tenths.iter().all(|nodes| nodes.abs_diff(100) < 57), "{:?}", tenths);
        }

        #[test]
        fn a_place_is_stable_and_a_wider_wave_only_adds_nodes(
            salt in ".{0,20}", node in ".{0,20}", percent in 0u8..100,
        ) {
            let place = Place::of(&salt, &node);
            prop_assert_eq!(place, Place::of(&salt, &node));
            let wider = place.is_below(bound_of_percent(percent + 1));
            prop_assert!(wider || !place.is_below(bound_of_percent(percent)));
            prop_assert!(place.is_below(EVERYWHERE) && !place.is_below(NOWHERE));
            prop_assert!(place.is_below(place.bound()) && !place.is_below(place.bound() - 1));
        }
    }
}
