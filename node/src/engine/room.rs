//! Whether a ring has room for what comes while nobody reads it: between the flip and the end of the
//! drain. Pure; asked before the flip.
//! Must never promise that nothing is lost on a guess: what was not measured is not promised.

use std::time::Duration;

use api::node::RingProof;

/// Pauses of an instance that are remembered.
const PAUSES_MAX: usize = 64;
/// Measured pauses from which on the longest of them is what is to be expected.
const PAUSES_ENOUGH: usize = 8;
/// What is expected before: grace periods of busy machines take up to this.
const PAUSE_EXPECTED: Duration = Duration::from_millis(100);

/// The pauses of an instance, as they were measured.
#[derive(Debug, Default)]
pub(super) struct Pauses(Vec<Duration>);

impl Pauses {
    /// One more; the oldest goes.
    pub(super) fn add(&mut self, pause: Duration) {
        if self.0.len() == PAUSES_MAX {
            self.0.remove(0);
        }
        self.0.push(pause);
    }

    /// How long the next one may take: the longest of those, which is their 99th percentile.
    pub(super) fn expected(&self) -> Duration {
        let longest = self.0.iter().max().copied().unwrap_or_default();
        if self.0.len() < PAUSES_ENOUGH {
            longest.max(PAUSE_EXPECTED)
        } else {
            longest
        }
    }
}

/// A ring of the generation in charge.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) map: String,
    /// The highest rate that was measured, bytes a second.
    pub(super) bytes_per_s: u64,
}

/// What a ring of this name should hold for a pause; `None` where the generation in charge has no
/// such ring, or nothing was measured.
pub(super) fn needed_bytes(written: &[Written], map: &str, pause: Duration) -> Option<u64> {
    let ring = written.iter().find(|ring| ring.map == map)?;
    if ring.bytes_per_s == 0 {
        return None;
    }
    let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    Some(ring.bytes_per_s.saturating_mul(micros) / 1_000_000)
}

/// Why it is not promised that nothing is lost: the rings that are too small. `None` where it is.
pub(super) fn lacking(rings: &[RingProof], pause: Duration) -> Option<String> {
    let small = rings.iter().filter_map(|ring| {
        let needed_bytes = ring.needed_bytes?;
        (needed_bytes > ring.size_bytes).then(|| {
            format!(
                "ring {} holds {} bytes, and {needed_bytes} may come in a pause of {} ms",
                ring.map,
                ring.size_bytes,
                pause.as_millis()
            )
        })
    });
    let small: Vec<String> = small.collect();
    (!small.is_empty()).then(|| small.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes_per_s: u64) -> [Written; 1] {
        [Written {
            map: "rb".to_owned(),
            bytes_per_s,
        }]
    }

    #[test]
    fn a_ring_needs_its_rate_times_the_pause_and_what_is_not_measured_is_not_said() {
        let pause = Duration::from_millis(100);
        assert_eq!(needed_bytes(&written(1 << 20), "rb", pause), Some(104_857));
        assert_eq!(needed_bytes(&written(1 << 20), "other", pause), None);
        assert_eq!(needed_bytes(&written(0), "rb", pause), None);
    }

    #[test]
    fn a_ring_that_is_a_byte_too_small_is_told_with_both_values() {
        let ring = |needed_bytes| RingProof {
            map: "rb".to_owned(),
            size_bytes: 4096,
            high_water_bytes: 0,
            needed_bytes,
        };
        let pause = Duration::from_millis(100);
        assert_eq!(lacking(&[ring(None), ring(Some(4096))], pause), None);
        let told = lacking(&[ring(Some(4097))], pause).unwrap();
        assert!(
            told.contains("holds 4096") && told.contains("4097"),
            "{told}"
        );
    }

    #[test]
    fn few_pauses_don_t_make_short_ones_expected() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.expected(), PAUSE_EXPECTED);
        pauses.add(Duration::from_millis(300));
        assert_eq!(pauses.expected(), Duration::from_millis(300));
        for _ in 0..PAUSES_MAX {
            pauses.add(Duration::from_millis(9));
        }
        assert_eq!(pauses.expected(), Duration::from_millis(9));
    }
}
