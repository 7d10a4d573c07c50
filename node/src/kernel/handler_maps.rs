//! The maps of a generation as its handler reaches them: those that it was given a right to. Used by
//! the handler's host functions, on the reader's thread.
//! Must never give a handler a map that its payload does not name for it.

use std::collections::BTreeMap;
use std::io;

use handler::maps::{MapError, Maps, Shape};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::entries::next_key;
use super::load::Loaded;

/// Bytes that one scan gives at most.
const SCAN_BYTES_MAX: usize = 1 << 20;

/// The maps of a handler, by name.
pub(crate) struct HandlerMaps(BTreeMap<String, Open>);

struct Open {
    handle: MapHandle,
    shape: Shape,
    /// Each CPU has its own value.
    per_cpu: bool,
}

impl HandlerMaps {
    /// Opens these maps of a generation.
    ///
    /// # Errors
    /// One is not there, or no descriptor is left.
    pub(crate) fn open<'a>(
        loaded: &Loaded,
        names: impl Iterator<Item = &'a String>,
    ) -> io::Result<Self> {
        let cpus = libbpf_rs::num_possible_cpus().map_err(io::Error::other)?;
        let cpus = u32::try_from(cpus).map_err(io::Error::other)?;
        let open = |name: &String| {
            let handle = loaded.map(name)?;
            let per_cpu = handle.map_type().is_percpu();
            let value_bytes = if per_cpu {
                handle.value_size().next_multiple_of(8).saturating_mul(cpus)
            } else {
                handle.value_size()
            };
            let shape = Shape {
                key_bytes: handle.key_size(),
                value_bytes,
            };
            let open = Open {
                handle,
                shape,
                per_cpu,
            };
            Ok((name.clone(), open))
        };
        names.map(open).collect::<io::Result<_>>().map(Self)
    }

    fn of(&self, map: &str) -> Result<&Open, MapError> {
        self.0
            .get(map)
            .ok_or_else(|| MapError::Absent(map.to_owned()))
    }
}

impl Open {
    fn value(&self, key: &[u8]) -> libbpf_rs::Result<Option<Vec<u8>>> {
        if !self.per_cpu {
            return self.handle.lookup(key, MapFlags::ANY);
        }
        let values = self.handle.lookup_percpu(key, MapFlags::ANY)?;
        Ok(values.map(|values| values.concat()))
    }
}

fn failed(map: &str) -> impl Fn(libbpf_rs::Error) -> MapError + '_ {
    move |error| {
        let full = [libc::E2BIG, libc::ENOSPC].map(io::Error::from_raw_os_error);
        if full.iter().any(|full| full.kind() == io_kind(&error)) {
            return MapError::Full(map.to_owned());
        }
        MapError::Kernel {
            map: map.to_owned(),
            reason: error.to_string(),
        }
    }
}

fn io_kind(error: &libbpf_rs::Error) -> io::ErrorKind {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind();
        }
        source = error.source();
    }
    io::ErrorKind::Other
}

impl Maps for HandlerMaps {
    fn shape(&self, map: &str) -> Result<Shape, MapError> {
        Ok(self.of(map)?.shape)
    }

    fn lookup(&self, map: &str, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        self.of(map)?.value(key).map_err(failed(map))
    }

    fn update(&self, map: &str, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        let open = self.of(map)?;
        if !open.per_cpu {
            let updated = open.handle.update(key, value, MapFlags::ANY);
            return updated.map_err(failed(map));
        }
        let step = usize::try_from(open.handle.value_size().next_multiple_of(8)).unwrap_or(8);
        let values: Vec<Vec<u8>> = value.chunks(step).map(<[u8]>::to_vec).collect();
        let updated = open.handle.update_percpu(key, &values, MapFlags::ANY);
        updated.map_err(failed(map))
    }

    fn delete(&self, map: &str, key: &[u8]) -> Result<bool, MapError> {
        match self.of(map)?.handle.delete(key) {
            Ok(()) => Ok(true),
            Err(error) if io_kind(&error) == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(map)(error)),
        }
    }

    fn scan(&self, map: &str, after: Option<&[u8]>, entries_max: u32) -> Result<Vec<u8>, MapError> {
        let open = self.of(map)?;
        let entries_max = usize::try_from(entries_max).unwrap_or(usize::MAX);
        let mut scanned = Vec::new();
        let next = |key: Option<&[u8]>| {
            next_key(&open.handle, key).map_err(|error| MapError::Kernel {
                map: map.to_owned(),
                reason: error.to_string(),
            })
        };
        let mut key = next(after)?;
        for _ in 0..entries_max {
            let Some(found) = key else { break };
            // One that was deleted meanwhile has no value.
            if let Some(value) = open.value(&found).map_err(failed(map))? {
                scanned.extend_from_slice(&found);
                scanned.extend_from_slice(&value);
            }
            if scanned.len() > SCAN_BYTES_MAX {
                break;
            }
            key = next(Some(&found))?;
        }
        Ok(scanned)
    }
}
