//! What a process holds of the kernel's BPF objects, by its descriptors.
#![expect(
    unsafe_code,
    reason = "calls of libbpf that tell whether an object is there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

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

/// Which of these programs, maps and links the kernel still has, whoever holds them.
#[must_use]
pub fn still_there(objects: &Objects) -> Objects {
    let descriptor = |kind: &str, id: u32| {
        let found = match kind {
            // SAFETY: takes an integer.
            "prog_id" => unsafe { libbpf_sys::bpf_prog_get_fd_by_id(id) },
            // SAFETY: as above.
            "map_id" => unsafe { libbpf_sys::bpf_map_get_fd_by_id(id) },
            // SAFETY: as above.
            _ => unsafe { libbpf_sys::bpf_link_get_fd_by_id(id) },
        };
        // SAFETY: a descriptor that is not negative was just given to us alone.
        (found >= 0).then(|| unsafe { OwnedFd::from_raw_fd(found) })
    };
    let there =
        |(kind, id): &&(&str, u64)| descriptor(kind, u32::try_from(*id).unwrap_or(0)).is_some();
    objects.iter().filter(there).copied().collect()
}
