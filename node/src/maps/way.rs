//! How the content of each kind of map is read, or why it can't be.
//! Used by the other files of `maps`.
//! Must never leave a kind without an answer or a reason.

use payload::object::{Map, MapKind};

/// How a map is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Keys are listed and looked up.
    Entries(Values),
    /// A data section: one value, shown by variable.
    Variables,
    /// Only the next entry can be seen without taking it.
    Peek,
    /// Its positions are mapped.
    Ring,
    /// Its content can't be seen from outside the kernel.
    Closed(&'static str),
}

/// What the values of a map are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// What the object says.
    Typed,
    /// Numbers that the kernel gives for what it holds: name and bytes of each.
    Known(&'static [(&'static str, usize)]),
    /// Addresses of a stack trace.
    Frames,
    /// The state of a kernel operations struct.
    Operations,
}

/// The way for a map.
pub(super) fn way(map: &Map) -> Way {
    if map.section.is_some() && map.kind == MapKind::ARRAY {
        return Way::Variables;
    }
    match map.kind {
        MapKind::HASH
        | MapKind::ARRAY
        | MapKind::PERCPU_HASH
        | MapKind::PERCPU_ARRAY
        | MapKind::LRU_HASH
        | MapKind::LRU_PERCPU_HASH
        | MapKind::LPM_TRIE
        | MapKind::CGROUP_STORAGE
        | MapKind::PERCPU_CGROUP_STORAGE => Way::Entries(Values::Typed),
        MapKind::STACK_TRACE => Way::Entries(Values::Frames),
        MapKind::ARRAY_OF_MAPS | MapKind::HASH_OF_MAPS => {
            Way::Entries(Values::Known(&[("map_id", 4)]))
        }
        MapKind::PROG_ARRAY => Way::Entries(Values::Known(&[("program_id", 4)])),
        MapKind::DEVMAP | MapKind::DEVMAP_HASH => {
            Way::Entries(Values::Known(&[("interface", 4), ("program_id", 4)]))
        }
        MapKind::CPUMAP => Way::Entries(Values::Known(&[("queue_size", 4), ("program_id", 4)])),
        MapKind::SOCKMAP | MapKind::SOCKHASH | MapKind::REUSEPORT_SOCKARRAY => {
            if map.value_size == 8 {
                Way::Entries(Values::Known(&[("cookie", 8)]))
            } else {
                Way::Closed(
                    "the kernel tells its sockets by their cookies, and only where the object \
                     gives it values of 8 bytes",
                )
            }
        }
        MapKind::STRUCT_OPS => Way::Entries(Values::Operations),
        MapKind::INSN_ARRAY => Way::Entries(Values::Known(&[
            ("written_at", 4),
            ("verified_at", 4),
            ("compiled_at", 4),
        ])),
        MapKind::QUEUE | MapKind::STACK => Way::Peek,
        MapKind::RINGBUF | MapKind::USER_RINGBUF => Way::Ring,
        kind => Way::Closed(closed(kind)),
    }
}

/// Why the content of a kind can't be seen.
fn closed(kind: MapKind) -> &'static str {
    match kind {
        MapKind::PERF_EVENT_ARRAY => {
            "it holds perf events, which the kernel gives to nobody; what they carried is what \
             `node events` shows"
        }
        MapKind::CGROUP_ARRAY => "it holds cgroups, and the kernel does not tell which",
        MapKind::XSKMAP => "it holds AF_XDP sockets, and the kernel does not tell which",
        MapKind::BLOOM_FILTER => {
            "a Bloom filter only answers whether it may hold a value; what was put in is not kept"
        }
        MapKind::SK_STORAGE => {
            "its values hang on sockets: the kernel finds one through its open socket and lists none"
        }
        MapKind::INODE_STORAGE => {
            "its values hang on files: the kernel finds one through its open file and lists none"
        }
        MapKind::TASK_STORAGE => {
            "its values hang on tasks: the kernel finds one through its pidfd and lists none"
        }
        MapKind::CGRP_STORAGE => {
            "its values hang on cgroups: the kernel finds one through its open folder and lists none"
        }
        MapKind::ARENA => "it is plain memory, which nothing describes",
        _ => "this build of the node does not know this kind of map",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(kind: MapKind) -> Map {
        // The smallest object with a map gives one to change.
        let bytes = include_bytes!("../../../payload/tests/fuzz/corpus/maps_timer.bpf.o");
        let object = payload::object::inspect(bytes).unwrap();
        let mut map = object.maps.first().unwrap().clone();
        map.kind = kind;
        map.section = None;
        map
    }

    #[test]
    fn every_kind_has_an_answer_or_a_reason_of_its_own() {
        let unknown = closed(MapKind(99));
        for (kind, name) in MapKind::ALL {
            if let Way::Closed(reason) = way(&map(*kind)) {
                assert_ne!(reason, unknown, "{name}");
            }
        }
        assert_eq!(way(&map(MapKind(99))), Way::Closed(unknown));
    }

    #[test]
    fn a_data_section_is_shown_by_variable() {
        let mut bss = map(MapKind::ARRAY);
        bss.section = Some(".bss".to_owned());
        assert_eq!(way(&bss), Way::Variables);
        let mut operations = map(MapKind::STRUCT_OPS);
        operations.section = Some(".struct_ops".to_owned());
        assert_eq!(way(&operations), Way::Entries(Values::Operations));
    }

    #[test]
    fn sockets_need_values_with_room_for_their_cookie() {
        let mut sockets = map(MapKind::SOCKMAP);
        sockets.value_size = 4;
        assert!(matches!(way(&sockets), Way::Closed(_)));
        sockets.value_size = 8;
        assert!(matches!(way(&sockets), Way::Entries(_)));
    }
}
