//! The report of a start, an update or a way back, as types. Part of `node`'s API.
//! Must never hold logic.

use serde::{Deserialize, Serialize};

use super::{Measured, Migrated};

/// The report of one start or update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Name of the instance.
    pub instance: String,
    /// The generation that was in charge before; absent for a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<GenerationId>,
    /// The generation that is in charge now.
    pub to: GenerationId,
    /// When the flip was, microseconds since 1970.
    pub at_us: u64,
    /// The time of each step.
    pub steps: Steps,
    /// How each hook was replaced.
    pub hooks: Vec<HookProof>,
    /// How each map came to the new generation.
    pub maps: Vec<MapProof>,
    /// How its handler took over; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<HandlerProof>,
    /// Rings as they were when the reader came to them.
    pub rings: Vec<RingProof>,
    /// Events of the old generation, from its start to the end of its drain.
    pub events_before: u64,
    /// Events of the old generation that were read after the flip.
    pub drained: u64,
    /// Hook runs that met an empty lane since the proof before this one.
    pub falls_through: u64,
    /// Events lost between hook and reader since the proof before this one.
    pub lost: Measured,
    /// Why it is not promised that nothing is lost in a ring: it may be too small for the pause.
    /// Absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Events that both generations saw: 0 by construction behind a switch and where the kernel
    /// swaps a link's program, unknown where two programs overlapped.
    pub duplicated: Measured,
    /// How it was gone back; absent for a start and for an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RolledBack>,
}

/// How an instance went back to a generation of before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// Why.
    pub reason: String,
    /// Whether the node did it by itself, because its watch failed.
    pub automatic: bool,
    /// How the programs came back.
    pub way: Way,
    /// Events that only the generation that was left saw.
    pub only_new: u64,
}

/// How the programs of a generation of before came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// They were still loaded: by a store to the gate.
    Flip,
    /// They were loaded again, from the bytes that the node keeps.
    Reload,
}

/// One loaded version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationId {
    /// Counts from 1.
    pub generation: u64,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// The payload's version, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Times of the steps of an update, microseconds; `flip_ns` nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Steps {
    /// Decoding and inspecting the bytes.
    pub decode_us: u64,
    /// Cutting the kernel's BTF down to what the object needs (0 when it was kept).
    pub cut_us: u64,
    /// libbpf's work: opening, maps, relocations.
    pub open_us: u64,
    /// The kernel's verifier: loading the programs.
    pub verify_us: u64,
    /// Programs into the free lane, switches for new hooks.
    pub arm_us: u64,
    /// The store to the gate.
    pub flip_ns: u64,
    /// Until no program of the old generation could still run.
    pub grace_us: u64,
    /// Reading the old rings to their end.
    pub drain_us: u64,
    /// From the flip to the first record of the new rings.
    pub pause_us: u64,
    /// Detaching what is not used any more, closing the old generation: behind the pause, or at
    /// the end of the watch.
    pub retire_us: u64,
}

/// How one hook was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookProof {
    /// Name of the program in the new generation, or in the old one when `change` is `gone`.
    pub program: String,
    /// The kind of hook.
    pub kind: String,
    /// The target of the hook.
    pub target: String,
    /// `switch`, `link-update` or `overlap`.
    pub strategy: String,
    /// `kept`, `new` or `gone`.
    pub change: String,
}

/// How one map came to the new generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapProof {
    /// Name of the map.
    pub map: String,
    /// `shared`, `migrated`, `fresh`, or `gone` where only the old generation had it; `kept` where a generation
    /// that is gone back to finds it as it had left it.
    pub hand_over: String,
    /// What became of its entries where it was migrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Migrated>,
    /// Why it is not shared although both generations have a map of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a handler took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerProof {
    /// Its state: `carried` from the handler before, `fresh`, `kept` where one that is gone back to goes
    /// on as it had stood, or `failed` where it did not begin and events are decoded plainly.
    pub state: String,
    /// Why it is not carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether programs and maps stayed as they were, and the handler alone was replaced.
    #[serde(default)]
    pub alone: bool,
}

/// A ring of the new generation during the reader's pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingProof {
    /// Name of the map.
    pub map: String,
    /// Bytes it holds.
    pub size_bytes: u64,
    /// The most bytes that waited in it.
    pub high_water_bytes: u64,
    /// What it should have held: the highest rate that was measured before, times the longest
    /// pause that was to be expected. Absent where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_bytes: Option<u64>,
}
