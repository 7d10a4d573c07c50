//! The fleet, counted: who is there, and what they run, by release and by kernel. Called by the page
//! of the fleet and by its history.
//! Must never grow with the fleet: what nodes call their kernels and versions is theirs to choose.

use std::collections::{BTreeMap, HashMap};

use super::Fleet;
use super::memory::Memory;

/// A node that was heard within this is stale, not lost, milliseconds.
const LOST_AFTER_MS: u64 = 86_400_000;

/// A release, as nodes name it: payload and version. Both empty: all that are not named.
pub(crate) type Release = (String, String);

/// Nodes by what they run.
pub(crate) type Runs = BTreeMap<Release, u64>;

/// The fleet at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Headcount {
    /// Nodes that were heard lately.
    pub(crate) online: u64,
    /// Nodes that were heard within a day.
    pub(crate) stale: u64,
    /// The others.
    pub(crate) lost: u64,
    /// Nodes of each release, the most run ones named.
    pub(crate) runs: Runs,
    /// The same by kernel, the most frequent ones; those not named are under the empty name.
    pub(crate) kernels: BTreeMap<String, Kernel>,
}

/// Nodes with a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kernel {
    /// How many.
    pub(crate) nodes: u64,
    /// Those of them that run each release.
    pub(crate) runs: Runs,
}

impl Fleet {
    /// Counts the fleet, naming at most so many releases and kernels.
    pub(crate) fn headcount(
        &self,
        releases_max: usize,
        kernels_max: usize,
        now_ms: u64,
    ) -> Headcount {
        self.read().headcount(releases_max, kernels_max, now_ms)
    }
}

impl Memory {
    pub(super) fn headcount(
        &self,
        releases_max: usize,
        kernels_max: usize,
        now_ms: u64,
    ) -> Headcount {
        let mut headcount = Headcount::default();
        let mut kernels: HashMap<&str, u64> = HashMap::new();
        // One look at each node: what is distinct is little.
        let mut cells: HashMap<(&str, (&str, &str)), u64> = HashMap::new();
        for known in self.nodes.values() {
            if self.online(known, now_ms) {
                headcount.online += 1;
            } else if now_ms.saturating_sub(known.seen_ms()) < LOST_AFTER_MS {
                headcount.stale += 1;
            } else {
                headcount.lost += 1;
            }
            let kernel = known.facts.kernel.as_str();
            *kernels.entry(kernel).or_default() += 1;
            for release in known.releases() {
                *cells.entry((kernel, release)).or_default() += 1;
            }
        }
        let mut runs: HashMap<(&str, &str), u64> = HashMap::new();
        for ((_, release), nodes) in &cells {
            *runs.entry(*release).or_default() += nodes;
        }
        let (named, frequent) = (most(&runs, releases_max), most(&kernels, kernels_max));
        let name = |(payload, version): (&str, &str)| {
            if named.contains_key(&(payload, version)) {
                (payload.to_owned(), version.to_owned())
            } else {
                Release::default()
            }
        };
        let of = |kernel: &str| {
            let kernel = frequent.get_key_value(kernel);
            kernel.map_or_else(String::new, |(kernel, _)| (*kernel).to_owned())
        };
        for (kernel, nodes) in &kernels {
            headcount.kernels.entry(of(kernel)).or_default().nodes += nodes;
        }
        for ((kernel, release), nodes) in cells {
            let row = headcount.kernels.entry(of(kernel)).or_default();
            *row.runs.entry(name(release)).or_default() += nodes;
        }
        for (release, nodes) in runs {
            *headcount.runs.entry(name(release)).or_default() += nodes;
        }
        headcount
    }
}

/// The `max` most frequent ones; of those that are as frequent, the first by name.
fn most<K: Ord + Copy + std::hash::Hash>(counts: &HashMap<K, u64>, max: usize) -> BTreeMap<K, u64> {
    let mut all: Vec<(K, u64)> = counts.iter().map(|(key, nodes)| (*key, *nodes)).collect();
    all.sort_by(|(a, more), (b, fewer)| fewer.cmp(more).then(a.cmp(b)));
    all.truncate(max);
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_are_named_and_of_equals_the_first() {
        let counts = [("a", 1), ("b", 3), ("c", 3), ("d", 2)].into();
        let named: Vec<&str> = most(&counts, 2).into_keys().collect();
        assert_eq!(named, ["b", "c"]);
        let named: Vec<&str> = most(&counts, 3).into_keys().collect();
        assert_eq!(named, ["b", "c", "d"]);
        assert!(most(&counts, 0).is_empty());
    }
}
