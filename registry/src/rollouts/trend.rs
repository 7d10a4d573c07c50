//! What rollouts compared over time, for the charts of their pages: sampled by what drives them, read by
//! the pages. In memory: no gate reads it, and a table would be a write a second for each rollout. A
//! registry that starts again measures anew, and the page says since when.
//! Must never hold more than its bounds, however long a rollout goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::registry::{Compared, RolloutCounts};
use rollout::{FAULTS_PER_MILLE, LOST_PPM, RUN_NS};

/// The figures that are sampled, in the order of [`Point::figures`].
pub(crate) const FIGURES: [&str; 3] = [LOST_PPM, FAULTS_PER_MILLE, RUN_NS];

/// Points of one rollout: one more and every second is let go of, so that all of its time is covered.
const POINTS_MAX: usize = 240;
/// Rollouts that are sampled: 7 MiB at most.
const TRENDS_MAX: usize = 256;
/// Between two points at first, milliseconds.
const EVERY_MS: u64 = 1_000;
/// Who was not sampled for so long has ended and may make room, milliseconds.
const IDLE_MS: u64 = 60_000;

/// A figure on both sides; nothing where nobody measured it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Pair {
    /// On nodes that run the release.
    pub(crate) new: Option<f64>,
    /// On the others.
    pub(crate) others: Option<f64>,
}

/// What was compared at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// When, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// See [`FIGURES`].
    pub(crate) figures: [Pair; FIGURES.len()],
}

/// One rollout over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trend {
    /// Oldest first.
    pub(crate) points: Vec<Point>,
    /// Between two of them, milliseconds.
    pub(crate) every_ms: u64,
    /// Its nodes, at the last look.
    counts: RolloutCounts,
    looked_ms: u64,
}

/// Rollouts over time, by number.
#[derive(Debug, Default)]
pub(crate) struct Trends(Mutex<BTreeMap<u64, Trend>>);

impl Point {
    /// Of what a gate would compare.
    pub(crate) fn of(at_ms: u64, compared: &[Compared]) -> Self {
        let pair = |figure: &str| {
            let found = compared.iter().find(|one| one.figure == figure);
            let value = |value, samples| (samples > 0).then_some(value);
            found.map_or_else(Pair::default, |one| Pair {
                new: value(one.new, one.new_samples),
                others: value(one.others, one.others_samples),
            })
        };
        Self {
            at_ms,
            figures: FIGURES.map(pair),
        }
    }

    fn is_empty(&self) -> bool {
        self.figures.iter().all(|pair| *pair == Pair::default())
    }
}

impl Trend {
    fn new() -> Self {
        Self {
            points: Vec::new(),
            every_ms: EVERY_MS,
            counts: RolloutCounts::default(),
            looked_ms: 0,
        }
    }

    /// Whether it is time for another point. A clock that was set back counts from there.
    fn is_due(&self, now_ms: u64) -> bool {
        let last = self.points.last();
        last.is_none_or(|last| now_ms.abs_diff(last.at_ms) >= self.every_ms)
    }

    fn add(&mut self, point: Point) {
        // Before anybody measured anything there is nothing to draw.
        if self.points.is_empty() && point.is_empty() {
            return;
        }
        if self.points.len() >= POINTS_MAX {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every_ms = self.every_ms.saturating_mul(2);
        }
        self.points.push(point);
    }
}

impl Trends {
    /// Whether what a rollout compares now is to be measured.
    pub(crate) fn is_due(&self, rollout: u64, now_ms: u64) -> bool {
        let trends = self.lock();
        trends
            .get(&rollout)
            .is_none_or(|trend| trend.is_due(now_ms))
    }

    /// Takes in a look at a rollout.
    pub(crate) fn add(
        &self,
        rollout: u64,
        counts: RolloutCounts,
        point: Option<Point>,
        now_ms: u64,
    ) {
        let mut trends = self.lock();
        if !trends.contains_key(&rollout)
            && trends.len() >= TRENDS_MAX
            && !let_go(&mut trends, now_ms)
        {
            return;
        }
        let trend = trends.entry(rollout).or_insert_with(Trend::new);
        (trend.counts, trend.looked_ms) = (counts, now_ms);
        if let Some(point) = point {
            trend.add(point);
        }
    }

    /// One of them.
    pub(crate) fn of(&self, rollout: u64) -> Option<Trend> {
        self.lock().get(&rollout).cloned()
    }

    /// The nodes of a rollout as they were counted less than a few seconds ago: lists of many rollouts
    /// do not count ten thousand nodes for each.
    pub(crate) fn counts(&self, rollout: u64, now_ms: u64) -> Option<RolloutCounts> {
        let trends = self.lock();
        let trend = trends.get(&rollout)?;
        (now_ms.abs_diff(trend.looked_ms) <= 5 * EVERY_MS).then_some(trend.counts)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Trend>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for another, where one is there that nobody looks at any more.
fn let_go(trends: &mut BTreeMap<u64, Trend>, now_ms: u64) -> bool {
    let oldest = trends.iter().min_by_key(|(_, trend)| trend.looked_ms);
    let idle = oldest.filter(|(_, trend)| now_ms.saturating_sub(trend.looked_ms) > IDLE_MS);
    match idle.map(|(rollout, _)| *rollout) {
        Some(rollout) => trends.remove(&rollout).is_some(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(figure: &str, new: f64, new_samples: u64) -> Compared {
        Compared {
            figure: figure.to_owned(),
            new,
            others: 7.0,
            new_samples,
            others_samples: 3,
            passes: None,
        }
    }

    fn sampled(trends: &Trends, rollout: u64, now_ms: u64) {
        let point = trends
            .is_due(rollout, now_ms)
            .then(|| Point::of(now_ms, &[compared(RUN_NS, 1.0, 1)]));
        trends.add(rollout, RolloutCounts::default(), point, now_ms);
    }

    #[test]
    fn what_nobody_measured_is_nothing_and_not_zero() {
        let point = Point::of(1, &[compared(RUN_NS, 0.0, 0)]);
        let others = Some(7.0);
        assert_eq!(point.figures[2], Pair { new: None, others });
        assert_eq!(point.figures[0], Pair::default());
    }

    #[test]
    fn a_long_rollout_keeps_all_of_its_time_in_a_bounded_number_of_points() {
        let trends = Trends::default();
        for second in 0..100_000 {
            sampled(&trends, 1, 1_000_000 + second * 1_000);
        }
        let trend = trends.of(1).unwrap();
        assert!(trend.points.len() <= POINTS_MAX && trend.points.len() > POINTS_MAX / 3);
        assert_eq!(trend.points[0].at_ms, 1_000_000);
        let gaps = trend.points.windows(2);
        let gaps: Vec<u64> = gaps.map(|two| two[1].at_ms - two[0].at_ms).collect();
        assert!(gaps.iter().all(|gap| *gap <= trend.every_ms), "{gaps:?}");
    }

    #[test]
    fn points_come_no_closer_than_their_distance() {
        let trends = Trends::default();
        for tenth in 0..100 {
            sampled(&trends, 1, 5_000 + tenth * 100);
        }
        assert_eq!(trends.of(1).unwrap().points.len(), 10);
    }

    #[test]
    fn nothing_is_drawn_from_before_anybody_measured() {
        let trends = Trends::default();
        trends.add(1, RolloutCounts::default(), Some(Point::of(1, &[])), 1);
        assert_eq!(trends.of(1).unwrap().points, []);
        sampled(&trends, 1, 2_000);
        let gone = Point::of(4_000, &[]);
        trends.add(1, RolloutCounts::default(), Some(gone), 4_000);
        assert_eq!(trends.of(1).unwrap().points.len(), 2, "a gap is drawn");
    }

    #[test]
    fn rollouts_that_ended_make_room_and_those_that_go_on_do_not() {
        let trends = Trends::default();
        for rollout in 0..300 {
            sampled(&trends, rollout, 1_000);
        }
        assert_eq!(trends.lock().len(), TRENDS_MAX);
        assert!(trends.of(299).is_none());
        sampled(&trends, 299, 1_001 + IDLE_MS);
        assert!(trends.of(299).is_some());
        assert_eq!(trends.lock().len(), TRENDS_MAX);
    }

    #[test]
    fn counts_are_told_while_they_are_fresh() {
        let trends = Trends::default();
        sampled(&trends, 1, 10_000);
        assert!(trends.counts(1, 12_000).is_some());
        assert!(trends.counts(1, 60_000).is_none());
        assert!(trends.counts(2, 10_000).is_none());
    }
}
