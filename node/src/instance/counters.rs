//! Where every event of an instance went, over all of its generations. Written by the reader
//! thread alone, read by anybody.

use std::sync::atomic::{AtomicU64, Ordering};

use api::node::Counts;

use super::source::Batch;

/// Sums since the instance was started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    decoded: AtomicU64,
    malformed: AtomicU64,
    handled: AtomicU64,
    skipped: AtomicU64,
    emitted: AtomicU64,
    perf_lost: AtomicU64,
}

impl Counters {
    /// Adds what became of the records of a batch.
    pub(crate) fn add_batch(&self, batch: &Batch) {
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        add(&self.accepted, batch.records());
        add(&self.decoded, batch.decoded);
        add(&self.malformed, batch.malformed);
        add(&self.handled, batch.handled);
        add(&self.skipped, batch.skipped);
        add(&self.emitted, batch.emitted);
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
            handled: read(&self.handled),
            skipped: read(&self.skipped),
            emitted: read(&self.emitted),
            ..Counts::default()
        }
    }
}
