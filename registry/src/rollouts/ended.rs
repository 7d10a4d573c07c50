//! What nodes told of rollouts that have ended, as it was read last: a page is read again whenever anything
//! changes, and ten thousand rows are not. Called by the routes of rollouts.
//! Must never tell of a rollout what was told before its latest transition.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fleet::moving::{Marks, Moving};

/// Rollouts that are remembered: each may be ten thousand nodes with a log.
const ENDED_MAX: usize = 4;

/// What nodes told, by name.
pub(crate) type Kept = BTreeMap<String, Marks>;

/// The ones that were asked for last, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Ended(Mutex<VecDeque<(Key, Arc<Kept>)>>);

/// A number and a revision: one that is taken back goes on, and ends once more.
type Key = (u64, u64);

fn key(moving: &Moving) -> Key {
    (moving.number, moving.revision)
}

impl Ended {
    /// What was told of a rollout, if that is remembered.
    pub(crate) fn of(&self, moving: &Moving) -> Option<Arc<Kept>> {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = ended.iter().filter(|(known, _)| *known == key(moving));
        found.next().map(|(_, kept)| Arc::clone(kept))
    }

    /// Remembers what was told of a rollout that has ended: nothing is added to that.
    pub(crate) fn remember(&self, moving: &Moving, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|((number, _), _)| *number != moving.number);
        if ended.len() >= ENDED_MAX {
            ended.pop_front();
        }
        ended.push_back((key(moving), Arc::clone(&kept)));
        kept
    }
}
