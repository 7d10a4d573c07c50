//! The maps of an object in memory, for a handler under test. Must never need a kernel.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use handler::maps::{MapError, Maps, Shape};
use payload::manifest::Manifest;

/// Maps by name, empty at first.
pub(super) struct MemoryMaps(Mutex<BTreeMap<String, InMemory>>);

struct InMemory {
    shape: Shape,
    entries_max: u32,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryMaps {
    /// The maps that a manifest lists. One whose values are each CPU's has one CPU here.
    pub(super) fn of(manifest: &Manifest) -> Self {
        let maps = manifest.maps.iter().map(|map| {
            let shape = Shape {
                key_bytes: map.key_size,
                value_bytes: map.value_size,
            };
            let entries_max = map.max_entries;
            let entries = BTreeMap::new();
            (
                map.name.clone(),
                InMemory {
                    shape,
                    entries_max,
                    entries,
                },
            )
        });
        Self(Mutex::new(maps.collect()))
    }

    fn with<T>(
        &self,
        map: &str,
        act: impl FnOnce(&mut InMemory) -> Result<T, MapError>,
    ) -> Result<T, MapError> {
        let mut maps: MutexGuard<'_, _> = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = maps.get_mut(map);
        act(found.ok_or_else(|| MapError::Absent(map.to_owned()))?)
    }
}

impl Maps for MemoryMaps {
    fn shape(&self, map: &str) -> Result<Shape, MapError> {
        self.with(map, |found| Ok(found.shape))
    }

    fn lookup(&self, map: &str, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        self.with(map, |found| Ok(found.entries.get(key).cloned()))
    }

    fn update(&self, map: &str, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        self.with(map, |found| {
            let full = found.entries.len() >= found.entries_max as usize;
            if full && !found.entries.contains_key(key) {
                return Err(MapError::Full(map.to_owned()));
            }
            found.entries.insert(key.to_vec(), value.to_vec());
            Ok(())
        })
    }

    fn delete(&self, map: &str, key: &[u8]) -> Result<bool, MapError> {
        self.with(map, |found| Ok(found.entries.remove(key).is_some()))
    }

    fn scan(&self, map: &str, after: Option<&[u8]>, entries_max: u32) -> Result<Vec<u8>, MapError> {
        self.with(map, |found| {
            let behind = |key: &[u8]| after.is_none_or(|after| key > after);
            let entries = found.entries.iter().filter(|(key, _)| behind(key));
            let entries = entries.take(entries_max as usize);
            Ok(entries
                .flat_map(|(key, value)| [key.as_slice(), value.as_slice()].concat())
                .collect())
        })
    }
}
