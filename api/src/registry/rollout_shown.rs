//! Rollouts, as the registry tells of them: how far each came, and why. See `registry`.
//! Must never hold logic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::OutcomeKind;
use super::rollout::{RolloutPhase, RolloutPlan};

/// Nodes of a rollout, by where they stand; each is in one of `outside` to `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutCounts {
    /// Nodes that the selector names, without those that are pinned or run nothing of it.
    pub nodes: u64,
    /// Those of them that are online.
    pub online: u64,
    /// They neither staged nor refused it yet.
    pub outside: u64,
    /// They loaded and verified it, and wait.
    pub staged: u64,
    /// They may run it and do not yet.
    pub offered: u64,
    /// They run it and watch it.
    pub live: u64,
    /// They run it, its watch went well.
    pub committed: u64,
    /// They can't run its format or architecture, and are left out.
    pub incompatible: u64,
    /// They refused it, went back from it, or fell silent.
    pub failed: u64,
}

/// A rollout as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollout {
    /// Its number.
    pub rollout: u64,
    /// The deployment that it moves.
    pub deployment: String,
    /// The payload.
    pub payload: String,
    /// The version that nodes had before; absent where they had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that it brings.
    pub to: String,
    /// The digest of that.
    pub digest: String,
    /// Where it stands.
    pub phase: RolloutPhase,
    /// Since when the phase lasts, or when it begins, of one that is scheduled; pauses that are over
    /// do not count. Milliseconds since 1970.
    pub since_ms: u64,
    /// Why it is paused; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// The wave it is at, from 1; 0 before the first.
    pub wave: u32,
    /// How many waves there are.
    pub waves: u32,
    /// A sentence about what it waits for, or why it ended.
    pub because: String,
    /// Its nodes; of an ended one, as they were at its end.
    pub counts: RolloutCounts,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// Who made it.
    pub created_by: String,
    /// When it changed last, milliseconds since 1970.
    pub changed_ms: u64,
    /// Counts up with each transition.
    pub revision: u64,
}

/// The answer to `GET /rollouts`, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollouts {
    /// At most `limit` of them.
    pub rollouts: Vec<Rollout>,
    /// The `before` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The answer to `GET /rollouts/{rollout}`, and the data of each event of its stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutDetail {
    /// The rollout.
    pub rollout: Rollout,
    /// How it goes.
    pub plan: RolloutPlan,
    /// With a node's name, what its place is computed from.
    pub salt: String,
    /// Nodes of each wave that were not of the one before.
    pub waves: Vec<RolloutCounts>,
    /// What became of the preflight, by kernel.
    pub preflight: Vec<KernelOutcome>,
    /// Nodes that failed, by why.
    pub failures: Vec<FailureGroup>,
    /// What the gate compared last.
    pub compared: Vec<Compared>,
    /// Its transitions, oldest first, at most 256.
    pub timeline: Vec<Transition>,
}

/// How many nodes with a kernel came to the same outcome of the preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KernelOutcome {
    /// `uname -r`.
    pub kernel: String,
    /// The outcome; absent: none was told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeKind>,
    /// How many nodes.
    pub nodes: u64,
}

/// Nodes that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureGroup {
    /// How.
    pub kind: OutcomeKind,
    /// Why, in the first of these nodes' words.
    pub because: String,
    /// The end of the verifier's log there, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Whether it failed while it was staged: it never ran there.
    pub staging: bool,
    /// How many nodes with each kernel.
    pub kernels: BTreeMap<String, u64>,
    /// Some of the nodes, at most 16.
    pub nodes: Vec<String>,
}

/// One figure that a gate compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Compared {
    /// What was measured, with its unit, such as `run_ns`.
    pub figure: String,
    /// On nodes that run the release.
    pub new: f64,
    /// On nodes that do not.
    pub others: f64,
    /// From how many samples.
    pub new_samples: u64,
    /// From how many samples.
    pub others_samples: u64,
    /// Whether it is within the bound; absent: too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<bool>,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transition {
    /// The revision that it led to.
    pub revision: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// The token that asked for it; `registry` where nobody did.
    pub who: String,
    /// The phase that it led to.
    pub phase: RolloutPhase,
    /// The wave, from 1; 0 before the first.
    pub wave: u32,
    /// A sentence.
    pub because: String,
}

/// A node of a rollout: a row of `GET /rollouts/{rollout}/nodes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutNode {
    /// Its name.
    pub node: String,
    /// The wave that reaches it, from 1; absent where that depends on which nodes are there then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// Where it stands, in a word: one of the fields of [`RolloutCounts`].
    pub stands: String,
    /// Whether it was heard lately.
    pub online: bool,
    /// `uname -r`.
    pub kernel: String,
    /// Why it failed, as it said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// The answer to `GET /rollouts/{rollout}/nodes`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutNodes {
    /// At most `limit` of them.
    pub nodes: Vec<RolloutNode>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `POST /rollouts/dry-run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DryRun {
    /// The version that nodes have now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that it would bring.
    pub to: String,
    /// With a node's name, what its place is computed from: the rollout that is started next has
    /// the same.
    pub salt: String,
    /// Nodes of each wave that are not of the one before, by their places.
    pub waves: Vec<DryWave>,
    /// Nodes that are named and would not be reached, with why.
    pub left_out: BTreeMap<String, String>,
}

/// One wave of a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DryWave {
    /// How many nodes.
    pub count: u64,
    /// How many of them are online.
    pub online: u64,
    /// The first of them, at most 1,000.
    pub nodes: Vec<String>,
}
