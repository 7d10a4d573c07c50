//! What the old generation did to its entries since they were copied. Used by `join`, when it does
//! no more. Must never write.

use std::collections::HashSet;
use std::io;

use super::{Copied, Migration};

/// What was done to one key.
pub(super) struct Changed {
    pub(super) key: Vec<u8>,
    /// As it was when it was copied.
    pub(super) copied: Copied,
    /// As it is.
    pub(super) last: Vec<Vec<u8>>,
}

/// Everything that was done.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) made: Vec<Changed>,
    pub(super) changed: Vec<Changed>,
    pub(super) deleted: Vec<Vec<u8>>,
    /// Keys that could not be read to their end.
    pub(super) unread: bool,
}

impl Migration {
    pub(super) fn changes(&self) -> io::Result<Changes> {
        let mut changes = Changes::default();
        let mut gone: HashSet<&Vec<u8>> = self.copied.keys().collect();
        let whole = self.source.each(|key, last| {
            let key = key.to_vec();
            gone.remove(&key);
            let known = self.copied.get(&key);
            if known.is_some_and(|copied| copied.source == last) {
                return Ok(true);
            }
            let nothing = || Copied::nothing(&last, &self.base);
            let copied = known.cloned().unwrap_or_else(nothing);
            if known.is_none() && !self.is_array() {
                changes.made.push(Changed { key, copied, last });
            } else if copied.source != last {
                changes.changed.push(Changed { key, copied, last });
            }
            Ok(true)
        })?;
        changes.unread = !whole;
        if whole && !self.forgets() {
            changes.deleted = gone.into_iter().cloned().collect();
        }
        Ok(changes)
    }
}
