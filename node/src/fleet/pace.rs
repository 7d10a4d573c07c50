//! When to call: the phase of a node's polls, its jitter, and how long to wait after a failure.
//! Used by the machine; pure, with its own source of numbers that look random.
//! Must never let all nodes call at once, nor one call without end.

use payload::digest::Digest;

/// The longest wait that a registry may ask for with `Retry-After`, milliseconds.
const RETRY_AFTER_MAX_MS: u64 = 3_600_000;
/// The shortest and longest time between polls that a registry may ask for, milliseconds.
const POLL_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
/// The longest spread that a ring may ask for, milliseconds.
pub(super) const SPREAD_MAX_MS: u64 = 600_000;

/// How long to wait after failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackOff {
    /// The shortest wait, milliseconds, at least 1.
    pub(crate) min_ms: u64,
    /// The longest, milliseconds.
    pub(crate) max_ms: u64,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            min_ms: 1_000,
            max_ms: 60_000,
        }
    }
}

/// Where in each poll interval this node calls, and what it draws its jitter from.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    phase_ms: u64,
    lead_ms: u64,
    back_off: BackOff,
    state: u64,
}

impl Pace {
    /// The pace of a node. The phase is the node's own, the same over restarts; `seed` is random.
    /// `lead_ms` is the wall clock minus the clock that the machine is given, so that the phases of
    /// nodes that begin at one moment differ all the same.
    pub(crate) fn of(node: &str, seed: u64, lead_ms: u64, back_off: BackOff) -> Self {
        let digest = Digest::of(node.as_bytes());
        let hash = digest.as_bytes().iter().take(4);
        Self {
            phase_ms: hash.fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
            lead_ms,
            back_off,
            state: seed,
        }
    }

    /// A number below `bound`, or 0 (`SplitMix64`, Steele, Lea, Flood 2014).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        mixed.checked_rem(bound).unwrap_or(0)
    }

    /// When to poll next: at this node's phase of the interval, and up to a tenth of it later.
    pub(super) fn next_poll_ms(&mut self, now_ms: u64, interval_ms: u64) -> u64 {
        let interval_ms = interval_ms.clamp(*POLL_MS.start(), *POLL_MS.end());
        let wall_ms = now_ms.saturating_add(self.lead_ms);
        let into = wall_ms.saturating_add(self.phase_ms) % interval_ms;
        let next = now_ms.saturating_add(interval_ms - into);
        next.saturating_add(self.below(interval_ms / 10))
    }

    /// How long to wait after that many failures in a row: full jitter below a ceiling that
    /// doubles, never less than the registry asks for.
    pub(super) fn back_off_ms(&mut self, failures: u32, retry_after_ms: Option<u64>) -> u64 {
        let BackOff { min_ms, max_ms } = self.back_off;
        let doubled = min_ms.saturating_mul(1 << failures.min(16));
        let ceiling_ms = doubled.min(max_ms);
        let drawn = self.below(ceiling_ms.saturating_add(1)).max(min_ms);
        let asked = retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MAX_MS);
        // Who is told the same time by one registry still does not come back at one moment.
        if asked > drawn {
            asked + self.below(min_ms)
        } else {
            drawn
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_polls_at_its_own_phase_of_every_interval() {
        let interval = 30_000;
        let phase = |node: &str, lead, from| {
            let mut pace = Pace::of(node, 1, lead, BackOff::default());
            (pace.next_poll_ms(from, interval) + lead) % interval
        };
        let near = |one: u64, other: u64| {
            let apart = one.abs_diff(other);
            apart.min(interval - apart) <= interval / 10
        };
        let first = phase("a", 0, 0);
        // Another moment, a restart with another clock: the same place in the interval.
        assert!(near(first, phase("a", 0, 123_456)));
        assert!(near(first, phase("a", 777_777, 5)));
        let spread = (0..64).map(|n| phase(&format!("node{n}"), 0, 0) / 3_000);
        let places: std::collections::BTreeSet<_> = spread.collect();
        assert!(places.len() >= 8, "{places:?}");
    }

    #[test]
    fn the_next_poll_is_ahead_and_within_an_interval_and_a_tenth() {
        let mut pace = Pace::of("a", 7, 0, BackOff::default());
        for now in (0..100_000).step_by(997) {
            let next = pace.next_poll_ms(now, 10_000);
            assert!(next > now && next <= now + 11_000, "{now} {next}");
        }
        // What a registry asks for is bounded on both sides.
        assert!(pace.next_poll_ms(0, 0) <= 110);
        assert!(pace.next_poll_ms(0, u64::MAX) <= 2 * POLL_MS.end());
    }

    #[test]
    fn a_failure_waits_between_a_second_and_a_minute_or_as_long_as_asked() {
        let mut pace = Pace::of("a", 7, 0, BackOff::default());
        for failures in 0..200 {
            let wait = pace.back_off_ms(failures, None);
            assert!((1_000..=60_000).contains(&wait), "{wait}");
        }
        let waits: Vec<u64> = (0..100).map(|_| pace.back_off_ms(9, None)).collect();
        assert!(waits.iter().any(|wait| *wait < 10_000) && waits.iter().any(|wait| *wait > 50_000));
        let asked = pace.back_off_ms(0, Some(120_000));
        assert!((120_000..121_000).contains(&asked), "{asked}");
        assert!(pace.back_off_ms(0, Some(u64::MAX)) <= RETRY_AFTER_MAX_MS + 1_000);
    }

    #[test]
    fn the_bounds_of_a_wait_are_the_configurations() {
        let back_off = BackOff {
            min_ms: 1,
            max_ms: 5,
        };
        let mut pace = Pace::of("a", 7, 0, back_off);
        let waits: Vec<u64> = (0..200).map(|n| pace.back_off_ms(n, None)).collect();
        assert!(waits.iter().all(|wait| (1..=5).contains(wait)), "{waits:?}");
        let endless = BackOff {
            min_ms: u64::MAX,
            max_ms: u64::MAX,
        };
        let mut pace = Pace::of("a", 7, 0, endless);
        assert_eq!(pace.back_off_ms(60, None), u64::MAX);
    }
}
