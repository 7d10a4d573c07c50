//! Maps whose entries go from one generation to another: read, written and deleted by key. Used by
//! the engine while it migrates. Must never write to a map of the generation in charge but through
//! `join`, nor read for ever because programs delete and add keys meanwhile.

use std::io;

use libbpf_rs::{ErrorKind, MapCore, MapFlags, MapHandle};
use payload::object::Map;

use super::entries::walk;
use super::load::Loaded;

/// Steps from key to key for each entry a map may hold: keys that are deleted under the reader send
/// it back to the first one.
const STEPS_AN_ENTRY_MAX: usize = 4;

/// A map that entries are taken from or given to.
pub(crate) struct CarriedMap {
    handle: MapHandle,
    per_cpu: bool,
}

/// What came of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is there now.
    Yes,
    /// The key was there already, and its value is as it was.
    Exists,
    /// The map is full.
    Full,
}

impl CarriedMap {
    /// The map that was made of an inspected one.
    ///
    /// # Errors
    /// Where libbpf made none, or no descriptor is left.
    pub(crate) fn of(loaded: &Loaded, map: &Map) -> io::Result<Self> {
        let handle = loaded.map_of(map)?;
        let per_cpu = handle.map_type().is_percpu();
        Ok(Self { handle, per_cpu })
    }

    /// A map of no object, for tests; its values are of this many bytes, its keys of four.
    #[cfg(test)]
    pub(crate) fn made(kind: payload::object::MapKind, value_bytes: u32, entries: u32) -> Self {
        let options = libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
            ..Default::default()
        };
        let (kind, name) = (libbpf_rs::MapType::from(kind.0), Some("made"));
        let handle = MapHandle::create(kind, name, 4, value_bytes, entries, &options).unwrap();
        let per_cpu = handle.map_type().is_percpu();
        Self { handle, per_cpu }
    }

    /// The map for whoever joins into it.
    pub(super) fn handle(&self) -> &MapHandle {
        &self.handle
    }

    /// Whether each possible CPU has a value of its own.
    pub(crate) fn is_per_cpu(&self) -> bool {
        self.per_cpu
    }

    /// Bytes of a value.
    pub(crate) fn value_bytes(&self) -> usize {
        usize::try_from(self.handle.value_size()).unwrap_or(usize::MAX)
    }

    /// Bytes of a key.
    pub(crate) fn key_bytes(&self) -> usize {
        usize::try_from(self.handle.key_size()).unwrap_or(usize::MAX)
    }

    /// Values a key: 1, or one a possible CPU.
    ///
    /// # Errors
    /// Where the kernel does not tell how many CPUs there may be.
    pub(crate) fn values_a_key(&self) -> io::Result<usize> {
        if self.per_cpu {
            libbpf_rs::num_possible_cpus().map_err(io::Error::other)
        } else {
            Ok(1)
        }
    }

    /// Shows each key and its values once, until `each` says false or the map is at its end;
    /// whether it came to its end.
    ///
    /// # Errors
    /// What the kernel says to a step or a look-up, and what `each` says.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(&[u8], Vec<Vec<u8>>) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let entries = usize::try_from(self.handle.max_entries()).unwrap_or(usize::MAX);
        let steps_max = entries.saturating_mul(STEPS_AN_ENTRY_MAX);
        walk(&self.handle, steps_max, |key| match self.get(key)? {
            Some(values) => each(key, values),
            // Deleted meanwhile.
            None => Ok(true),
        })
    }

    /// How many keys there are, counted up to `count_max` and one more.
    ///
    /// # Errors
    /// What the kernel says to a step.
    pub(crate) fn count(&self, count_max: usize) -> io::Result<usize> {
        let mut count = 0;
        let steps_max = count_max
            .saturating_add(1)
            .saturating_mul(STEPS_AN_ENTRY_MAX);
        walk(&self.handle, steps_max, |_| {
            count += 1;
            Ok(count <= count_max)
        })?;
        Ok(count)
    }

    /// The values of a key, where it is there.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn get(&self, key: &[u8]) -> io::Result<Option<Vec<Vec<u8>>>> {
        if self.per_cpu {
            let values = self.handle.lookup_percpu(key, MapFlags::ANY);
            return values.map_err(io::Error::other);
        }
        let value = self.handle.lookup(key, MapFlags::ANY);
        Ok(value.map_err(io::Error::other)?.map(|value| vec![value]))
    }

    /// Puts an entry, over what is there.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn put(&self, key: &[u8], values: &[Vec<u8>]) -> io::Result<Inserted> {
        self.write(key, values, MapFlags::ANY)
    }

    /// Puts an entry where its key is not there yet.
    ///
    /// # Errors
    /// What the kernel says, but for a key that is there and a map that is full.
    pub(crate) fn insert(&self, key: &[u8], values: &[Vec<u8>]) -> io::Result<Inserted> {
        self.write(key, values, MapFlags::NO_EXIST)
    }

    fn write(&self, key: &[u8], values: &[Vec<u8>], flags: MapFlags) -> io::Result<Inserted> {
        let written = if self.per_cpu {
            self.handle.update_percpu(key, values, flags)
        } else {
            let value = values.first().map(Vec::as_slice).unwrap_or_default();
            self.handle.update(key, value, flags)
        };
        let Err(error) = written else {
            return Ok(Inserted::Yes);
        };
        match error.kind() {
            ErrorKind::AlreadyExists => Ok(Inserted::Exists),
            ErrorKind::TooBig => Ok(Inserted::Full),
            _ => Err(io::Error::other(error)),
        }
    }

    /// Deletes a key; one that is not there is as good.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn delete(&self, key: &[u8]) -> io::Result<()> {
        match self.handle.delete(key) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io::Error::other(error)),
            _ => Ok(()),
        }
    }
}
