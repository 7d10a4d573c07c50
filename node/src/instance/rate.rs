//! How fast a ring is written to: the highest rate of any window that was measured. Written by the
//! reader, read by whoever prepares the next generation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The shortest window: what comes in less time is a burst, and rings are there for bursts.
const WINDOW_US_MIN: u64 = 250_000;

/// The highest rate of a ring until now, bytes a second. Clones show the same ring.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peak(Arc<AtomicU64>);

impl Peak {
    /// Bytes a second; 0 where no window has ended yet.
    pub(crate) fn bytes_per_s(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What measures one ring.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    peak: Peak,
    /// When the window began; `None` before the first look.
    since_us: Option<u64>,
    bytes: u64,
}

impl Meter {
    /// What it finds.
    pub(crate) fn peak(&self) -> Peak {
        self.peak.clone()
    }

    /// So many bytes were found in the ring at this moment, microseconds since 1970.
    pub(crate) fn add(&mut self, bytes: u64, now_us: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        let since_us = *self.since_us.get_or_insert(now_us);
        let window_us = now_us.saturating_sub(since_us);
        // A clock that was set back begins a window anew.
        if window_us >= WINDOW_US_MIN || now_us < since_us {
            if let Some(rate) = self.bytes.saturating_mul(1_000_000).checked_div(window_us) {
                self.peak.0.fetch_max(rate, Ordering::Relaxed);
            }
            self.begin_anew();
            self.since_us = Some(now_us);
        }
    }

    /// Nobody has looked for a while: what waits now came over a time that is not known.
    pub(crate) fn begin_anew(&mut self) {
        self.since_us = None;
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_window_counts_and_a_burst_is_spread_over_one() {
        let mut meter = Meter::default();
        let peak = meter.peak();
        meter.add(1_000, 0);
        assert_eq!(peak.bytes_per_s(), 0, "no window has ended");
        meter.add(1_000, 500_000);
        assert_eq!(peak.bytes_per_s(), 4_000);
        meter.add(100, 1_500_000);
        assert_eq!(peak.bytes_per_s(), 4_000, "a slower one changes nothing");
    }

    #[test]
    fn a_clock_that_is_set_back_and_a_pause_make_no_rate() {
        let mut meter = Meter::default();
        let peak = meter.peak();
        meter.add(1_000, 1_000_000);
        meter.add(1_000, 10);
        meter.add(0, 300_010);
        assert_eq!(peak.bytes_per_s(), 0);
        meter.begin_anew();
        meter.add(1 << 20, 900_000);
        assert_eq!(peak.bytes_per_s(), 0);
    }
}
