//! Where outputs go. An instance's reader hands every batch to every sink of the instance.
//! A sink may lose outputs, never silently: it tells what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::node::SinkCounts;

pub(crate) mod file;
pub(crate) mod hub;
mod outlet;
pub(crate) mod record;
pub(crate) mod stdout;

/// A sink could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("sink {sink}: {source}")]
pub(crate) struct SinkError {
    /// Which sink, with its target.
    pub(crate) sink: String,
    /// What the machine said.
    pub(crate) source: std::io::Error,
}

/// What became of a batch at one sink: together as many as the batch had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Outputs taken.
    pub(crate) delivered: u64,
    /// Outputs dropped from a full queue.
    pub(crate) lost_in_queue: u64,
    /// Outputs that could not be written.
    pub(crate) lost_in_sink: u64,
}

/// One place that outputs go to.
pub(crate) trait Sink: Send {
    /// Takes `count` JSON lines, each with its newline. May block: the ring is the queue then.
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery;

    /// Takes lines of which a daemon that was killed may have delivered some, from the first one
    /// on. A sink that can tell which leaves them out, and counts them as delivered; any other may
    /// repeat them, marked as they are.
    fn replay(&mut self, lines: &[u8], count: u64) -> Delivery {
        self.deliver(lines, count)
    }

    /// Called when no event waits, and at the end.
    fn flush(&mut self) {}
}

#[derive(Debug, Default)]
struct SinkCounters {
    delivered: AtomicU64,
    lost_in_queue: AtomicU64,
    lost_in_sink: AtomicU64,
}

impl SinkCounters {
    fn add(&self, delivery: Delivery) {
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        add(&self.delivered, delivery.delivered);
        add(&self.lost_in_queue, delivery.lost_in_queue);
        add(&self.lost_in_sink, delivery.lost_in_sink);
    }
}

/// The sinks of an instance, each with its counts.
#[derive(Default)]
pub(crate) struct Sinks {
    sinks: Vec<(Box<dyn Sink>, Arc<SinkCounters>)>,
    names: Vec<&'static str>,
}

/// The counts of an instance's sinks, readable while the reader works.
#[derive(Clone, Default)]
pub(crate) struct SinkTally(Vec<(&'static str, Arc<SinkCounters>)>);

impl Sinks {
    /// These sinks and one more.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, sink: Box<dyn Sink>) -> Self {
        self.sinks.push((sink, Arc::default()));
        self.names.push(name);
        self
    }

    /// Hands a batch of `count` lines to every sink.
    pub(crate) fn deliver(&mut self, lines: &[u8], count: u64) {
        for (sink, counters) in &mut self.sinks {
            counters.add(sink.deliver(lines, count));
        }
    }

    /// Hands a batch to every sink that a daemon which was killed may have handed out before.
    pub(crate) fn replay(&mut self, lines: &[u8], count: u64) {
        for (sink, counters) in &mut self.sinks {
            counters.add(sink.replay(lines, count));
        }
    }

    /// Has every sink put out what it still holds.
    pub(crate) fn flush(&mut self) {
        for (sink, _) in &mut self.sinks {
            sink.flush();
        }
    }

    /// The counts, to be read from elsewhere.
    pub(crate) fn tally(&self) -> SinkTally {
        let counters = self.sinks.iter().map(|(_, counters)| Arc::clone(counters));
        SinkTally(self.names.iter().copied().zip(counters).collect())
    }
}

impl SinkTally {
    /// The counts until now.
    pub(crate) fn counts(&self) -> Vec<SinkCounts> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = self.0.iter().map(|(name, counters)| SinkCounts {
            sink: (*name).to_owned(),
            delivered: read(&counters.delivered),
            lost_in_queue: read(&counters.lost_in_queue),
            lost_in_sink: read(&counters.lost_in_sink),
        });
        counts.collect()
    }
}
