//! A handler as a node shows it. Part of `node`'s API.
//! Must never hold logic.

use serde::{Deserialize, Serialize};

/// The handler of the generation in charge, and what became of what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handler {
    /// `core` or `component`.
    pub lane: String,
    /// What it is doing.
    pub stand: HandlerStand,
    /// Calls of it that failed.
    pub faults: u64,
    /// Why the last one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Records that made it fail whenever it was given them, and that it is not given any more.
    pub skipped: u64,
    /// Outputs that it put out.
    pub emitted: u64,
    /// Outputs of it that were refused: more than its limit of a second, or no JSON object.
    pub emits_refused: u64,
    /// Times that it asked for more memory than it may have.
    #[serde(default)]
    pub growths_refused: u64,
    /// Lines for the log beyond its limit of a second.
    pub log_dropped: u64,
    /// Bytes of its state at the last checkpoint.
    pub state_bytes: u64,
}

/// What a handler is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandlerStand {
    /// It handles events.
    #[default]
    Works,
    /// It has just taken over: what it puts out is held back until it has proved itself.
    Probation,
    /// It failed too often: events are decoded plainly until it is tried again.
    Rests,
    /// It failed again after the longest rest: events are decoded plainly.
    Quarantined,
}
