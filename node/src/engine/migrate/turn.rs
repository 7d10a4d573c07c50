//! The way back of a migration: what the new generation wrote since the flip is brought into the old
//! one's map when that is in charge again. Called between `end` and that flip. Must never be begun
//! while the old generation writes.

use std::collections::HashMap;
use std::io;

use payload::object::MapKind;

use super::{BYTES_MAX, Copied, Migration, Terms};
use crate::kernel::join::Joiner;

impl Migration {
    /// The migration from the new map to the old one, as if every entry of the old one had just been
    /// copied. `Migration::join` ends it, when the new generation writes no more.
    ///
    /// # Errors
    /// What the kernel says, and where there is more than is copied or added to.
    pub(super) fn turned(self) -> io::Result<Self> {
        let copied = self.given()?;
        let Terms {
            key, value, merge, ..
        } = self.terms;
        let value = value.reversed(self.source.value_bytes());
        let back = key.reversed(self.source.key_bytes());
        let terms = Terms::new(back, value, merge).map(|terms| terms.one_to_one(key));
        let mut terms = terms.ok_or_else(|| io::Error::other("its values are too large"))?;
        let shape = terms.shape.take();
        let joiner = shape.map(|shape| Joiner::new(&self.source, shape));
        let base = vec![0; self.source.value_bytes()];
        Ok(Self {
            map: self.map,
            joiner: joiner.transpose()?,
            source: self.target,
            target: self.source,
            terms,
            source_kind: self.target_kind,
            target_kind: self.source_kind,
            base,
            copied,
        })
    }

    /// What the old generation's entries became, by the new map's keys.
    fn given(&self) -> io::Result<HashMap<Vec<u8>, Copied>> {
        let mut given = HashMap::new();
        let mut left = BYTES_MAX;
        let whole = self.source.each(|key, target| {
            let source = Copied::targets(&self.terms, &self.base, &target);
            let bytes: usize = source.iter().chain(&target).map(Vec::len).sum();
            let Some(rest) = left.checked_sub(bytes.saturating_add(key.len())) else {
                return Ok(false);
            };
            left = rest;
            let zeroes = target.iter().flatten().all(|byte| *byte == 0);
            if !(zeroes && self.is_array()) {
                given.insert(self.terms.key.convert(key), Copied { source, target });
            }
            Ok(true)
        })?;
        let too_much = || io::Error::other(format!("it has more than {BYTES_MAX} bytes"));
        whole.then_some(given).ok_or_else(too_much)
    }

    /// Whether every key is always there.
    pub(super) fn is_array(&self) -> bool {
        matches!(self.target_kind, MapKind::ARRAY | MapKind::PERCPU_ARRAY)
    }

    /// Whether the map forgets keys that no program deleted.
    pub(super) fn forgets(&self) -> bool {
        let kind = self.source_kind;
        matches!(kind, MapKind::LRU_HASH | MapKind::LRU_PERCPU_HASH)
    }
}
