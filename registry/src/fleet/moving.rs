//! A rollout as the fleet knows it: which nodes of its deployment it gives another release, and what
//! a node told of it. Read from the database; asked for each node's plan.
//! Must never give a node what its own kernel has not loaded and verified.

use std::collections::BTreeMap;

use api::registry::{ByRollout, InstanceReport, Outcome, OutcomeKind, RolloutCounts, RolloutPlan};
use rollout::{Place, Runs, Staged, State};
use serde::{Deserialize, Serialize};

use super::desired::Given;

/// What is kept of the end of a verifier's log, bytes.
const LOG_BYTES_MAX: usize = 2 << 10;
/// What is kept of a reason, bytes.
const BECAUSE_BYTES_MAX: usize = 512;

/// A rollout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moving {
    /// Its number.
    pub(crate) number: u64,
    /// The deployment that it moves.
    pub(crate) deployment: String,
    /// `namespace/name` of the payload.
    pub(crate) payload: String,
    /// The version that it brings.
    pub(crate) version: String,
    /// The digest of that.
    pub(crate) digest: String,
    /// What nodes had before.
    pub(crate) from_version: Option<String>,
    /// See `rollout::Place`.
    pub(crate) salt: String,
    /// How it goes.
    pub(crate) plan: RolloutPlan,
    /// Where it stands.
    pub(crate) state: State,
    /// Its nodes at its end.
    pub(crate) counts: Option<RolloutCounts>,
    /// When it was made, milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// Name of the token that made it.
    pub(crate) created_by: String,
    /// When it changed last, milliseconds since 1970.
    pub(crate) changed_ms: u64,
    /// Counts up with each transition.
    pub(crate) revision: u64,
    /// The release that it brings, unless that may not run any more.
    pub(crate) given: Given,
}

/// What a node told last: of staging a release, or of running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Counts up on the node.
    pub(crate) serial: u64,
    /// What happened.
    pub(crate) kind: OutcomeKind,
    /// Why, as the node said it; empty where it did not.
    #[serde(default)]
    pub(crate) because: String,
    /// The end of the verifier's log.
    #[serde(default)]
    pub(crate) log: Option<String>,
}

/// What a node told of one rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Of staging its release.
    pub(crate) staged: Option<Mark>,
    /// Of running it.
    pub(crate) ran: Option<Mark>,
}

/// What a node told that decides whether a rollout reaches it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToldOf<'a> {
    /// Of this rollout.
    pub(crate) marks: Option<&'a Marks>,
    /// Of the deployment's instance, where it runs any.
    pub(crate) instance: Option<&'a InstanceReport>,
}

impl ToldOf<'_> {
    /// Whether it runs this, or did before something newer reached it.
    fn runs(self, digest: &str) -> bool {
        let runs = self.instance.is_some_and(|report| report.digest == digest);
        runs || self.marks.is_some_and(Marks::took)
    }
}

/// What a node told, by rollout: of those alone that still decide something.
pub(crate) type MarksByRollout = BTreeMap<u64, Marks>;

impl Moving {
    /// What the places of nodes are computed from: two rollouts of one version begin alike.
    pub(crate) fn salt(deployment: &str, version: &str) -> String {
        format!("{deployment}/{version}")
    }

    /// A node's place.
    pub(crate) fn place(&self, node: &str) -> Place {
        Place::of(&self.salt, node)
    }

    /// Whether it has not ended.
    pub(crate) fn is_active(&self) -> bool {
        !self.state.phase.is_end()
    }

    /// Whether a node is to run the release: one that can, and where nothing goes on, that does.
    pub(crate) fn reaches(&self, node: &str, told: ToldOf<'_>, has_it: bool) -> bool {
        let able = has_it || Marks::staged(told.marks) == Staged::Passed;
        able && self.state.gives(self.place(node), told.runs(&self.digest))
    }

    /// Whether a node that it does not reach is to stage the release.
    pub(crate) fn stages(&self) -> bool {
        self.is_active() && self.state.is_staging()
    }

    /// How it is brought.
    pub(crate) fn by(&self) -> ByRollout {
        let wave = self.state.wave().saturating_sub(1);
        let wave = self.plan.waves.get(wave).or(self.plan.waves.last());
        ByRollout {
            id: self.number,
            bake_ms: wave.map_or(0, |wave| wave.bake_ms),
            flip_at_ms: self.plan.flip_at_ms,
        }
    }
}

impl Mark {
    /// Of an outcome, cut to its bounds.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let problem = outcome.problem.as_ref();
        let because = problem.map(ToString::to_string).unwrap_or_default();
        let log = problem.and_then(|problem| problem.log.as_deref());
        Self {
            serial: outcome.serial,
            kind: outcome.kind,
            because: first_bytes(&because, BECAUSE_BYTES_MAX).to_owned(),
            log: log.map(|log| last_bytes(log, LOG_BYTES_MAX).to_owned()),
        }
    }
}

impl Marks {
    /// Takes in an outcome of this rollout, unless a later one was taken in. Whether it was.
    pub(crate) fn take(&mut self, outcome: &Outcome) -> bool {
        let place = if outcome.staging {
            &mut self.staged
        } else {
            &mut self.ran
        };
        if place
            .as_ref()
            .is_some_and(|mark| mark.serial >= outcome.serial)
        {
            return false;
        }
        *place = Some(Mark::of(outcome));
        true
    }

    /// Whether the last word of running it is that it took it over.
    fn took(&self) -> bool {
        let kind = self.ran.as_ref().map(|mark| mark.kind);
        matches!(
            kind,
            Some(OutcomeKind::Started | OutcomeKind::Updated | OutcomeKind::Committed)
        )
    }

    /// What became of staging.
    pub(crate) fn staged(marks: Option<&Self>) -> Staged {
        let mark = marks.and_then(|marks| marks.staged.as_ref());
        match mark.map(|mark| mark.kind) {
            Some(OutcomeKind::Staged) => Staged::Passed,
            Some(OutcomeKind::Incompatible) => Staged::Incompatible,
            Some(OutcomeKind::SignatureRejected) => Staged::Untrusted,
            Some(
                OutcomeKind::BelowFloor | OutcomeKind::PolicyRefused | OutcomeKind::LoadRejected,
            ) => Staged::Refused,
            // Tried again, or said of something else.
            None
            | Some(
                OutcomeKind::FetchFailed
                | OutcomeKind::Failed
                | OutcomeKind::Started
                | OutcomeKind::Updated
                | OutcomeKind::RolledBack
                | OutcomeKind::Committed
                | OutcomeKind::Stopped,
            ) => Staged::NotYet,
        }
    }

    /// What became of running it, where the node does not run it.
    pub(crate) fn ran(marks: Option<&Self>) -> Runs {
        let mark = marks.and_then(|marks| marks.ran.as_ref());
        match mark.map(|mark| mark.kind) {
            Some(OutcomeKind::SignatureRejected) => Runs::Untrusted,
            Some(
                OutcomeKind::BelowFloor
                | OutcomeKind::PolicyRefused
                | OutcomeKind::Incompatible
                | OutcomeKind::LoadRejected
                | OutcomeKind::RolledBack,
            ) => Runs::Failed,
            None
            | Some(
                OutcomeKind::FetchFailed
                | OutcomeKind::Failed
                | OutcomeKind::Started
                | OutcomeKind::Updated
                | OutcomeKind::Staged
                | OutcomeKind::Committed
                | OutcomeKind::Stopped,
            ) => Runs::Other,
        }
    }
}

fn first_bytes(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn last_bytes(text: &str, bytes_max: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..]
}

#[cfg(test)]
mod tests {
    use api::problem::Problem;

    use super::*;

    fn outcome(serial: u64, kind: OutcomeKind, staging: bool) -> Outcome {
        let problem = Problem::new(422, "refused", "é".repeat(BECAUSE_BYTES_MAX));
        Outcome {
            serial,
            at_ms: 0,
            instance: "a".to_owned(),
            kind,
            payload: "acme/a".to_owned(),
            version: None,
            digest: "sha256:1".to_owned(),
            rollout: Some(1),
            staging,
            proof: None,
            problem: Some(Box::new(problem.with_log("x".repeat(LOG_BYTES_MAX + 1)))),
        }
    }

    #[test]
    fn a_later_word_counts_and_an_earlier_or_the_same_once_more_does_not() {
        let mut marks = Marks::default();
        assert!(marks.take(&outcome(2, OutcomeKind::LoadRejected, true)));
        assert!(!marks.take(&outcome(1, OutcomeKind::Staged, true)));
        assert!(!marks.take(&outcome(2, OutcomeKind::Staged, true)));
        assert_eq!(Marks::staged(Some(&marks)), Staged::Refused);
        assert_eq!(Marks::ran(Some(&marks)), Runs::Other);
        assert!(marks.take(&outcome(3, OutcomeKind::RolledBack, false)));
        assert!(marks.take(&outcome(3, OutcomeKind::Staged, true)));
        assert_eq!(Marks::staged(Some(&marks)), Staged::Passed);
        assert_eq!(Marks::ran(Some(&marks)), Runs::Failed);
    }

    #[test]
    fn what_is_kept_of_a_reason_and_a_log_is_bounded() {
        let mark = Mark::of(&outcome(1, OutcomeKind::LoadRejected, true));
        assert!(mark.because.len() <= BECAUSE_BYTES_MAX);
        assert_eq!(mark.log.map(|log| log.len()), Some(LOG_BYTES_MAX));
    }
}
