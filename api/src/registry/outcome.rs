//! What became of what nodes were to do, as they tell it. See `registry`. Must never hold logic.

use serde::{Deserialize, Serialize};

use crate::node::Proof;
use crate::problem::Problem;

/// What became of something that a node was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It runs, and did not before.
    Started,
    /// It runs in the place of another generation.
    Updated,
    /// It is loaded and verified beside what runs, and waits.
    Staged,
    /// Its watch went well: the generation before it is let go of.
    Committed,
    /// It failed its watch, and what ran there before runs again.
    RolledBack,
    /// It does not run any more.
    Stopped,
    /// Its bytes could not be had; tried again.
    FetchFailed,
    /// The bytes are not what was asked for, or not enough trusted keys vouch for them.
    SignatureRejected,
    /// Its version is below a floor.
    BelowFloor,
    /// The node's own policy says no.
    PolicyRefused,
    /// The payload's format or architecture is not for this node.
    Incompatible,
    /// The kernel, or the plan of the hand-over, says no.
    LoadRejected,
    /// The node could not do it for a reason of its own, such as a full disk; tried again.
    Failed,
}

impl OutcomeKind {
    /// In a word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Updated => "updated",
            Self::Staged => "staged",
            Self::Committed => "committed",
            Self::RolledBack => "rolled_back",
            Self::Stopped => "stopped",
            Self::FetchFailed => "fetch_failed",
            Self::SignatureRejected => "signature_rejected",
            Self::BelowFloor => "below_floor",
            Self::PolicyRefused => "policy_refused",
            Self::Incompatible => "incompatible",
            Self::LoadRejected => "load_rejected",
            Self::Failed => "failed",
        }
    }
}

/// One thing that happened on a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outcome {
    /// Counts up on the node, over its restarts too: what was kept already is known by it.
    pub serial: u64,
    /// When, by the node's clock, milliseconds since 1970.
    pub at_ms: u64,
    /// The instance.
    pub instance: String,
    /// What happened.
    pub kind: OutcomeKind,
    /// `namespace/name` of the payload.
    pub payload: String,
    /// The version, where the payload has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// The number of the rollout that brought it; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u64>,
    /// Whether it was to be staged, and not yet to run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub staging: bool,
    /// The proof of a start or an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub proof: Option<Box<Proof>>,
    /// Why it was refused or failed; may hold the verifier's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

/// Something that a node should run and refused: it waits for something else to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refused {
    /// The instance.
    pub instance: String,
    /// The version that should run.
    pub version: String,
    /// How it was refused.
    pub kind: OutcomeKind,
    /// Why, as the node said it; empty where it did not.
    pub because: String,
}
