//! The shape of a stacked area: what the fleet ran over time, as paths of an SVG. Called by `fleet`.
//! Must never read the clock, nor draw a line through a time that nobody measured.

use std::collections::HashMap;
use std::fmt::Write;

use crate::fleet::headcount::{Release, most};
use crate::fleet::history::{SPARSE_STEP_MS, Sample};

/// Width of the picture, in its own units; it is stretched to the page's.
pub(super) const WIDTH: u64 = 1_000;
/// Height of the picture.
pub(super) const HEIGHT: u64 = 200;
/// Releases with a band of their own; what is left is one more.
const BANDS_MAX: usize = 8;
/// Two samples that are further apart have a gap between them.
const GAP_MS: u64 = SPARSE_STEP_MS * 5 / 2;

/// A stacked area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Area {
    /// What the top of the picture means, nodes.
    pub(super) top: u64,
    /// The bands, the lowest first.
    pub(super) bands: Vec<Band>,
}

/// What one release covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Band {
    /// Which; both empty: the others together.
    pub(super) release: Release,
    /// The path around it.
    pub(super) path: String,
    /// How many nodes ran it at the end.
    pub(super) nodes: u64,
}

impl Area {
    /// The area of these samples, oldest first, in the time between two moments; `None` where there are
    /// fewer than two of them.
    pub(crate) fn of(samples: &[Sample], from_ms: u64, until_ms: u64) -> Option<Self> {
        if samples.len() < 2 {
            return None;
        }
        let named = most_run(samples);
        let columns: Vec<Vec<u64>> = samples.iter().map(|one| stacked(one, &named)).collect();
        let highest = columns.iter().filter_map(|column| column.last()).max();
        let top = round_up(highest.copied().unwrap_or(0).max(1));
        let x = |at_ms: u64| {
            let part = at_ms.clamp(from_ms, until_ms) - from_ms;
            part * WIDTH / (until_ms - from_ms).max(1)
        };
        let y = |nodes: u64| HEIGHT - nodes * HEIGHT / top;
        let runs = unbroken(samples);
        let band = |(index, release): (usize, Release)| {
            let mut path = String::new();
            for run in &runs {
                let point = |at: usize, level: usize| {
                    let below = if level == 0 {
                        0
                    } else {
                        columns[at][level - 1]
                    };
                    (x(samples[at].at_ms), y(below))
                };
                let upper = run.clone().map(|at| point(at, index + 1));
                let lower = run.clone().rev().map(|at| point(at, index));
                around(&mut path, upper.chain(lower));
            }
            let last = &columns[columns.len() - 1];
            let below = if index == 0 { 0 } else { last[index - 1] };
            let nodes = last[index] - below;
            Band {
                release,
                path,
                nodes,
            }
        };
        let others = std::iter::once(Release::default());
        let bands = named.iter().cloned().chain(others).enumerate().map(band);
        let shown = |band: &Band| !band.release.0.is_empty() || others_cover(&columns);
        Some(Self {
            top,
            bands: bands.filter(shown).collect(),
        })
    }
}

/// Whether the others together ever cover something.
fn others_cover(columns: &[Vec<u64>]) -> bool {
    columns.iter().any(|column| {
        let mut levels = column.iter().rev();
        levels.next() != Some(levels.next().unwrap_or(&0))
    })
}

/// The releases that were run most, by name.
fn most_run(samples: &[Sample]) -> Vec<Release> {
    let mut sums: HashMap<&Release, u64> = HashMap::new();
    for (release, nodes) in samples.iter().flat_map(|one| &one.runs) {
        if !release.0.is_empty() {
            *sums.entry(release).or_default() += nodes;
        }
    }
    most(&sums, BANDS_MAX).into_keys().cloned().collect()
}

/// The upper edges of the bands at a moment: the named ones, then the others.
fn stacked(sample: &Sample, named: &[Release]) -> Vec<u64> {
    let all: u64 = sample.runs.values().sum();
    let mut level = 0;
    let mut edges: Vec<u64> = named
        .iter()
        .map(|release| {
            level += sample.runs.get(release).copied().unwrap_or(0);
            level
        })
        .collect();
    edges.push(all);
    edges
}

/// The stretches of samples without a gap.
fn unbroken(samples: &[Sample]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut begins = 0;
    for at in 1..=samples.len() {
        let ends =
            at == samples.len() || samples[at].at_ms.saturating_sub(samples[at - 1].at_ms) > GAP_MS;
        if ends {
            runs.push(begins..at);
            begins = at;
        }
    }
    runs
}

fn around(path: &mut String, points: impl Iterator<Item = (u64, u64)>) {
    for (index, (x, y)) in points.enumerate() {
        let verb = if index == 0 { 'M' } else { 'L' };
        // Writing to a text does not fail.
        let _ = write!(path, "{verb}{x} {y}");
    }
    path.push('Z');
}

/// The next number that is easily read: 1, 2, 3, 4, 5, 6 or 8 times a power of ten.
fn round_up(nodes: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 3, 4, 5, 6, 8] {
            let round = power.saturating_mul(step);
            if round >= nodes {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::headcount::Runs;

    fn sample(at_ms: u64, runs: &[(&str, u64)]) -> Sample {
        let runs = runs
            .iter()
            .map(|(version, nodes)| (("acme/a".to_owned(), (*version).to_owned()), *nodes));
        let runs: Runs = runs.collect();
        Sample { at_ms, runs }
    }

    #[test]
    fn bands_stand_on_each_other_and_the_highest_reaches_the_sum() {
        let samples = [
            sample(0, &[("1", 10), ("2", 0)]),
            sample(60_000, &[("1", 4), ("2", 6)]),
        ];
        let area = Area::of(&samples, 0, 60_000).unwrap();
        assert_eq!(area.top, 10);
        let paths: Vec<&str> = area.bands.iter().map(|band| band.path.as_str()).collect();
        assert_eq!(
            paths,
            ["M0 0L1000 120L1000 200L0 200Z", "M0 0L1000 0L1000 120L0 0Z"]
        );
        let nodes: Vec<u64> = area.bands.iter().map(|band| band.nodes).collect();
        assert_eq!(nodes, [4, 6]);
    }

    #[test]
    fn a_time_that_nobody_measured_is_a_gap() {
        let run = [("1", 1)];
        let samples: Vec<Sample> = [0, 60_000, GAP_MS + 60_001, GAP_MS + 120_000]
            .iter()
            .map(|at_ms| sample(*at_ms, &run))
            .collect();
        let area = Area::of(&samples, 0, GAP_MS + 120_000).unwrap();
        assert_eq!(area.bands[0].path.matches('Z').count(), 2);
    }

    #[test]
    fn what_is_run_least_is_one_band() {
        let versions: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
        let runs: Vec<(&str, u64)> = versions
            .iter()
            .zip(1..)
            .map(|(version, nodes)| (version.as_str(), nodes))
            .collect();
        let samples = [sample(0, &runs), sample(60_000, &runs)];
        let area = Area::of(&samples, 0, 60_000).unwrap();
        assert_eq!(area.bands.len(), BANDS_MAX + 1);
        let others = &area.bands[BANDS_MAX];
        assert_eq!(others.release, Release::default());
        assert_eq!(others.nodes, (1..=12).sum::<u64>());
        let all: u64 = area.bands.iter().map(|band| band.nodes).sum();
        assert_eq!(all, (1..=20).sum::<u64>());
    }

    #[test]
    fn one_sample_is_no_course() {
        assert_eq!(Area::of(&[sample(0, &[("1", 1)])], 0, 60_000), None);
    }

    #[test]
    fn the_top_is_a_round_number() {
        for (nodes, top) in [
            (1, 1),
            (7, 8),
            (10, 10),
            (24, 30),
            (5_001, 6_000),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(round_up(nodes), top, "{nodes}");
        }
    }
}
