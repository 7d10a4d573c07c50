//! What happened on a node, one outcome a line, with its proof. Made by the page of a node.
//! Must never have one word for two outcomes.

use api::registry::{Outcome, OutcomeKind};

use super::super::format::{Moment, moment};
use super::super::visible::visible;
use super::proof::ProofView;

/// An outcome.
pub(crate) struct Happened {
    pub(super) at: Moment,
    pub(super) instance: String,
    pub(super) payload: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) words: &'static str,
    /// `good`, `bad`, or nothing of both.
    pub(super) tone: &'static str,
    pub(super) staging: bool,
    pub(super) rollout: Option<u64>,
    /// Why it was refused or failed.
    pub(super) why: Option<String>,
    /// What explains that at length.
    pub(super) log: Option<String>,
    pub(super) proof: Option<ProofView>,
}

impl Happened {
    /// An outcome as a node told it.
    pub(crate) fn of(outcome: Outcome, now_ms: u64) -> Self {
        let (words, tone) = told(outcome.kind);
        let problem = outcome.problem.as_deref();
        Self {
            at: moment(outcome.at_ms, now_ms),
            instance: visible(&outcome.instance),
            payload: visible(&outcome.payload),
            version: visible(outcome.version.as_deref().unwrap_or("no version")),
            digest: visible(&outcome.digest),
            words,
            tone,
            staging: outcome.staging,
            rollout: outcome.rollout,
            why: problem.map(|problem| visible(&problem.to_string())),
            log: problem.and_then(|problem| problem.log.as_deref().map(visible)),
            proof: outcome.proof.map(|proof| ProofView::of(&proof)),
        }
    }
}

fn told(kind: OutcomeKind) -> (&'static str, &'static str) {
    match kind {
        OutcomeKind::Started => ("started", "good"),
        OutcomeKind::Updated => ("updated", "good"),
        OutcomeKind::Staged => ("staged", "good"),
        OutcomeKind::Committed => ("committed", "good"),
        OutcomeKind::RolledBack => ("gone back from", "bad"),
        OutcomeKind::Stopped => ("stopped", ""),
        OutcomeKind::FetchFailed => ("could not be fetched", "warn"),
        OutcomeKind::SignatureRejected => ("signature rejected", "bad"),
        OutcomeKind::BelowFloor => ("below the floor", "bad"),
        OutcomeKind::PolicyRefused => ("refused by the node's policy", "bad"),
        OutcomeKind::Incompatible => ("not for this node", "bad"),
        OutcomeKind::LoadRejected => ("could not be loaded", "bad"),
        OutcomeKind::Failed => ("failed", "warn"),
    }
}
