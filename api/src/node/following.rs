//! How a node stands with the registry it follows, as its local API tells it. See `node`.
//! Must never hold logic, nor a credential.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// The answer to `GET /api/v1/registry`; 404 where the node follows none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Where the registry is.
    pub registry: String,
    /// What the node is called there.
    pub node: String,
    /// Whether it may speak there.
    pub standing: Standing,
    /// When the registry last said what is wanted, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// Whether the doorbell is open: changes are then heard at once.
    pub doorbell: bool,
    /// The last thing that went wrong between node and registry, until it works again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// How many trusted keys the node has.
    pub keys: usize,
    /// What is wrong with the folder of keys; the keys of before are in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_trouble: Option<String>,
    /// What is wanted or runs, by instance.
    pub instances: Vec<Followed>,
    /// What the registry wants loaded and verified beside that, by instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<Followed>,
    /// The floors that the node holds, by payload.
    pub floors: Vec<HeldFloor>,
    /// Outcomes that the registry has not taken yet.
    pub outcomes_waiting: u64,
    /// Outcomes that were dropped because too many waited, over all lives of the node.
    pub outcomes_dropped: u64,
}

/// Whether a node may speak to its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It has neither credential nor token: `node enrol` gives it one.
    Unenrolled,
    /// It is asking for a credential.
    Enrolling,
    /// It has a credential.
    Enrolled,
    /// The registry does not take its credential.
    Denied,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub problem: Problem,
}

/// An instance that the registry wants or wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Its name.
    pub instance: String,
    /// The deployment that wants it.
    pub deployment: String,
    /// `namespace/name` of the payload.
    pub payload: String,
    /// The version that is wanted; of what is being stopped the one that runs.
    pub version: String,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// How far it is.
    pub step: Step,
    /// Why it waits or is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How far an instance is that a registry wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Its turn comes.
    Queued,
    /// Its file is on the way.
    Fetching,
    /// It is being checked and loaded.
    Loading,
    /// It is loaded and verified, and does not run.
    Staged,
    /// It runs.
    Running,
    /// It failed and is tried again.
    Waiting,
    /// It is refused until something changes; what ran before goes on.
    Refused,
    /// It is being stopped, or let go of.
    Stopping,
}

/// A floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFloor {
    /// `namespace/name` of the payload.
    pub payload: String,
    /// The oldest version that may run.
    pub minimum_version: String,
    /// Counts up with each floor of the payload.
    pub serial: u64,
}
