//! The kinds of maps, by the kernel's number.
//! Called by the inspection, the manifest and the node.
//! Must never refuse a number it does not know: the kernel that loads it may.
use serde::{Deserialize, Serialize};

/// `enum bpf_map_type` of `uapi/linux/bpf.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapKind(pub u32);

macro_rules! kinds {
    ($($number:literal $constant:ident $name:literal $doc:literal;)*) => {
        impl MapKind {
            $(#[doc = $doc] pub const $constant: Self = Self($number);)*

            /// Every kind that libbpf 1.7 knows, with its name, by number.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self($number), $name),)*];
        }
    };
}

kinds! {
    1 HASH "hash" "A hash table.";
    2 ARRAY "array" "An array.";
    3 PROG_ARRAY "prog_array" "Programs to tail-call.";
    4 PERF_EVENT_ARRAY "perf_event_array" "Perf buffers, one a CPU, or perf counters.";
    5 PERCPU_HASH "percpu_hash" "A hash table with a value a CPU.";
    6 PERCPU_ARRAY "percpu_array" "An array with a value a CPU.";
    7 STACK_TRACE "stack_trace" "Stack traces by id.";
    8 CGROUP_ARRAY "cgroup_array" "Cgroups.";
    9 LRU_HASH "lru_hash" "A hash table that forgets the least recently used.";
    10 LRU_PERCPU_HASH "lru_percpu_hash" "An LRU hash table with a value a CPU.";
    11 LPM_TRIE "lpm_trie" "Longest prefix match.";
    12 ARRAY_OF_MAPS "array_of_maps" "An array of maps.";
    13 HASH_OF_MAPS "hash_of_maps" "A hash table of maps.";
    14 DEVMAP "devmap" "Devices to redirect to, by index.";
    15 SOCKMAP "sockmap" "Sockets by index.";
    16 CPUMAP "cpumap" "CPUs to redirect to.";
    17 XSKMAP "xskmap" "`AF_XDP` sockets.";
    18 SOCKHASH "sockhash" "Sockets by key.";
    19 CGROUP_STORAGE "cgroup_storage" "Storage of a cgroup's program, deprecated by the kernel.";
    20 REUSEPORT_SOCKARRAY "reuseport_sockarray" "Sockets that share a port.";
    21 PERCPU_CGROUP_STORAGE "percpu_cgroup_storage" "The same with a value a CPU.";
    22 QUEUE "queue" "First in, first out.";
    23 STACK "stack" "Last in, first out.";
    24 SK_STORAGE "sk_storage" "Storage of a socket.";
    25 DEVMAP_HASH "devmap_hash" "Devices to redirect to, by key.";
    26 STRUCT_OPS "struct_ops" "A kernel operations struct.";
    27 RINGBUF "ringbuf" "A ring buffer to user space.";
    28 INODE_STORAGE "inode_storage" "Storage of an inode.";
    29 TASK_STORAGE "task_storage" "Storage of a task.";
    30 BLOOM_FILTER "bloom_filter" "A Bloom filter.";
    31 USER_RINGBUF "user_ringbuf" "A ring buffer from user space.";
    32 CGRP_STORAGE "cgrp_storage" "Storage of a cgroup.";
    33 ARENA "arena" "Memory shared with user space.";
    34 INSN_ARRAY "insn_array" "Addresses of instructions.";
}

impl MapKind {
    /// The kind's name as `bpftool` shows it; none for a number this build does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map(|(_, name)| *name)
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }

    /// Whether programs put records for user space into it.
    #[must_use]
    pub fn carries_events(self) -> bool {
        matches!(self, Self::RINGBUF | Self::PERF_EVENT_ARRAY)
    }

    /// Whether its values are maps.
    #[must_use]
    pub fn holds_maps(self) -> bool {
        matches!(self, Self::ARRAY_OF_MAPS | Self::HASH_OF_MAPS)
    }
}

impl std::fmt::Display for MapKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "map kind {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gap() {
        for (at, (kind, name)) in (1..).zip(MapKind::ALL) {
            assert_eq!(kind.0, at);
            assert_eq!(MapKind::named(name), Some(*kind));
        }
    }

    #[test]
    fn unknown_number_is_shown_as_such() {
        assert_eq!(MapKind(99).to_string(), "map kind 99");
    }
}
