//! What a process holds of the kernel's BPF objects, by its descriptors.
#![expect(
    unsafe_code,
    reason = "calls of libbpf that tell whether an object is there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Programs, maps and links by kind (`prog_id`, `map_id`, `link_id`) and id.
pub type Objects = BTreeSet<(&'static str, u64)>;

const KINDS: [&str; 3] = ["prog_id", "map_id", "link_id"];

/// What `pid` holds now.
///
/// # Errors
/// When there is no such process.
pub fn objects(pid: u32) -> io::Result<Objects> {
    let mut objects = Objects::new();
    for told in descriptors(pid)? {
        for kind in KINDS {
            objects.extend(told.get(kind).map(|id| (kind, *id)));
        }
    }
    Ok(objects)
}

/// The numbers that the kernel tells of each descriptor of `pid`, by their names in
/// `/proc/PID/fdinfo`.
///
/// # Errors
/// When there is no such process.
pub fn descriptors(pid: u32) -> io::Result<Vec<BTreeMap<String, u64>>> {
    let mut descriptors = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may be closed between the listing and the look.
        let text = std::fs::read_to_string(entry?.path()).unwrap_or_default();
        let numbers = text.lines().filter_map(|line| {
            let (name, number) = line.split_once(':')?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        });
        descriptors.push(numbers.collect());
    }
    Ok(descriptors)
}

/// Which of these programs, maps and links the kernel still has, whoever holds them. Asked by number and
/// not by a descriptor: a descriptor of a program array that is just being emptied keeps it for ever
/// (`prog_array_map_clear` of `kernel/bpf/arraymap.c` counts itself twice then).
#[must_use]
pub fn still_there(objects: &Objects) -> Objects {
    let exists = |kind: &str, id: u32| {
        let mut next = 0;
        let (before, next_at) = (id - 1, &raw mut next);
        let found = match kind {
            // SAFETY: `next` lives over the call.
            "prog_id" => unsafe { libbpf_sys::bpf_prog_get_next_id(before, next_at) },
            // SAFETY: as above.
            "map_id" => unsafe { libbpf_sys::bpf_map_get_next_id(before, next_at) },
            // SAFETY: as above.
            _ => unsafe { libbpf_sys::bpf_link_get_next_id(before, next_at) },
        };
        found >= 0 && next == id
    };
    let there = |(kind, id): &&(&str, u64)| u32::try_from(*id).is_ok_and(|id| exists(kind, id));
    objects.iter().filter(there).copied().collect()
}
