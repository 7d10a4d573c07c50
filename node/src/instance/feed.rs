//! What the reader reads of one generation: its rings and perf buffers, and the handler that the
//! records of the rings go to. Perf buffers are decoded plainly: they can't be read again.
//! Must never give back a record that its handler could have to be given again.

mod call;
mod failure;
#[cfg(test)]
mod tests;
mod turn;

use handler::State;

pub(crate) use turn::Turned;

use super::handling::{Handling, Tell};
use super::source::{Batch, Source};
use crate::kernel::ring::Ring;

/// How long what is read may lie in the rings before it is given back, milliseconds.
const CHECK_MS: u64 = 1_000;
/// Bytes of a state that is taken before each sleep; a larger one is not, and rings are looked at now
/// and then instead of waited for.
const CHEAP_STATE_BYTES: usize = 64 * 1024;

/// The moment of a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Microseconds since 1970.
    pub(crate) wall_us: u64,
    /// Milliseconds since the reader began.
    pub(crate) ms: u64,
}

/// Where what a pass yields goes.
pub(crate) struct Out<'a> {
    /// Batches.
    pub(crate) deliver: &'a mut dyn FnMut(&Batch),
    /// Lines of handlers' logs.
    pub(crate) tell: &'a Tell,
}

/// How the reader may wait for the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The kernel wakes it: everything is given back.
    Woken,
    /// It must look: the kernel wakes nobody as long as records are not given back.
    Looking,
    /// Something has come meanwhile.
    Not,
}

/// The rings and perf buffers of one generation, with its handler.
#[derive(Default)]
pub(crate) struct Feed {
    sources: Vec<Source>,
    handling: Option<Handling>,
    /// The handler that the one in charge has followed on the same rings, as it stood then.
    former: Option<Former>,
    /// What lines of a handler begin with that come of no record.
    prefix: Vec<u8>,
    instance: String,
    generation: u64,
}

struct Former {
    handling: Handling,
    generation: u64,
}

impl Feed {
    /// The sources of a generation, and the handler that is to handle them.
    pub(crate) fn new(
        instance: &str,
        generation: u64,
        sources: Vec<Source>,
        handling: Option<Handling>,
    ) -> Self {
        let mut feed = Self {
            sources,
            handling,
            instance: instance.to_owned(),
            ..Self::default()
        };
        feed.number(generation);
        feed.mark();
        feed
    }

    /// From now on lines name this generation.
    fn number(&mut self, generation: u64) {
        self.generation = generation;
        let instance = serde_json::Value::from(self.instance.as_str()).to_string();
        let prefix = format!("{{\"instance\":{instance},\"generation\":{generation}");
        self.prefix = prefix.into_bytes();
        for source in &mut self.sources {
            source.renumber(&self.instance, generation);
        }
    }

    /// Its sources.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The same with its sources changed.
    #[must_use]
    pub(crate) fn with_sources(mut self, change: impl FnOnce(Vec<Source>) -> Vec<Source>) -> Self {
        self.sources = change(std::mem::take(&mut self.sources));
        self.mark();
        self
    }

    /// What is read from here on is put out for the first time.
    fn mark(&mut self) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        let position = |source: &Source| source.ring().map_or(0, Ring::position);
        handling.flushed = self.sources.iter().map(position).collect();
    }

    /// The state of its handler at the last checkpoint.
    pub(crate) fn state(&self) -> Option<&State> {
        self.handling.as_ref()?.state.as_ref()
    }

    /// One span of every source that is wanted. Returns whether anything was there.
    pub(crate) fn pass(
        &mut self,
        wanted: impl Fn(&Source) -> bool,
        batch: &mut Batch,
        now: Now,
        out: &mut Out<'_>,
    ) -> bool {
        let mut moved = false;
        for index in 0..self.sources.len() {
            let Some(source) = self.sources.get_mut(index).filter(|source| wanted(source)) else {
                continue;
            };
            let handles = self.handling.as_ref().is_some_and(Handling::works);
            if handles && source.ring().is_some() {
                moved |= self.handle(index, batch, now, out);
                continue;
            }
            let passed = source.pass(batch, now.wall_us, |batch| (out.deliver)(batch));
            // A perf buffer that can't be read now is read again after the next sleep.
            moved |= passed.unwrap_or(false);
        }
        moved
    }

    /// Whether a record is reserved and not submitted, or waits to be read.
    pub(crate) fn has_pending(&self) -> bool {
        self.sources.iter().any(Source::has_pending)
    }

    /// What its time asks for: called before each pass.
    pub(crate) fn look_at_the_clock(&mut self, batch: &mut Batch, now: Now, out: &mut Out<'_>) {
        let Some(handling) = &mut self.handling else {
            return;
        };
        if !handling.works() {
            if handling.health.is_rested(now.ms) {
                self.try_again(now, out);
            }
            return;
        }
        if let Some(probation) = &handling.probation {
            let half_full = self.sources.iter().filter_map(Source::ring).any(|ring| {
                ring.position() + ring.pending_bytes() - ring.given_back() >= ring.size_bytes() / 2
            });
            if now.ms >= probation.until_ms || half_full {
                self.end_probation(now, out);
                self.check(now, out);
            }
            return;
        }
        if now.ms >= handling.checked_ms + CHECK_MS && !self.is_replaying() {
            self.tick(batch, now, out);
        }
    }

    /// What has been put out is given back, where that lets the reader be woken.
    pub(crate) fn before_sleep(&mut self, now: Now, out: &mut Out<'_>) -> Wait {
        let Some(handling) = self.handling.as_ref().filter(|handling| handling.works()) else {
            return Wait::Woken;
        };
        let behind = |source: &Source| {
            source
                .ring()
                .is_some_and(|ring| ring.position() > ring.given_back())
        };
        if !self.sources.iter().any(behind) {
            return Wait::Woken;
        }
        let state_bytes = handling.state.as_ref().map_or(0, |state| state.bytes.len());
        if handling.probation.is_some() || state_bytes > CHEAP_STATE_BYTES {
            return Wait::Looking;
        }
        self.check(now, out);
        // Of what came before this, the kernel told nobody.
        if self.has_pending() {
            Wait::Not
        } else {
            Wait::Woken
        }
    }
}
