//! What was begun and did not come to an end: the daemon died of it, perhaps. A part of the machine, kept
//! over lives; pure.
//! Must never let a node die of the same thing for ever.

use std::collections::BTreeMap;

use payload::digest::Digest;
use payload::name::InstanceName;

use super::super::target::Target;

/// How often the daemon may die while something is fetched, checked and loaded before that is not begun
/// any more.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// What is begun.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt {
    /// Under which name.
    pub(crate) instance: InstanceName,
    /// Which file.
    pub(crate) digest: Digest,
    /// By which rollout.
    pub(crate) rollout: Option<u64>,
}

impl Attempt {
    fn of(target: &Target) -> Self {
        Self {
            instance: target.instance.clone(),
            digest: target.digest,
            rollout: target.rollout(),
        }
    }
}

/// How often each was begun without an end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(BTreeMap<Attempt, u32>);

impl Attempts {
    /// Those of former lives.
    pub(crate) fn of(kept: impl IntoIterator<Item = (Attempt, u32)>) -> Self {
        Self(kept.into_iter().collect())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Attempt, u32)> {
        self.0.iter().map(|(attempt, times)| (attempt, *times))
    }

    pub(super) fn begins(&mut self, target: &Target) {
        let times = self.0.entry(Attempt::of(target)).or_default();
        *times = times.saturating_add(1);
    }

    pub(super) fn ended(&mut self, target: &Target) {
        self.0.remove(&Attempt::of(target));
    }

    /// Whether it was begun so often that it is not begun any more.
    pub(super) fn are_too_many(&self, target: &Target) -> bool {
        let times = self.0.get(&Attempt::of(target));
        times.is_some_and(|times| *times >= ATTEMPTS_MAX)
    }

    /// Forgets what nobody speaks of any more.
    pub(super) fn keep_only<'a>(&mut self, targets: impl Iterator<Item = &'a Target>) {
        let spoken_of: Vec<Attempt> = targets.map(Attempt::of).collect();
        self.0.retain(|attempt, _| spoken_of.contains(attempt));
    }
}
