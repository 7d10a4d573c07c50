//! What became of something that a node was to do, in words. Used by `nodes` and `rollout`.
//! Must never have one word for two outcomes.

use api::registry::OutcomeKind;

/// What became of something, in words.
pub(crate) fn words(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Started => "started",
        OutcomeKind::Updated => "updated",
        OutcomeKind::Staged => "staged",
        OutcomeKind::Committed => "committed",
        OutcomeKind::RolledBack => "gone back from",
        OutcomeKind::Stopped => "stopped",
        OutcomeKind::FetchFailed => "could not be fetched",
        OutcomeKind::SignatureRejected => "signature rejected",
        OutcomeKind::BelowFloor => "below the floor",
        OutcomeKind::PolicyRefused => "refused by the node's policy",
        OutcomeKind::Incompatible => "not for this node",
        OutcomeKind::LoadRejected => "could not be loaded",
        OutcomeKind::Failed => "failed",
    }
}
