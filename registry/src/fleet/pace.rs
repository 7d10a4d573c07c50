//! How fast the counts of an instance grow, from one report to a later one. Kept by `memory`, told by
//! the route of a node. Pure. Must never divide by a time in which nothing was told, nor take the
//! counts of an instance that was started anew for those of the one before.

use api::registry::{InstanceCounts, InstanceRate, InstanceReport};

/// Reports that follow each other faster say little: what happened is reported at once.
const APART_MS_MIN: u64 = 1000;

/// The counts that the next report is held against, and what came of the last time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    at_ms: u64,
    started_ms: u64,
    counts: InstanceCounts,
    last: Option<Grown>,
}

/// By how much counts grew.
#[derive(Debug, Clone, Copy)]
struct Grown {
    over_ms: u64,
    accepted: u64,
    kernel_lost: api::node::Measured,
}

impl Pace {
    /// One for each instance of a report, in its order. `before` are those of the report before.
    pub(super) fn of(
        instances: &[InstanceReport],
        before: (&[InstanceReport], &[Self]),
        now_ms: u64,
    ) -> Vec<Self> {
        let (reports, paces) = before;
        let begun = |report: &InstanceReport| {
            let index = reports
                .iter()
                .position(|one| one.instance == report.instance)?;
            let pace = paces.get(index)?;
            (pace.started_ms == report.started_ms).then_some(*pace)
        };
        let next = instances.iter().map(|report| match begun(report) {
            Some(pace) => pace.step(report, now_ms),
            None => Self::begin(report, now_ms),
        });
        next.collect()
    }

    fn begin(report: &InstanceReport, now_ms: u64) -> Self {
        Self {
            at_ms: now_ms,
            started_ms: report.started_ms,
            counts: report.counts,
            last: None,
        }
    }

    fn step(self, report: &InstanceReport, now_ms: u64) -> Self {
        let (old, new) = (self.counts, report.counts);
        let Some(accepted) = new.accepted.checked_sub(old.accepted) else {
            return Self::begin(report, now_ms);
        };
        let over_ms = now_ms.saturating_sub(self.at_ms);
        if over_ms < APART_MS_MIN {
            return self;
        }
        let last = Grown {
            over_ms,
            accepted,
            kernel_lost: grown(old.kernel_lost, new.kernel_lost),
        };
        Self {
            last: Some(last),
            ..Self::begin(report, now_ms)
        }
    }

    /// As it is told of an instance; none before there are two reports to compare.
    pub(super) fn told(&self, instance: &str) -> Option<InstanceRate> {
        let last = self.last?;
        Some(InstanceRate {
            instance: instance.to_owned(),
            over_ms: last.over_ms,
            accepted: last.accepted,
            kernel_lost: last.kernel_lost,
        })
    }
}

fn grown(old: api::node::Measured, new: api::node::Measured) -> api::node::Measured {
    use api::node::Measured::{Known, Unknown};
    match (old, new) {
        (Known(old), Known(new)) => new.checked_sub(old).map_or(Unknown, Known),
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use api::node::{InstanceState, Measured, Trust};

    use super::*;

    fn report(instance: &str, accepted: u64, started_ms: u64) -> InstanceReport {
        InstanceReport {
            instance: instance.to_owned(),
            payload: "acme/a".to_owned(),
            version: None,
            digest: String::new(),
            generation: 1,
            state: InstanceState::Running,
            trust: Trust::Signed,
            managed: true,
            started_ms,
            counts: InstanceCounts {
                accepted,
                kernel_lost: Measured::Known(accepted / 10),
                ..InstanceCounts::default()
            },
            watched: false,
            since_flip: api::registry::SinceFlip::default(),
        }
    }

    #[test]
    fn a_rate_is_what_came_between_two_reports() {
        let first = [report("a", 100, 1), report("b", 5, 1)];
        let paces = Pace::of(&first, (&[], &[]), 1000);
        assert!(paces.iter().all(|pace| pace.told("a").is_none()));
        let second = [report("b", 5, 1), report("a", 400, 1)];
        let paces = Pace::of(&second, (&first, &paces), 31_000);
        let told = paces[1].told("a").unwrap();
        assert_eq!((told.over_ms, told.accepted), (30_000, 300));
        assert_eq!(told.kernel_lost, Measured::Known(30));
        assert_eq!(paces[0].told("b").unwrap().accepted, 0);
    }

    #[test]
    fn a_report_that_comes_at_once_waits_for_the_next_to_be_compared() {
        let (first, second, third) = (
            [report("a", 100, 1)],
            [report("a", 110, 1)],
            [report("a", 200, 1)],
        );
        let paces = Pace::of(&first, (&[], &[]), 1000);
        let paces = Pace::of(&second, (&first, &paces), 1010);
        assert!(paces[0].told("a").is_none());
        let paces = Pace::of(&third, (&second, &paces), 2000);
        let told = paces[0].told("a").unwrap();
        assert_eq!((told.over_ms, told.accepted), (1000, 100));
    }

    #[test]
    fn an_instance_that_was_started_anew_has_no_rate_yet() {
        let first = [report("a", 100, 1)];
        let paces = Pace::of(&first, (&[], &[]), 1000);
        for again in [report("a", 400, 2), report("a", 3, 1)] {
            let paces = Pace::of(&[again], (&first, &paces), 61_000);
            assert!(paces[0].told("a").is_none());
        }
    }
}
