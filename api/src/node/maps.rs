//! What the node says about the maps of an instance, and what is in one.
//! Keys and values are JSON of any form, kept as the text it came as: their fields keep the order
//! of the struct.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The answer to `GET /api/v1/instances/{name}/maps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maps {
    /// Name of the instance.
    pub instance: String,
    /// The generation in charge, whose maps these are.
    pub generation: u64,
    /// Every map, in the order of the object.
    pub maps: Vec<Map>,
}

/// One map of the generation in charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Its name in the source; for a data section the section's name.
    pub name: String,
    /// Its kind as `bpftool` calls it.
    pub kind: String,
    /// The kernel's number of it; absent where the kernel has no such map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Type of a key in C's words, where the object says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Type of a value in C's words, where the object says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_type: Option<String>,
    /// Size of a key.
    pub key_bytes: u32,
    /// Size of a value; with values a CPU, of each.
    pub value_bytes: u32,
    /// Whether there is a value a CPU.
    pub per_cpu: bool,
    /// Most entries it holds; of a ring its bytes, of an arena its pages.
    pub entries_max: u32,
    /// How many entries it has (a data section: variables), where counting is cheap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Whether it has more than `entries`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Memory that the kernel accounts for it, where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// How it came to this generation: `shared` with the one before, `migrated` from it, or `fresh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<String>,
    /// Why its content can't be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// The answer to `GET /api/v1/instances/{name}/maps/{map}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MapContent {
    /// Name of the instance.
    pub instance: String,
    /// The generation in charge.
    pub generation: u64,
    /// The map.
    pub map: Map,
    /// In the order that `order` says, at most as many as were asked for.
    pub entries: Vec<Entry>,
    /// How the entries are sorted.
    pub order: Order,
    /// How many entries were read; those that were not asked for included.
    pub entries_read: u64,
    /// Whether the map has more than was read: a bound of the node ended it.
    pub truncated: bool,
    /// The histogram that the map as a whole is: its keys are the slots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
    /// Where a ring's reader and writer are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring: Option<RingPositions>,
    /// Why keys or values are shown as bytes although the object has types for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecoded: Vec<String>,
}

/// How the entries of an answer are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The highest value first: values are one number, or histograms, which go by their sums.
    Value,
    /// By key.
    Key,
    /// As they stand: variables by their place, a queue's next one.
    Place,
}

/// One entry, or one variable of a data section.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The key, or the variable's name; absent in queues and stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<RawValue>>,
    /// The value; with values a CPU their sum, absent where they are not all numbers or the sum
    /// has no room in its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<RawValue>>,
    /// The value of each possible CPU, by its number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<Box<RawValue>>,
    /// Histograms in the value, over all CPUs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histograms: Vec<Histogram>,
}

/// A histogram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The path of its field in the value; absent if the whole value, or map, is it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// `log2`: slot n counts values from 2^n to 2^(n+1) - 1, slot 0 also 0. `linear`: from n * step.
    pub scale: Scale,
    /// The values that a slot of a linear one stands for; 0 for `log2`.
    #[serde(default)]
    pub step: u64,
    /// The unit of the values, where a name says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The counts by slot; the last one also counts all values above.
    pub slots: Vec<u64>,
}

/// How slots and values of a histogram belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Powers of two.
    Log2,
    /// Equal steps.
    Linear,
}

/// Where a ring's reader and writer are, bytes since the ring was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingPositions {
    /// Bytes that it holds.
    pub size_bytes: u64,
    /// Up to here it was read.
    pub consumer: u64,
    /// Up to here it was written.
    pub producer: u64,
}
