//! What can be told of a handler while it runs. Written by the reader, read by listings, metrics and
//! the watch. Must never hold up the reader for longer than it takes to copy a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::node::{Handler, HandlerStand};
use handler::effects::Effects;

use super::health::Stand;
use super::metrics::Declared;

/// Bytes of a fault's text that are kept.
const REASON_BYTES_MAX: usize = 1024;
/// Maps that are told of as denied: a handler may make up names for ever.
const DENIED_MAX: usize = 16;

/// What is told of the handler of one generation.
pub(crate) struct Told {
    metrics: BTreeMap<String, Declared>,
    now: Mutex<Now>,
}

struct Now {
    shown: Handler,
    /// Why it is of no use to its generation.
    failed: Option<String>,
    /// Maps that it has asked for without a right to them.
    denied: BTreeSet<String>,
}

impl Told {
    /// Of a handler that has not begun.
    pub(crate) fn new(lane: &str, metrics: BTreeMap<String, Declared>) -> Self {
        let shown = Handler {
            lane: lane.to_owned(),
            ..Handler::default()
        };
        let now = Now {
            shown,
            failed: None,
            denied: BTreeSet::new(),
        };
        Self {
            metrics,
            now: Mutex::new(now),
        }
    }

    /// The metrics that it declares.
    pub(super) fn metrics(&self) -> BTreeMap<String, Declared> {
        self.metrics.clone()
    }

    /// It stands so, on probation or not.
    pub(super) fn stands(&self, stand: Stand, on_probation: bool) {
        let mut now = self.locked();
        now.shown.stand = match stand {
            Stand::Works if on_probation => HandlerStand::Probation,
            Stand::Works => HandlerStand::Works,
            Stand::Rests { .. } => HandlerStand::Rests,
            Stand::Quarantined => HandlerStand::Quarantined,
        };
        if stand == Stand::Works {
            now.failed = None;
        } else {
            let reason = now.shown.last_fault.clone();
            now.failed = Some(reason.unwrap_or_else(|| "it failed too often".to_owned()));
        }
    }

    /// It has failed.
    pub(super) fn fault(&self, reason: &str) {
        let mut now = self.locked();
        now.shown.faults += 1;
        let end = reason.floor_char_boundary(REASON_BYTES_MAX);
        now.shown.last_fault = Some(reason.get(..end).unwrap_or_default().to_owned());
    }

    /// The one before it goes on in its place.
    pub(super) fn undone(&self, reason: &str) {
        self.locked().failed = Some(reason.to_owned());
    }

    /// A record was skipped.
    pub(super) fn skipped(&self) {
        self.locked().shown.skipped += 1;
    }

    /// It has asked for these maps without a right to them. Gives those that are new.
    pub(super) fn denied(&self, maps: &[String]) -> Vec<String> {
        if maps.is_empty() {
            return Vec::new();
        }
        let denied = &mut self.locked().denied;
        let mut is_new = |map: &&String| denied.len() < DENIED_MAX && denied.insert((*map).clone());
        let new = maps.iter().filter(|map| is_new(map));
        new.cloned().collect()
    }

    /// It has asked for this.
    pub(super) fn used(&self, effects: &Effects) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut now = self.locked();
        now.shown.emitted += count(effects.emitted.len());
        now.shown.emits_refused += effects.emits_refused;
        now.shown.growths_refused += effects.growths_refused;
        now.shown.log_dropped += effects.log_dropped;
    }

    /// Its state has this many bytes.
    pub(super) fn checked(&self, state_bytes: usize) {
        self.locked().shown.state_bytes = u64::try_from(state_bytes).unwrap_or(u64::MAX);
    }

    /// In the words of the API.
    pub(crate) fn shown(&self) -> Handler {
        self.locked().shown.clone()
    }

    /// Why it is of no use to its generation, where it is not.
    pub(crate) fn failed(&self) -> Option<String> {
        self.locked().failed.clone()
    }

    fn locked(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_map_is_told_once_and_only_so_many_are() {
        let told = Told::new("core", BTreeMap::new());
        let maps = ["a", "b"].map(str::to_owned);
        assert_eq!(told.denied(&maps[..1]), maps[..1]);
        assert_eq!(told.denied(&maps), maps[1..]);
        assert!(told.denied(&maps).is_empty());
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(told.denied(&many).len(), DENIED_MAX - maps.len());
    }
}
