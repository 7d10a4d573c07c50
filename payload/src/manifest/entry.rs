//! The entries of a manifest's lists. Their meaning is the manifest's; FORMAT.md has the table.
//! Must never hold a judgement: only what the bytes of the object say, or what the author wishes.

use serde::{Deserialize, Serialize};

use super::{Arch, bounded};
use crate::digest::Digest;
use crate::limits::{
    GLOBAL_DEFAULT_BYTES_MAX, IDENTIFIER_BYTES_MAX, LICENSE_BYTES_MAX, TARGET_BYTES_MAX,
    TOOL_BYTES_MAX,
};

/// What built the objects: the same source, clang and BTF give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Version of the compiler, such as `14.0.6`.
    #[serde(deserialize_with = "bounded::text::<_, TOOL_BYTES_MAX>")]
    pub clang: String,
    /// Digest of the kernel BTF that `vmlinux.h` was generated from; absent where none was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::present")]
    pub btf: Option<Digest>,
}

/// One object of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectFile {
    /// What it runs on.
    pub arch: Arch,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size_bytes: u64,
    /// The licence that the BPF code declares to the kernel; absent where it declares none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, LICENSE_BYTES_MAX>")]
    pub license: Option<String>,
}

/// One BPF function that attaches to a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Name of the function.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub name: String,
    /// ELF section it stands in, such as `tp/sched/sched_process_exec`.
    #[serde(deserialize_with = "bounded::text::<_, TARGET_BYTES_MAX>")]
    pub section: String,
    /// Kind of hook, such as `tracepoint`.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub kind: String,
    /// Where it attaches, such as `sched/sched_process_exec`; absent where the section names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, TARGET_BYTES_MAX>")]
    pub target: Option<String>,
    /// Whether it may sleep.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sleepable: bool,
    /// Whether a deployment may attach it elsewhere. The author's wish, not a fact.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target_settable: bool,
}

/// One map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Name of the map's variable.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub name: String,
    /// Kind, in the kernel's word without `BPF_MAP_TYPE_`, such as `ringbuf`.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub kind: String,
    /// Size of a key, bytes.
    pub key_size: u32,
    /// Size of a value, bytes.
    pub value_size: u32,
    /// Most entries it holds (a ring buffer: its size in bytes).
    pub max_entries: u32,
    /// `BPF_F_*` flags of the kernel's `bpf.h`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u32,
    /// BTF type of the key; absent where there is none or it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, IDENTIFIER_BYTES_MAX>")]
    pub key_type: Option<String>,
    /// BTF type of the value; absent where there is none or it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, IDENTIFIER_BYTES_MAX>")]
    pub value_type: Option<String>,
    /// What happens to its content at an update. The author's wish, not a fact.
    #[serde(default, skip_serializing_if = "is_default")]
    pub carry: Carry,
    /// How both generations' writes are joined where entries are migrated. The author's wish.
    #[serde(default, skip_serializing_if = "is_default")]
    pub merge: Merge,
}

/// What happens to a map's content when its payload is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carry {
    /// Shared or migrated where that is possible.
    #[default]
    Auto,
    /// Each generation begins empty.
    Never,
    /// Shared or migrated, else the update is refused.
    Require,
}

/// How entries that both generations wrote during an update become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// The new generation's entry stays.
    #[default]
    None,
    /// What the old generation added after the copy is added.
    Add,
    /// The old generation's last entry replaces the new one.
    Replace,
}

/// One global variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Global {
    /// Name of the variable.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub name: String,
    /// Data section it stands in, such as `.rodata`.
    #[serde(deserialize_with = "bounded::text::<_, TARGET_BYTES_MAX>")]
    pub section: String,
    /// Its type as C writes it; absent in an object without BTF.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
    #[serde(deserialize_with = "bounded::optional_text::<_, TARGET_BYTES_MAX>")]
    pub type_name: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u32,
    /// Its value in the object, as lower-case hexadecimal bytes in memory order; absent for zeros
    /// and for values over `GLOBAL_DEFAULT_BYTES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, { 2 * GLOBAL_DEFAULT_BYTES_MAX }>")]
    pub default: Option<String>,
    /// Whether a deployment may set it. The author's wish, not a fact.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settable: bool,
}

/// The struct that the records of one map are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Name of the ring or perf buffer.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub map: String,
    /// Name of the struct in the object's BTF.
    #[serde(rename = "struct")]
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub struct_name: String,
}

/// Whether a value may be left out of the JSON.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
