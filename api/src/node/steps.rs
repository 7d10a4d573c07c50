//! What stands between two generations of an instance, as types: the watch, what is staged, what
//! there was before. Part of `node`'s API. Must never hold logic.

use serde::{Deserialize, Serialize};

use super::{GenerationId, Instance, Proof};

/// How long a new generation is watched where nobody says otherwise, milliseconds.
pub const BAKE_DEFAULT_MS: u64 = 60_000;
/// The longest that one may be watched, milliseconds: a day.
pub const BAKE_MAX_MS: u64 = 86_400_000;

/// When something is to happen, in the query of `PUT`, `POST` and `…/staged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// `bake_ms`: how long the new generation is watched, the old one still loaded; 0 lets go of it
    /// at once. [`BAKE_DEFAULT_MS`] where nothing is said.
    pub bake_ms: Option<u64>,
    /// `at_ms`: when what is staged is to take over, milliseconds since 1970.
    pub at_ms: Option<u64>,
}

/// A generation that is watched: whether it fails what a node can see by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The generation before it, still loaded in its lane.
    pub before: GenerationId,
    /// When the watch ends and the one before is let go, milliseconds since 1970; absent while the
    /// instance is paused, when no time counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// What is loaded, verified, and runs nowhere yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// `namespace/name` of the payload.
    pub payload: String,
    /// Its version, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// The generation that it was prepared to follow.
    pub base: u64,
    /// When it takes over, milliseconds since 1970; absent where it waits for `POST …/flip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// How long it will be watched, milliseconds.
    pub bake_ms: u64,
}

/// The answer to `POST /api/v1/instances/{name}/flip`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flipped {
    /// The instance as it is now.
    pub instance: Instance,
    /// How the flip went; absent where it is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// The answer to `GET /api/v1/instances/{name}/history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The name.
    pub instance: String,
    /// Every start, update and way back that the node kept, oldest first, those of former lives of
    /// the daemon included.
    pub entries: Vec<HistoryEntry>,
}

/// One start, update or way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When the instance was started whose generation it is, milliseconds since 1970: generations
    /// count from 1 in each life of an instance.
    pub started_ms: u64,
    /// `namespace/name` of the payload.
    pub payload: String,
    /// Whether this put the generation in charge that is, or was the last.
    pub in_charge: bool,
    /// Whether its file is kept, so that it can be gone back to.
    pub kept: bool,
    /// How it went.
    pub proof: Proof,
}
