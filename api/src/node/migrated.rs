//! How the entries of a map came into another layout. Written by `node` into proofs.

use serde::{Deserialize, Serialize};

/// What became of the entries of a map that was migrated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Migrated {
    /// Entries that came to the new generation.
    pub entries: u64,
    /// Keys that both generations wrote, or one wrote and the other deleted, between copy and flip
    /// and that `merge` does not join exactly: one of the two writes is gone.
    pub conflicts: u64,
    /// Entries that the old generation made after the copy and that found no room.
    pub lost: u64,
    /// `none`, `add` or `replace`.
    pub merge: String,
    /// Fields that the new layout lacks, and variables that can't go on, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// Variables that begin with a value that the new object or a deployment gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renewed: Vec<String>,
    /// Fields that the old layout lacked; they begin as zero, variables with their initial value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Time of the copy, beside the running generation.
    pub copy_us: u64,
    /// Time of joining behind the flip what the old generation wrote since.
    pub join_us: u64,
}
