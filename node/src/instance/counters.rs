//! Where every event of an instance went, over all of its generations. Written by the reader
//! thread alone, read by anybody.

use std::sync::atomic::{AtomicU64, Ordering};

use api::node::Counts;

/// Sums since the instance was started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    decoded: AtomicU64,
    malformed: AtomicU64,
    perf_lost: AtomicU64,
}

impl Counters {
    /// Adds a batch of records: `decoded` became outputs, `malformed` were too short.
    pub(crate) fn add_batch(&self, decoded: u64, malformed: u64) {
        self.accepted
            .fetch_add(decoded + malformed, Ordering::Relaxed);
        self.decoded.fetch_add(decoded, Ordering::Relaxed);
        self.malformed.fetch_add(malformed, Ordering::Relaxed);
    }

    /// Adds records that full perf buffers refused.
    pub(crate) fn add_perf_lost(&self, records: u64) {
        self.perf_lost.fetch_add(records, Ordering::Relaxed);
    }

    /// Records that full perf buffers refused, over all generations.
    pub(crate) fn perf_lost(&self) -> u64 {
        self.perf_lost.load(Ordering::Relaxed)
    }

    /// The sums; loss in the kernel and sinks are the engine's to add.
    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            accepted: read(&self.accepted),
            decoded: read(&self.decoded),
            malformed: read(&self.malformed),
            ..Counts::default()
        }
    }
}
