//! The fleet, counted: who is there, and what they run, by release and by kernel. Called by the page
//! of the fleet, by its history, and by monitoring.
//! Must never grow with the fleet: what nodes call their kernels and versions is theirs to choose.

use std::collections::{BTreeMap, HashMap};

use api::registry::Presence;

use super::Fleet;
use super::memory::Memory;

/// A release, as nodes name it: payload and version. Both empty: all that are not named.
pub(crate) type Release = (String, String);

/// Nodes by what they run.
pub(crate) type Runs = BTreeMap<Release, u64>;

/// Numbers of the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    /// Nodes that enrolled.
    pub(crate) nodes: usize,
    /// Those of them that were heard lately.
    pub(crate) online: usize,
    /// Those that were not, but within a day.
    pub(crate) stale: usize,
    /// The others.
    pub(crate) lost: usize,
    /// Nodes that run something else than they should.
    pub(crate) unsettled: usize,
    /// Deployments.
    pub(crate) deployments: usize,
    /// Those of them that give nothing.
    pub(crate) void: usize,
}

/// What the fleet runs at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Headcount {
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
    /// Numbers of the whole fleet.
    pub(crate) fn sums(&self, now_ms: u64) -> Sums {
        self.read().sums(now_ms)
    }

    /// Counts what the fleet runs, naming at most so many releases and kernels.
    pub(crate) fn headcount(&self, releases_max: usize, kernels_max: usize) -> Headcount {
        self.read().headcount(releases_max, kernels_max)
    }
}

impl Memory {
    pub(super) fn sums(&self, now_ms: u64) -> Sums {
        let void = self.standings.iter().filter(|one| one.given.is_err());
        let mut sums = Sums {
            nodes: self.nodes.len(),
            deployments: self.standings.len(),
            void: void.count(),
            ..Sums::default()
        };
        for known in self.nodes.values() {
            *match self.presence(known, now_ms) {
                Presence::Online => &mut sums.online,
                Presence::Stale => &mut sums.stale,
                Presence::Lost => &mut sums.lost,
            } += 1;
            sums.unsettled += usize::from(!known.settled);
        }
        sums
    }

    pub(super) fn headcount(&self, releases_max: usize, kernels_max: usize) -> Headcount {
        let mut headcount = Headcount::default();
        let mut kernels: HashMap<&str, u64> = HashMap::new();
        // One look at each node: what is distinct is little.
        let mut cells: HashMap<(&str, (&str, &str)), u64> = HashMap::new();
        for known in self.nodes.values() {
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
pub(crate) fn most<K: Ord + Copy + std::hash::Hash>(
    counts: &HashMap<K, u64>,
    max: usize,
) -> BTreeMap<K, u64> {
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
