//! Keys and values out of maps, and what the kernel tells of a map. Used by `maps`.
//! Must never write to a map, take from a queue, or go on for ever because programs delete and add
//! keys meanwhile.
#![expect(
    unsafe_code,
    reason = "libbpf-rs takes any error of a step for the end"
)]

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle};
use payload::object::Map;

use super::load::Loaded;
use super::ring::Ring;

/// Entries of one map that are read at once.
pub(crate) const ENTRIES_READ_MAX: usize = 1 << 16;
/// Bytes of keys and values that are read at once, those of all CPUs counted.
pub(crate) const BYTES_READ_MAX: usize = 16 << 20;
/// Steps from key to key. A key that is deleted under the reader sends it back to the first one, so
/// there can be more steps than entries.
const STEPS_MAX: usize = 4 * ENTRIES_READ_MAX;

/// One entry.
pub(crate) struct Read {
    /// Empty in queues and stacks.
    pub(crate) key: Vec<u8>,
    /// One value, or one a possible CPU.
    pub(crate) values: Vec<Vec<u8>>,
}

/// What was read of a map.
#[derive(Default)]
pub(crate) struct Reads {
    /// Each key at most once.
    pub(crate) entries: Vec<Read>,
    /// Whether a bound ended it before the map did.
    pub(crate) truncated: bool,
}

/// What the kernel tells of a map.
pub(crate) struct Facts {
    /// Its number, as `bpftool` shows it.
    pub(crate) id: u32,
    /// Memory that is accounted for it, bytes, where the kernel tells.
    pub(crate) memory_bytes: Option<u64>,
}

/// A map of a generation, open for one question.
pub(crate) struct OpenMap(MapHandle);

impl OpenMap {
    /// Opens the map that was made of an inspected one.
    ///
    /// # Errors
    /// Where libbpf made none, or no descriptor is left.
    pub(crate) fn of(loaded: &Loaded, map: &Map) -> io::Result<Self> {
        loaded.map_of(map).map(Self)
    }

    /// Size of a value, which of some kinds only the kernel knows.
    pub(crate) fn value_bytes(&self) -> u32 {
        self.0.value_size()
    }

    /// Most entries it holds, which libbpf decides where the object says none.
    pub(crate) fn entries_max(&self) -> u32 {
        self.0.max_entries()
    }

    /// What the kernel tells of it.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn facts(&self) -> io::Result<Facts> {
        let known = self.0.info().map_err(io::Error::other)?;
        let memory_bytes = self.0.query_fdinfo().ok().and_then(|fd| fd.memlock);
        Ok(Facts {
            id: known.info.id,
            memory_bytes,
        })
    }

    /// Reads a map whose keys can be listed, up to the bounds.
    ///
    /// # Errors
    /// What the kernel says to a step or a look-up.
    pub(crate) fn read(&self) -> io::Result<Reads> {
        read(&self.0)
    }

    /// Counts keys up to `count_max`; the second is whether that was all.
    ///
    /// # Errors
    /// What the kernel says to a step.
    pub(crate) fn count(&self, count_max: u64) -> io::Result<(u64, bool)> {
        count(&self.0, count_max)
    }

    /// The entry that would be taken next of a queue or a stack, which stays there.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn peek(&self) -> io::Result<Reads> {
        let value = self
            .0
            .lookup(&[], MapFlags::ANY)
            .map_err(io::Error::other)?;
        let entry = value.map(|value| Read {
            key: Vec::new(),
            values: vec![value],
        });
        Ok(Reads {
            entries: entry.into_iter().collect(),
            truncated: false,
        })
    }

    /// Where a ring's consumer and producer are, in bytes since it was made.
    ///
    /// # Errors
    /// Where it can't be mapped.
    pub(crate) fn positions(&self) -> io::Result<(u64, u64)> {
        Ring::positions(&self.0)
    }
}

fn read(map: &MapHandle) -> io::Result<Reads> {
    let per_cpu = map.map_type().is_percpu();
    let mut reads = Reads::default();
    let mut left = BYTES_READ_MAX;
    let each_bytes = entry_bytes(map)?;
    let whole = walk(map, STEPS_MAX, |key| {
        let (true, Some(rest)) = (
            reads.entries.len() < ENTRIES_READ_MAX,
            left.checked_sub(each_bytes),
        ) else {
            return Ok(false);
        };
        left = rest;
        let values = if per_cpu {
            map.lookup_percpu(key, MapFlags::ANY)
                .map_err(io::Error::other)?
        } else {
            let value = map.lookup(key, MapFlags::ANY).map_err(io::Error::other)?;
            value.map(|value| vec![value])
        };
        // Deleted meanwhile, or a place in an array of descriptors that holds none.
        if let Some(values) = values {
            reads.entries.push(Read {
                key: key.to_vec(),
                values,
            });
        }
        Ok(true)
    })?;
    reads.truncated = !whole;
    Ok(reads)
}

/// Bytes of one key and its values.
fn entry_bytes(map: &MapHandle) -> io::Result<usize> {
    let cpus = if map.map_type().is_percpu() {
        libbpf_rs::num_possible_cpus().map_err(io::Error::other)?
    } else {
        1
    };
    let size = |bytes: u32| usize::try_from(bytes).map_err(io::Error::other);
    let value_bytes = size(map.value_size())?.next_multiple_of(8);
    Ok(size(map.key_size())?.saturating_add(value_bytes.saturating_mul(cpus)))
}

fn count(map: &MapHandle, count_max: u64) -> io::Result<(u64, bool)> {
    let mut count = 0;
    let steps = usize::try_from(count_max).unwrap_or(usize::MAX);
    let whole = walk(map, steps.saturating_mul(2), |_| {
        let room = count < count_max;
        count += u64::from(room);
        Ok(room)
    })?;
    Ok((count, whole))
}

/// Shows each key once until `each` says false; whether the map came to its end.
pub(super) fn walk(
    map: &MapHandle,
    steps_max: usize,
    mut each: impl FnMut(&[u8]) -> io::Result<bool>,
) -> io::Result<bool> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut key: Option<Vec<u8>> = None;
    for _ in 0..steps_max {
        let Some(next) = next_key(map, key.as_deref())? else {
            return Ok(true);
        };
        if !seen.contains(&next) {
            if !each(&next)? {
                return Ok(false);
            }
            seen.insert(next.clone());
        }
        key = Some(next);
    }
    // The last step may have come to the last key.
    Ok(next_key(map, key.as_deref())?.is_none())
}

/// The key behind `key`, or the first one; none behind the last.
///
/// # Errors
/// What the kernel says, or a key of another size.
pub(super) fn next_key(map: &MapHandle, key: Option<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    let bytes = usize::try_from(map.key_size()).map_err(io::Error::other)?;
    if let Some(key) = key.filter(|key| key.len() != bytes) {
        let found = key.len();
        return Err(io::Error::other(format!(
            "the key has {found} bytes, those of the map have {bytes}"
        )));
    }
    let mut next = vec![0_u8; bytes];
    let key = key.map_or(std::ptr::null(), <[u8]>::as_ptr);
    // SAFETY: `next` has the room of one key of this map, and so has `key` where it is not null.
    let result = unsafe {
        libbpf_sys::bpf_map_get_next_key(
            map.as_fd().as_raw_fd(),
            key.cast(),
            next.as_mut_ptr().cast(),
        )
    };
    if result == 0 {
        return Ok(Some(next));
    }
    let error = io::Error::from_raw_os_error(-result);
    if error.kind() == io::ErrorKind::NotFound {
        Ok(None)
    } else {
        Err(error)
    }
}
