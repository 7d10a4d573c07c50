//! What the node's local API says, as types. Written by `node`, read by its own CLI,
//! by `packer push` and by tests. Sizes in bytes, times in the unit of the field's name.

use serde::{Deserialize, Serialize};

mod following;
mod handler;
mod maps;
mod migrated;
mod proof;
mod settings;
mod steps;

pub use following::{Followed, Following, HeldFloor, Standing, Step, Trouble};
pub use handler::{Handler, HandlerStand};
pub use maps::{Entry, Histogram, Map, MapContent, Maps, Order, RingPositions, Scale};
pub use migrated::Migrated;
pub use proof::{
    GenerationId, HandlerProof, HookProof, MapProof, Proof, RingProof, RolledBack, Steps, Way,
};
pub use settings::Settings;
pub use steps::{
    BAKE_DEFAULT_MS, BAKE_MAX_MS, Flipped, History, HistoryEntry, Staged, Timing, Watch,
};

/// The answer to `GET /api/v1/instances`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instances {
    /// Every instance, by id.
    pub instances: Vec<Instance>,
}

/// The answer to `GET /api/v1/instances/{name}/proofs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proofs {
    /// The reports that the node kept, oldest first.
    pub proofs: Vec<Proof>,
}

/// The answer to `GET /healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The node's version.
    pub version: String,
    /// How many instances it has.
    pub instances: usize,
}

/// The data of a `lost` mark in an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// How many events the reader was too slow for.
    pub lost: u64,
}

/// An instance as `GET /api/v1/instances` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Stable for the life of the instance; both legacy protocols speak of it.
    pub id: u64,
    /// The name it runs under.
    pub name: String,
    /// `namespace/name` of the payload; `local/<name>` for legacy input.
    pub payload: String,
    /// The payload's version, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `sha256:<hex>` of the file that was loaded.
    pub digest: String,
    /// Counts from 1; a hot update adds one.
    pub generation: u64,
    /// What it is doing.
    pub state: InstanceState,
    /// The watch over the generation in charge, as long as the one before it is still loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// What is loaded and verified beside it and waits for its flip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<Staged>,
    /// Why the generation in charge was gone back to, where the node did that by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<String>,
    /// Whether keys vouched for the payload, or a local door let it in.
    pub trust: Trust,
    /// The keys that vouched for it, `sha256:<hex>` each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// Who started it, and may stop it.
    #[serde(default)]
    pub owner: Owner,
    /// Every hook and the way its program is replaced.
    pub hooks: Vec<Hook>,
    /// Every ring and perf buffer of the running generation.
    pub buffers: Vec<Buffer>,
    /// The handler of the generation in charge, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Handler>,
    /// Sums over all generations.
    pub counts: Counts,
    /// When the instance was started, milliseconds since 1970.
    pub started_ms: u64,
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Its programs run.
    Running,
    /// The gate points at an empty lane: hooks stay attached, no program runs.
    Paused,
}

/// Why a payload was allowed to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Enough trusted keys signed it.
    Signed,
    /// Unsigned, through the door for local root and named users.
    Unsigned,
}

/// Who started an instance. Nobody else changes or stops it; anybody who may speak to the node
/// may pause it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Somebody on this machine.
    #[default]
    Local,
    /// The registry that the node follows.
    Registry {
        /// The deployment that wants it.
        deployment: String,
    },
}

/// One hook of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Name of the program in the newest generation.
    pub program: String,
    /// Such as `tracepoint`, `kprobe`, `xdp`; the README's table has them all.
    pub kind: String,
    /// The target with its options, such as `sched/sched_process_exec` or `eth0,mode=generic`.
    pub target: String,
    /// How the program is replaced: `switch`, `link-update` or `overlap`.
    pub strategy: String,
    /// Why it is not the switch; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_reason: Option<String>,
    /// Whether it sees what happens at its hook.
    #[serde(default)]
    pub state: HookState,
    /// How often the hook fired while its lane was empty and should not have been.
    pub falls_through: u64,
    /// How often it fired while its lane was meant to be empty: before the first flip, and while
    /// the instance was paused.
    #[serde(default)]
    pub excused: u64,
    /// How often the kernel skipped the program because it was running on that CPU already.
    #[serde(default)]
    pub missed: u64,
}

/// Whether a program sees what happens at its hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookState {
    /// It does.
    #[default]
    Attached,
    /// It is paused, and no switch keeps its place.
    Detached,
    /// What it was attached to has gone away: an interface, a cgroup, a process. Where that comes
    /// back, so does the hook.
    Gone,
}

/// A ring or perf buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffer {
    /// Name of the map.
    pub map: String,
    /// `ringbuf` or `perf_event_array`.
    pub kind: String,
    /// Bytes it holds (a perf buffer: bytes a CPU).
    pub size_bytes: u64,
    /// The struct its records carry; absent when records are shown as raw bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// Where every event went: `accepted = decoded + malformed + handled + skipped`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Records the kernel handed over.
    pub accepted: u64,
    /// Records turned into an output.
    pub decoded: u64,
    /// Records too short for their struct.
    pub malformed: u64,
    /// Records that a handler took.
    #[serde(default)]
    pub handled: u64,
    /// Records that a handler failed on, and was not given again.
    #[serde(default)]
    pub skipped: u64,
    /// Outputs that handlers put out.
    #[serde(default)]
    pub emitted: u64,
    /// Records a full ring or perf buffer refused.
    pub kernel_lost: Measured,
    /// What became of the outputs, a sink each.
    pub sinks: Vec<SinkCounts>,
}

/// What became of the outputs at one sink: every output that was decoded or emitted is
/// `delivered + lost_in_queue + lost_in_sink`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SinkCounts {
    /// `window`, `stdout` or `file`.
    pub sink: String,
    /// Outputs it took.
    pub delivered: u64,
    /// Outputs dropped from its full queue.
    pub lost_in_queue: u64,
    /// Outputs it failed to take.
    pub lost_in_sink: u64,
}

/// A count that may be beyond knowing: a number where it was counted, never a false 0 elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measured {
    /// Nobody counted.
    #[default]
    Unknown,
    /// What was counted, or is certain by construction.
    Known(u64),
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Measured {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        let count = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0u64));
        let word = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["unknown"]));
        OneOfBuilder::new().item(count).item(word).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Measured {}

impl Serialize for Measured {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_str("unknown"),
            Self::Known(count) => serializer.serialize_u64(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Count(u64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Count(count) => Ok(Self::Known(count)),
            Either::Word(word) if word == "unknown" => Ok(Self::Unknown),
            Either::Word(word) => Err(serde::de::Error::custom(format!(
                "a count is a number or \"unknown\", not {word:?}"
            ))),
        }
    }
}

/// What a start or a hot update did: the answer to `PUT /api/v1/instances/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The instance as it is now.
    pub instance: Instance,
    /// How it came to be.
    pub proof: Proof,
}
