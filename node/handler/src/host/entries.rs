//! A guest's way to the maps of its own object. Called by the host functions.
//! Must never pass on a key or value of another size than the map's.

use super::{Host, Refusal};
use crate::effects::{Effects, Level};
use crate::grant::Access;
use crate::maps::{MapError, Shape};

/// Bytes that one scan gives.
const SCAN_BYTES_MAX: u32 = 64 << 10;
/// Names of maps without a right to them that are told in a call.
const DENIED_MAX: usize = 16;
/// Bytes of such a name.
const DENIED_BYTES_MAX: usize = 64;

/// The maps that a guest has opened, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Opened>);

/// What of an entry is given.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

#[derive(Debug)]
struct Opened {
    name: String,
    access: Access,
    shape: Shape,
}

impl Host {
    /// The number of a map.
    pub(crate) fn map_open(&mut self, name: &str) -> Result<u32, Refusal> {
        let Some(&access) = self.grant.maps.get(name) else {
            deny(&mut self.effects, name);
            return Err(Refusal::Denied);
        };
        if let Some(at) = self.entries.0.iter().position(|map| map.name == name) {
            return u32::try_from(at).map_err(|_| Refusal::Full);
        }
        let found = self.world.maps.shape(name);
        let shape = found.map_err(|error| self.refusal(&error))?;
        let number = u32::try_from(self.entries.0.len()).map_err(|_| Refusal::Full)?;
        self.entries.0.push(Opened {
            name: name.to_owned(),
            access,
            shape,
        });
        Ok(number)
    }

    /// The value of a key.
    pub(crate) fn map_lookup(&mut self, map: u32, key: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let opened = self.entries.opened(
            &mut self.effects,
            map,
            Access::Read,
            Parts {
                key: Some(key),
                value: None,
            },
        )?;
        let found = self.world.maps.lookup(&opened.name, key);
        found.map_err(|error| self.refusal(&error))
    }

    /// Sets the value of a key.
    pub(crate) fn map_update(&mut self, map: u32, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let opened = self.entries.opened(
            &mut self.effects,
            map,
            Access::Write,
            Parts {
                key: Some(key),
                value: Some(value),
            },
        )?;
        if self.is_suppressed {
            return Ok(());
        }
        let done = self.world.maps.update(&opened.name, key, value);
        done.map_err(|error| self.refusal(&error))
    }

    /// Removes a key; whether it was there. A guest that is shown again what it has handled already
    /// has removed it then.
    pub(crate) fn map_delete(&mut self, map: u32, key: &[u8]) -> Result<bool, Refusal> {
        let opened = self.entries.opened(
            &mut self.effects,
            map,
            Access::Write,
            Parts {
                key: Some(key),
                value: None,
            },
        )?;
        if self.is_suppressed {
            return Ok(true);
        }
        let done = self.world.maps.delete(&opened.name, key);
        done.map_err(|error| self.refusal(&error))
    }

    /// Entries behind a key.
    pub(crate) fn map_scan(
        &mut self,
        map: u32,
        after: Option<&[u8]>,
        entries_max: u32,
    ) -> Result<Vec<u8>, Refusal> {
        let opened = self.entries.opened(
            &mut self.effects,
            map,
            Access::Read,
            Parts {
                key: after,
                value: None,
            },
        )?;
        if entries_max == 0 {
            return Err(Refusal::Invalid);
        }
        let Shape {
            key_bytes,
            value_bytes,
        } = opened.shape;
        let entry_bytes = key_bytes.saturating_add(value_bytes).max(1);
        let entries_max = entries_max.min((SCAN_BYTES_MAX / entry_bytes).max(1));
        let found = self.world.maps.scan(&opened.name, after, entries_max);
        found.map_err(|error| self.refusal(&error))
    }

    /// What the guest is told; what the kernel said goes to the log.
    fn refusal(&mut self, error: &MapError) -> Refusal {
        match error {
            MapError::Absent(_) => Refusal::Absent,
            MapError::Full(_) => Refusal::Full,
            MapError::Kernel { .. } => {
                if self.takes_line() {
                    self.log(Level::Warn, &error.to_string());
                }
                Refusal::Failed
            }
        }
    }
}

impl Entries {
    /// An opened map, if this may be done with it, and key and value are of its sizes.
    fn opened(
        &self,
        effects: &mut Effects,
        map: u32,
        access: Access,
        parts: Parts<'_>,
    ) -> Result<&Opened, Refusal> {
        let opened = self.0.get(map as usize).ok_or(Refusal::Absent)?;
        if opened.access < access {
            deny(effects, &opened.name);
            return Err(Refusal::Denied);
        }
        let shape = &opened.shape;
        let fits = |part: Option<&[u8]>, bytes: u32| part.is_none_or(|p| p.len() == bytes as usize);
        if !fits(parts.key, shape.key_bytes) || !fits(parts.value, shape.value_bytes) {
            return Err(Refusal::Invalid);
        }
        Ok(opened)
    }
}

/// Remembers a name that there is no right to.
fn deny(effects: &mut Effects, name: &str) {
    let name = &name[..name.floor_char_boundary(DENIED_BYTES_MAX)];
    if effects.denied.len() < DENIED_MAX && !effects.denied.iter().any(|known| known == name) {
        effects.denied.push(name.to_owned());
    }
}
