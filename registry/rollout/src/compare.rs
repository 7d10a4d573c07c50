//! What a gate compares: nodes that run the release, and nodes that do not yet. Called by the machine
//! and for showing. Must never fail a release by fewer samples than the plan demands.

use api::registry::{Compare, Compared};

/// Records lost of a million.
pub const LOST_PPM: &str = "lost_ppm";
/// Nodes of a thousand whose handler failed.
pub const FAULTS_PER_MILLE: &str = "handler_faults_per_mille";
/// Time of a run, nanoseconds.
pub const RUN_NS: &str = "run_ns";

/// Between two times of a run, less than this is noise, nanoseconds: nodes are not alike.
const RUN_NS_NOISE: f64 = 1_000.0;
/// So many times as long is more than noise already where it is so many nanoseconds longer.
const FAR: f64 = 8.0;
const FAR_NS: f64 = 250.0;

/// What a node measured of one generation since that took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Records that were read.
    pub accepted: u64,
    /// Records that full rings refused, where that is known.
    pub lost: Option<u64>,
    /// Faults of its handler.
    pub faults: u64,
    /// Runs that were timed.
    pub runs: u64,
    /// Their time, nanoseconds.
    pub run_ns: u64,
}

/// What the figures say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing against going on.
    Passes,
    /// This figure is beyond its bound.
    Fails(String),
    /// This figure has too few samples.
    Inconclusive(String),
}

/// Compares two sides: each figure that has a bound, and that somebody measured on both sides or on
/// one. A node counts by its samples, at most `samples_min` of them, and the highest and the lowest
/// tenth of the nodes of a side count nothing, so none of three spoils a figure alone; faults of a
/// handler count once a node. Where nobody is left to
/// compare with, nothing is compared.
#[must_use]
pub fn compare<'a>(
    new: impl Iterator<Item = &'a Sample>,
    others: impl Iterator<Item = &'a Sample>,
    bounds: &Compare,
) -> Vec<Compared> {
    let (new, others): (Vec<_>, Vec<_>) = (new.collect(), others.collect());
    if others.is_empty() {
        return Vec::new();
    }
    let least = bounds.samples_min;
    let lost = |side: &[&Sample]| mean(side.iter().filter_map(|one| one.losses()), 1e6, least);
    let runs = |side: &[&Sample]| mean(side.iter().map(|one| (one.run_ns, one.runs)), 1.0, least);
    let figures: [(&str, u64, Side); 3] = [
        (LOST_PPM, least, &lost),
        (FAULTS_PER_MILLE, 1, &faulty_per_mille),
        (RUN_NS, least, &runs),
    ];
    let mut found = Vec::new();
    for (figure, least, side) in figures {
        if most(figure, 0.0, bounds).is_none() {
            continue;
        }
        let (new, others) = (side(&new), side(&others));
        if new.samples > 0 || others.samples > 0 {
            let enough = new.samples >= least && others.samples >= least;
            let most = most(figure, others.value, bounds).filter(|_| enough);
            found.push(Compared {
                figure: figure.to_owned(),
                new: new.value,
                others: others.value,
                new_samples: new.samples,
                others_samples: others.samples,
                passes: most.map(|most| new.value <= most),
            });
        }
    }
    found
}

/// What a side of nodes comes to.
type Side<'a> = &'a dyn Fn(&[&Sample]) -> Mean;

/// The most that a figure may be on nodes that run the release, where it is so much on the others;
/// `None` where the plan does not bound it.
#[must_use]
pub fn most(figure: &str, others: f64, bounds: &Compare) -> Option<f64> {
    match figure {
        LOST_PPM => bounds.lost_ppm_max.map(|max| others + f64::from(max)),
        FAULTS_PER_MILLE => bounds
            .faults_per_mille_max
            .map(|max| others + f64::from(max)),
        RUN_NS => {
            let max = others * f64::from(bounds.run_time_percent_max?) / 100.0;
            let far = max.max(others * FAR).max(others + FAR_NS);
            Some(max.max(others + RUN_NS_NOISE).min(far))
        }
        _ => None,
    }
}

impl Sample {
    /// Records that were lost, of those that were read or lost.
    fn losses(&self) -> Option<(u64, u64)> {
        let lost = self.lost?;
        Some((lost, self.accepted.saturating_add(lost)))
    }
}

/// What a side comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: f64,
    samples: u64,
}

/// The mean of nodes' sums by their samples, without the tenth of them at each end; at least one at
/// each end where there are three.
fn mean(parts: impl Iterator<Item = (u64, u64)>, scale: f64, samples_max: u64) -> Mean {
    let mut nodes: Vec<(f64, u64)> = parts
        .filter(|(_, samples)| *samples > 0)
        .map(|(sum, samples)| (float(sum) * scale / float(samples), samples))
        .collect();
    nodes.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
    let left_out = match nodes.len() {
        0..3 => 0,
        len => (len / 10).max(1),
    };
    let kept = nodes
        .get(left_out..nodes.len() - left_out)
        .unwrap_or(&nodes);
    let weight = |samples: u64| float(samples.min(samples_max.max(1)));
    let weights: f64 = kept.iter().map(|(_, samples)| weight(*samples)).sum();
    let sum: f64 = kept
        .iter()
        .map(|(value, samples)| value * weight(*samples))
        .sum();
    Mean {
        value: if weights > 0.0 { sum / weights } else { 0.0 },
        samples: kept
            .iter()
            .fold(0, |sum, (_, samples)| sum.saturating_add(*samples)),
    }
}

/// Nodes of a thousand whose handler faulted, however often.
fn faulty_per_mille(side: &[&Sample]) -> Mean {
    let faulty = side.iter().filter(|one| one.faults > 0).count();
    let samples = u64::try_from(side.len()).unwrap_or(u64::MAX);
    let faulty = u64::try_from(faulty).unwrap_or(u64::MAX);
    Mean {
        value: if samples > 0 {
            float(faulty) * 1e3 / float(samples)
        } else {
            0.0
        },
        samples,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean is good enough with 53 bits"
)]
fn float(count: u64) -> f64 {
    count as f64
}

/// What the figures say together: a failure is one, whatever else is not known.
pub(crate) fn verdict(compared: &[Compared]) -> Verdict {
    let said = |one: &Compared| {
        let Compared {
            figure,
            new,
            others,
            new_samples,
            others_samples,
            ..
        } = one;
        format!(
            "{figure} is {new:.1} on nodes that run the release and {others:.1} on the others, \
             from {new_samples} and {others_samples} samples"
        )
    };
    if let Some(failed) = compared.iter().find(|one| one.passes == Some(false)) {
        return Verdict::Fails(said(failed));
    }
    match compared.iter().find(|one| one.passes.is_none()) {
        Some(open) => Verdict::Inconclusive(said(open)),
        None => Verdict::Passes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(accepted: u64, lost: Option<u64>, faults: u64, runs: u64, run_ns: u64) -> Sample {
        Sample {
            accepted,
            lost,
            faults,
            runs,
            run_ns,
        }
    }

    fn of(new: &[Sample], others: &[Sample]) -> Verdict {
        verdict(&compare(new.iter(), others.iter(), &Compare::default()))
    }

    #[test]
    fn each_figure_beyond_its_bound_fails_and_at_it_passes() {
        let well = sample(1_000_000, Some(0), 0, 1_000, 2_000_000);
        assert_eq!(of(&[well], &[well]), Verdict::Passes);
        let cases = [
            (sample(999_000, Some(1_000), 0, 1_000, 2_000_000), true),
            (sample(998_999, Some(1_001), 0, 1_000, 2_000_000), false),
            (sample(1_000_000, Some(0), 1, 1_000, 2_000_000), false),
            (sample(1_000_000, Some(0), 0, 1_000, 6_000_000), true),
            (sample(1_000_000, Some(0), 0, 1_000, 6_000_001), false),
        ];
        for (index, (new, passes)) in cases.into_iter().enumerate() {
            let verdict = of(&[new], &[well]);
            assert_eq!(
                verdict == Verdict::Passes,
                passes,
                "case {index}: {verdict:?}"
            );
            assert_eq!(
                matches!(verdict, Verdict::Fails(_)),
                !passes,
                "case {index}"
            );
        }
    }

    #[test]
    fn few_samples_decide_nothing_and_what_nobody_measures_is_not_waited_for() {
        let (well, few) = (
            sample(1_000, Some(0), 0, 0, 0),
            sample(99, Some(0), 0, 0, 0),
        );
        let Verdict::Inconclusive(why) = of(&[few], &[well]) else {
            panic!("99 records are too few");
        };
        assert!(why.contains("99 and 1000 samples"), "{why}");
        let unknown = sample(1_000, None, 0, 0, 0);
        assert_eq!(of(&[unknown], &[unknown]), Verdict::Passes);
        // A release that sees nothing where others see much is not a good one.
        let silent = sample(0, Some(0), 0, 0, 0);
        assert!(matches!(of(&[silent], &[well]), Verdict::Inconclusive(_)));
    }

    #[test]
    fn without_anybody_to_compare_with_nothing_is_compared() {
        let bad = sample(1, Some(1_000_000), 9, 1_000, u64::MAX);
        assert_eq!(of(&[bad], &[]), Verdict::Passes);
    }

    #[test]
    fn short_runs_that_are_some_times_as_long_are_noise_and_many_times_are_not() {
        let passes = |new_ns, others_ns| {
            let side = |run_ns: u64| sample(0, None, 0, 1_000, run_ns * 1_000);
            of(&[side(new_ns)], &[side(others_ns)]) == Verdict::Passes
        };
        assert!(passes(1_200, 300) && !passes(1_301, 300));
        assert!(passes(288, 36) && !passes(289, 36));
        assert!(passes(260, 10) && !passes(261, 10));
    }

    #[test]
    fn one_node_that_lies_neither_fails_a_figure_nor_passes_it() {
        let well = sample(1_000_000, Some(10), 0, 1_000, 2_000_000);
        let bad = sample(900_000, Some(100_000), 0, 1_000, 20_000_000);
        let huge = sample(u64::MAX, Some(u64::MAX), 0, 1, u64::MAX);
        let tiny = sample(u64::MAX, Some(0), 0, u64::MAX, 0);
        for liar in [huge, tiny] {
            assert_eq!(of(&[well, liar, well], &[well; 3]), Verdict::Passes);
            assert_eq!(of(&[well; 3], &[liar, well, well]), Verdict::Passes);
            assert!(matches!(
                of(&[bad, bad, liar], &[well; 3]),
                Verdict::Fails(_)
            ));
            assert!(matches!(
                of(&[bad; 3], &[well, well, liar]),
                Verdict::Fails(_)
            ));
        }
    }

    #[test]
    fn a_tenth_that_lies_does_not_spoil_a_figure_and_more_that_is_bad_shows() {
        let well = sample(1_000, Some(0), 0, 0, 0);
        let bad = sample(500, Some(500), 0, 0, 0);
        let mixed = |bad_nodes: usize| {
            let mut side = vec![well; 40 - bad_nodes];
            side.extend(vec![bad; bad_nodes]);
            side
        };
        assert_eq!(of(&mixed(4), &mixed(0)), Verdict::Passes);
        assert!(matches!(of(&mixed(5), &mixed(0)), Verdict::Fails(_)));
    }

    #[test]
    fn a_node_with_few_records_counts_little() {
        let well = sample(1_000, Some(0), 0, 0, 0);
        let unlucky = sample(1, Some(1), 0, 0, 0);
        let bounds = Compare {
            lost_ppm_max: Some(20_000),
            ..Compare::default()
        };
        let found = compare([well, unlucky].iter(), [well].iter(), &bounds);
        // 1 of 2 records, beside 100 of its 1,000: 0.5 * 2 / 102.
        assert!((found[0].new - 9_803.9).abs() < 0.1, "{found:?}");
        assert_eq!((found[0].new_samples, found[0].passes), (1_002, Some(true)));
    }

    #[test]
    fn faults_count_once_a_node() {
        let bounds = Compare {
            faults_per_mille_max: Some(250),
            ..Compare::default()
        };
        let (well, faulty) = (sample(0, None, 0, 0, 0), sample(0, None, u64::MAX, 0, 0));
        let passes = |new: &[Sample]| compare(new.iter(), [well].iter(), &bounds)[0].passes;
        assert_eq!(passes(&[well, well, well, faulty]), Some(true));
        assert_eq!(passes(&[well, well, faulty]), Some(false));
    }

    #[test]
    fn where_nobody_measured_the_release_nothing_is_decided() {
        let well = sample(1_000, Some(0), 0, 1_000, 2_000_000);
        assert!(matches!(of(&[], &[well]), Verdict::Inconclusive(_)));
    }

    #[test]
    fn figures_of_nodes_that_lie_do_not_overflow() {
        let liar = sample(u64::MAX, Some(u64::MAX), u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(of(&[liar; 4], &[liar; 3]), Verdict::Passes);
    }
}
