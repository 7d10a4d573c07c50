//! How long a handler that fails may go on. Pure; asked by `handling` at each fault.
//! Must never let one that fails again and again be started without a rest, nor for ever.

use std::collections::VecDeque;

/// Faults within [`WINDOW_MS`] that a handler may have and go on at once.
pub(crate) const FAULTS_MAX: usize = 3;
/// How long a fault counts, milliseconds.
const WINDOW_MS: u64 = 60_000;
/// The first rest, and the longest; each is twice the one before.
const REST_MS_MIN: u64 = 1_000;
const REST_MS_MAX: u64 = 60_000;

/// The faults of a handler, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When the latest faults were.
    faults: VecDeque<u64>,
    /// The rest before this one; 0 before the first.
    rested_ms: u64,
    stand: Stand,
}

/// What a handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stand {
    /// It handles events.
    #[default]
    Works,
    /// It failed too often: events are decoded plainly until it is tried again.
    Rests {
        /// When that is.
        until_ms: u64,
    },
    /// It failed again after the longest rest: events are decoded plainly for good.
    Quarantined,
}

impl Health {
    /// What it does.
    pub(crate) fn stand(&self) -> Stand {
        self.stand
    }

    /// It has failed. Gives what it does from now on.
    pub(crate) fn failed(&mut self, now_ms: u64) -> Stand {
        // What went well for longer than the longest rest begins anew.
        let calm = |last: &u64| now_ms.saturating_sub(*last) > 2 * REST_MS_MAX;
        if self.faults.back().is_some_and(calm) {
            self.rested_ms = 0;
        }
        self.faults
            .retain(|fault_ms| now_ms.saturating_sub(*fault_ms) <= WINDOW_MS);
        self.faults.push_back(now_ms);
        if self.faults.len() > FAULTS_MAX {
            return self.give_up(now_ms);
        }
        self.stand
    }

    /// It can't go on as it is. Gives what it does from now on.
    pub(crate) fn give_up(&mut self, now_ms: u64) -> Stand {
        self.faults.clear();
        self.faults.push_back(now_ms);
        if self.rested_ms == REST_MS_MAX {
            self.stand = Stand::Quarantined;
            return self.stand;
        }
        self.rested_ms = (self.rested_ms * 2).clamp(REST_MS_MIN, REST_MS_MAX);
        let until_ms = now_ms.saturating_add(self.rested_ms);
        self.stand = Stand::Rests { until_ms };
        self.stand
    }

    /// Whether its rest is over.
    pub(crate) fn is_rested(&self, now_ms: u64) -> bool {
        matches!(self.stand, Stand::Rests { until_ms } if now_ms >= until_ms)
    }

    /// It works again.
    pub(crate) fn works(&mut self) {
        self.stand = Stand::Works;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_faults_a_minute_are_borne_and_the_fourth_is_not() {
        let mut health = Health::default();
        for second in 0..3 {
            assert_eq!(health.failed(second * 1_000), Stand::Works);
        }
        // The first one does not count any more.
        assert_eq!(health.failed(60_500), Stand::Works);
        assert_eq!(health.failed(60_600), Stand::Rests { until_ms: 61_600 });
    }

    #[test]
    fn each_rest_is_twice_as_long_and_behind_the_longest_comes_quarantine() {
        let mut health = Health::default();
        let mut now_ms = 0;
        for rest_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000] {
            let stand = health.give_up(now_ms);
            let until_ms = now_ms + rest_ms;
            assert_eq!(stand, Stand::Rests { until_ms });
            assert!(!health.is_rested(until_ms - 1));
            assert!(health.is_rested(until_ms));
            health.works();
            now_ms = until_ms;
        }
        assert_eq!(health.give_up(now_ms), Stand::Quarantined);
        assert!(!health.is_rested(u64::MAX));
    }

    #[test]
    fn what_went_well_for_long_begins_with_the_shortest_rest() {
        let mut health = Health::default();
        health.give_up(0);
        health.give_up(1_000);
        health.works();
        let now_ms = 1_000 + 2 * REST_MS_MAX + 1;
        for _ in 0..FAULTS_MAX {
            assert_ne!(health.failed(now_ms), Stand::Quarantined);
        }
        let until_ms = now_ms + REST_MS_MIN;
        assert_eq!(health.failed(now_ms), Stand::Rests { until_ms });
    }
}
