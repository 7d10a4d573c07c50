//! What a process holds of the kernel's BPF objects, by its descriptors.

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
