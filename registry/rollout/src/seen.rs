//! What the registry sees of a node of a rollout. Made by the registry of what the node told, read by
//! the machine. Must never be more than the node told: it may lie.

use crate::cohort::Place;
use crate::compare::Sample;
use crate::machine::State;

/// A node that the deployment is for, and that is not pinned.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Its name.
    pub node: &'a str,
    /// Its place in the rollout.
    pub place: Place,
    /// Whether it was heard lately; while the registry was away it could not be.
    pub online: bool,
    /// When it was heard last, milliseconds since 1970.
    pub heard_ms: u64,
    /// When it came, milliseconds since 1970, where it had been offline, by the registry's own watch,
    /// when it was first heard in the wave: nobody waits for it, and its time counts from then.
    pub joined_ms: Option<u64>,
    /// What became of staging.
    pub staged: Staged,
    /// What it runs.
    pub runs: Runs,
    /// Whether it is to run the very release all the same, where the rollout does not reach it.
    pub keeps: bool,
    /// What it measured of what it runs under the instance's name.
    pub sample: Option<Sample>,
}

/// What became of loading and verifying the release on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// It has told nothing yet.
    NotYet,
    /// It can run it.
    Passed,
    /// Its format or architecture is not for this node.
    Incompatible,
    /// Its own keys do not vouch for it.
    Untrusted,
    /// It can't or may not run it.
    Refused,
}

/// What a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Something else, or nothing.
    Other,
    /// The release, which it still watches.
    Watched,
    /// The release, whose watch went well.
    Committed,
    /// Not the release: it was to, and refused or went back from it.
    Failed,
    /// Not the release: its own keys do not vouch for it.
    Untrusted,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// It neither staged nor refused it yet.
    Outside,
    /// It staged it, and waits for its wave.
    Staged,
    /// It may run it and does not yet.
    Offered,
    /// It runs it and watches it.
    Live,
    /// It runs it, its watch went well.
    Committed,
    /// It can't run its format or architecture.
    Incompatible,
    /// It refused it or went back from it.
    Failed,
}

impl Seen<'_> {
    /// Whether a wave has reached it, where places below `bound` are reached: not before it can run
    /// the release.
    #[must_use]
    pub fn is_offered(&self, bound: u64) -> bool {
        self.place.is_below(bound) && self.staged == Staged::Passed
    }

    /// Whether the registry gives it the release.
    #[must_use]
    pub fn is_given(&self, state: &State) -> bool {
        self.staged == Staged::Passed && state.gives(self.place, self.is_running())
    }

    /// Whether it says that it runs the release.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.runs, Runs::Watched | Runs::Committed)
    }

    /// Where it stands in a rollout that stands so.
    #[must_use]
    pub fn stands(&self, state: &State) -> Stands {
        match (self.runs, self.staged) {
            (Runs::Failed | Runs::Untrusted, _)
            | (Runs::Other, Staged::Untrusted | Staged::Refused) => Stands::Failed,
            (Runs::Watched, _) => Stands::Live,
            (Runs::Committed, _) => Stands::Committed,
            (Runs::Other, Staged::NotYet) => Stands::Outside,
            (Runs::Other, Staged::Incompatible) => Stands::Incompatible,
            (Runs::Other, Staged::Passed) if self.is_given(state) => Stands::Offered,
            (Runs::Other, Staged::Passed) => Stands::Staged,
        }
    }
}

impl Stands {
    /// In a word: the field of [`api::registry::RolloutCounts`] that counts it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Staged => "staged",
            Self::Offered => "offered",
            Self::Live => "live",
            Self::Committed => "committed",
            Self::Incompatible => "incompatible",
            Self::Failed => "failed",
        }
    }
}
