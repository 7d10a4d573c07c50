//! How much of something a guest may do in a second. Used by the host functions.
//! Must never give more than a second's worth at once.

/// Of each unit, this many parts come back in a nanosecond when the limit is one a second.
const PARTS: u64 = 1_000_000_000;

/// A token bucket: full at first, filled evenly.
#[derive(Debug)]
pub(super) struct Bucket {
    per_s_max: u32,
    /// In billionths of a unit.
    parts: u64,
    filled_ns: u64,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_s_max: u32) -> Self {
        Self {
            per_s_max,
            parts: u64::from(per_s_max) * PARTS,
            filled_ns: 0,
        }
    }

    /// What comes back until `now_ns`, and whether `units` are there then.
    pub(super) fn holds(&mut self, units: u32, now_ns: u64) -> bool {
        let passed_ns = now_ns.saturating_sub(self.filled_ns).min(PARTS);
        let full = u64::from(self.per_s_max) * PARTS;
        let back = passed_ns * u64::from(self.per_s_max);
        self.parts = full.min(self.parts.saturating_add(back));
        self.filled_ns = self.filled_ns.max(now_ns);
        self.parts >= u64::from(units) * PARTS
    }

    /// Takes `units` that [`holds`](Self::holds) has found.
    pub(super) fn take(&mut self, units: u32) {
        self.parts = self.parts.saturating_sub(u64::from(units) * PARTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(bucket: &mut Bucket, units: u32, now_ns: u64) -> bool {
        let holds = bucket.holds(units, now_ns);
        if holds {
            bucket.take(units);
        }
        holds
    }

    #[test]
    fn a_second_gives_the_limit_and_no_more() {
        let mut bucket = Bucket::new(10);
        let taken =
            |bucket: &mut Bucket, now_ns| (0..100).filter(|_| takes(bucket, 1, now_ns)).count();
        assert_eq!(taken(&mut bucket, 0), 10);
        assert_eq!(taken(&mut bucket, 99_999_999), 0);
        assert_eq!(taken(&mut bucket, 100_000_000), 1);
        assert_eq!(taken(&mut bucket, u64::MAX), 10);
        // A clock that goes back gives nothing.
        assert_eq!(taken(&mut bucket, 0), 0);
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let mut bucket = Bucket::new(u32::MAX);
        assert!(takes(&mut bucket, u32::MAX - 1, 0));
        assert!(!takes(&mut bucket, 2, 0));
        assert!(takes(&mut bucket, 1, 0));
        assert!(!takes(&mut Bucket::new(0), 1, u64::MAX));
    }
}
