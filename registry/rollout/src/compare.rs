//! What a gate compares: nodes that run the release, and nodes that do not yet. Called by the machine
//! and for showing. Must never fail a release by fewer samples than the plan demands.

use api::registry::{Compare, Compared};

/// Between two times of a run, less than this is noise, nanoseconds.
const RUN_NS_NOISE: f64 = 1_000.0;

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

/// What all nodes of a side measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    nodes: u64,
    /// Records of nodes that know their loss: read and lost.
    records: u64,
    lost: u64,
    faults: u64,
    runs: u64,
    run_ns: u64,
}

impl Side {
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.nodes += 1;
        if let Some(lost) = sample.lost {
            let records = sample.accepted.saturating_add(lost);
            self.records = self.records.saturating_add(records);
            self.lost = self.lost.saturating_add(lost);
        }
        self.faults = self.faults.saturating_add(sample.faults);
        self.runs = self.runs.saturating_add(sample.runs);
        self.run_ns = self.run_ns.saturating_add(sample.run_ns);
    }
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
/// one. Where nobody is left to compare with, nothing is compared.
#[must_use]
pub fn compare<'a>(
    new: impl Iterator<Item = &'a Sample>,
    others: impl Iterator<Item = &'a Sample>,
    bounds: &Compare,
) -> Vec<Compared> {
    let side = |samples: &mut dyn Iterator<Item = &'a Sample>| {
        let mut side = Side::default();
        samples.for_each(|sample| side.add(sample));
        side
    };
    let (mut new, mut others) = (new, others);
    figures(&side(&mut new), &side(&mut others), bounds)
}

pub(crate) fn figures(new: &Side, others: &Side, bounds: &Compare) -> Vec<Compared> {
    if others.nodes == 0 || new.nodes == 0 {
        return Vec::new();
    }
    let least = bounds.samples_min;
    let mut found = Vec::new();
    if let Some(max) = bounds.lost_ppm_max {
        let (new, others) = ((new.lost, new.records), (others.lost, others.records));
        found.extend(figure(
            "lost_ppm",
            1e6,
            new,
            others,
            least,
            |new, others| new <= others + f64::from(max),
        ));
    }
    if let Some(max) = bounds.faults_per_mille_max {
        let (new, others) = ((new.faults, new.nodes), (others.faults, others.nodes));
        found.extend(figure(
            "handler_faults_per_mille",
            1e3,
            new,
            others,
            1,
            |new, others| new <= others + f64::from(max),
        ));
    }
    if let Some(max) = bounds.run_time_percent_max {
        let (new, others) = ((new.run_ns, new.runs), (others.run_ns, others.runs));
        found.extend(figure("run_ns", 1.0, new, others, least, |new, others| {
            new <= others * f64::from(max) / 100.0 || new <= others + RUN_NS_NOISE
        }));
    }
    found
}

/// One figure, unless nobody has a sample of it.
fn figure(
    name: &str,
    scale: f64,
    new: (u64, u64),
    others: (u64, u64),
    least: u64,
    passes: impl Fn(f64, f64) -> bool,
) -> Option<Compared> {
    let (new_samples, others_samples) = (new.1, others.1);
    if new_samples == 0 && others_samples == 0 {
        return None;
    }
    let ratio = |(sum, samples): (u64, u64)| match samples {
        0 => 0.0,
        samples => float(sum) * scale / float(samples),
    };
    let (new, others) = (ratio(new), ratio(others));
    let enough = new_samples >= least && others_samples >= least;
    Some(Compared {
        figure: name.to_owned(),
        new,
        others,
        new_samples,
        others_samples,
        passes: enough.then(|| passes(new, others)),
    })
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
    fn short_runs_that_are_twice_as_long_are_noise() {
        let (new, others) = (
            sample(0, None, 0, 1_000, 1_200_000),
            sample(0, None, 0, 1_000, 300_000),
        );
        assert_eq!(of(&[new], &[others]), Verdict::Passes);
    }

    #[test]
    fn figures_of_a_node_that_lies_do_not_overflow() {
        let liar = sample(u64::MAX, Some(u64::MAX), u64::MAX, u64::MAX, u64::MAX);
        assert!(matches!(
            of(&[liar, liar], &[liar]),
            Verdict::Fails(_) | Verdict::Passes
        ));
    }
}
