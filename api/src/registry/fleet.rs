//! Nodes: what they tell, and what they are told. See `registry`. Must never hold logic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::{Outcome, Refused};
use crate::node::{InstanceState, Measured, Trust};

/// The body of `POST /nodes/enrol`, with an enrolment token as bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// What the node is called: as an instance's name, unique in the registry.
    pub node: String,
    /// What it is.
    pub facts: Facts,
}

/// The answer to `POST /nodes/enrol`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// The node's name.
    pub node: String,
    /// The node's own credential, told this once: the bearer of its later calls.
    pub credential: String,
}

/// What a node tells about itself. A newer node may tell more than an older registry knows, here and
/// in its reports, so unknown fields are let be. Selectors compare `labels`, and `kernel`, `arch` and
/// the node's name, which no label can stand in for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facts {
    /// `uname -r`, such as `6.1.0-18-cloud-amd64`.
    pub kernel: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// Whether the kernel has BTF.
    pub btf: bool,
    /// Name and version of the distribution; empty where none is known.
    #[serde(default)]
    pub os: String,
    /// How many CPUs are online.
    pub cpus: u32,
    /// The node's version.
    pub version: String,
    /// What the operator of the node says of it: at most 64, names of `A-Z a-z 0-9 . _ - /`, values
    /// of any letters but control characters, each of at most 63 bytes; none is called `kernel`,
    /// `arch` or `node`.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    pub labels: BTreeMap<String, String>,
    /// Whether the operator of the node lets those of the fleet view what its instances put out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_events: bool,
}

/// The answer to `GET /nodes/{node}/desired`; its `ETag` is the digest of the body, `"sha256:<hex>"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Desired {
    /// The node that it is for.
    pub node: String,
    /// How often to ask, milliseconds.
    pub poll_ms: u64,
    /// What should run, by instance. What a registry had started and is not here is to stop.
    pub instances: Vec<Wanted>,
    /// What should be loaded and verified beside that and not run yet, by instance: a rollout asks
    /// every node before it changes any. What is not here any more is to be let go of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<Wanted>,
    /// DSSE envelopes of the floors of the payloads above, and of those that would be here if they
    /// gave something, as text; at most as many as instances are allowed.
    pub floors: Vec<String>,
}

/// One instance that a node should run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wanted {
    /// The instance's name.
    pub instance: String,
    /// The deployment that wants it.
    pub deployment: String,
    /// `namespace/name` of the payload.
    pub payload: String,
    /// The version.
    pub version: String,
    /// `sha256:<hex>` of the file: `GET /blobs/{digest}`.
    pub digest: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// The DSSE envelope as text; absent for an unsigned release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// As in the deployment.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Object>))]
    pub globals: BTreeMap<String, serde_json::Value>,
    /// As in the deployment.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    pub targets: BTreeMap<String, String>,
    /// The rollout that brings it; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<ByRollout>,
}

/// How a rollout brings an instance to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ByRollout {
    /// The rollout's number: outcomes name it.
    pub id: u64,
    /// How long the node is to watch it once it runs, milliseconds.
    pub bake_ms: u64,
    /// When it is to take over, by the node's clock, milliseconds since 1970; absent, or past: as
    /// soon as it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip_at_ms: Option<u64>,
}

/// The data of a `ring` event of `GET /nodes/{node}/doorbell`: ask for the desired state, after a
/// time that the node draws from the spread. Comments in between keep the connection alive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ring {
    /// Counts up with every change of what any node should run.
    pub revision: u64,
    /// The nodes that are told spread their calls over this time, milliseconds.
    pub spread_ms: u64,
    /// Instances that somebody views: what they put out is asked for by `POST /nodes/{node}/events`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub viewed: Vec<String>,
}

/// The body of `POST /nodes/{node}/reports`: 204 once all of it is kept. The same batch again
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reports {
    /// What the node is, now.
    pub facts: Facts,
    /// Everything that it runs, now.
    pub instances: Vec<InstanceReport>,
    /// What happened since the batch before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
}

/// An instance as a node reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceReport {
    /// Its name.
    pub instance: String,
    /// `namespace/name` of the payload.
    pub payload: String,
    /// The version, where the payload has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// Counts from 1.
    pub generation: u64,
    /// What it is doing.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: InstanceState,
    /// Whether keys vouched for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trust: Trust,
    /// Whether it runs because the registry wants it; else somebody on the node started it.
    pub managed: bool,
    /// When it was started, milliseconds since 1970.
    pub started_ms: u64,
    /// Its events, over all generations.
    pub counts: InstanceCounts,
    /// Whether the generation in charge is still watched: the one before is there to go back to.
    #[serde(default)]
    pub watched: bool,
    /// What the generation in charge did since it took over.
    #[serde(default)]
    pub since_flip: SinceFlip,
}

/// What one generation did since it took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SinceFlip {
    /// Records the kernel handed over.
    pub accepted: u64,
    /// Records a full ring refused.
    pub kernel_lost: Measured,
    /// How often its handler failed.
    pub handler_faults: u64,
    /// Runs of its programs that were timed; 0 where none was.
    pub runs: u64,
    /// Time of those, nanoseconds.
    pub run_ns: u64,
}

/// Events of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceCounts {
    /// Records the kernel handed over.
    pub accepted: u64,
    /// Records turned into an output.
    pub decoded: u64,
    /// Records too short for their struct.
    pub malformed: u64,
    /// Records a full ring refused.
    pub kernel_lost: Measured,
}

/// By how much the counts of an instance grew between two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceRate {
    /// The instance.
    pub instance: String,
    /// The time between the reports, milliseconds; at least a second.
    pub over_ms: u64,
    /// Records the kernel handed over in that time.
    pub accepted: u64,
    /// Records a full ring refused in that time.
    pub kernel_lost: Measured,
}

/// How lately a node was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Within three of its poll intervals.
    Online,
    /// Not so, but within a day.
    Stale,
    /// Not for a day.
    Lost,
}

impl Presence {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Online, Self::Stale, Self::Lost];

    /// Its word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Stale => "stale",
            Self::Lost => "lost",
        }
    }
}

/// A node in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    /// Its name.
    pub node: String,
    /// What it told last; `labels` with those of its enrolment.
    pub facts: Facts,
    /// How lately it was heard.
    pub presence: Presence,
    /// When it enrolled, milliseconds since 1970.
    pub enrolled_ms: u64,
    /// When it was last heard, milliseconds since 1970.
    pub seen_ms: u64,
    /// What it said last that it runs.
    pub instances: Vec<InstanceReport>,
    /// Whether that is what it should run.
    pub settled: bool,
    /// What of it the node refused, by instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// The answer to `GET /nodes`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Nodes {
    /// At most `limit` of them.
    pub nodes: Vec<Node>,
    /// How many there are on all pages.
    #[serde(default)]
    pub matches: u64,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `GET /nodes/{node}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeDetail {
    /// The node.
    pub node: Node,
    /// Its latest outcomes, newest first, at most 64.
    pub outcomes: Vec<Outcome>,
    /// How fast its instances count, for those that two reports were seen of since the registry was
    /// started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<InstanceRate>,
}

/// The answer to `GET /nodes/{node}/explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explain {
    /// The node.
    pub node: String,
    /// One for each instance that it runs or should run, by name.
    pub instances: Vec<Explanation>,
}

/// Why a node runs what it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// The instance.
    pub instance: String,
    /// The version that should run, with its deployment; absent where none should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    /// What the node said last that it runs; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<InstanceReport>,
    /// The latest outcome of this instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Outcome>,
    /// Sentences: which deployment and channel lead here, what is in the way, what comes next.
    pub because: Vec<String>,
}
