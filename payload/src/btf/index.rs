//! Types by name. Built once for each BTF that is asked for a name; a kernel's has 150,000 names.
//! Called by `Btf::by_name` and `Btf::by_essential_name` only, which compare the names themselves.
//! Must never lose a type: a candidate too many is cheap, one too few is a wrong answer.

use super::{Btf, TypeId, usize_of};

/// A hash table over all names, colliding ones chained in ascending order of types.
#[derive(Clone)]
pub(super) struct Index {
    /// The first type of each chain, 0 for none. A power of two long.
    heads: Vec<u32>,
    /// For each type from 1 the next one of its chain, 0 for none.
    next: Vec<u32>,
}

impl Index {
    pub(super) fn new(btf: &Btf) -> Index {
        let mut heads = vec![0_u32; btf.types().next_power_of_two()];
        let mut next = vec![0_u32; btf.types()];
        // From the last to the first, so that each chain is ascending.
        for id in btf.ids().rev() {
            let name = btf.name(id);
            if name.is_empty() {
                continue;
            }
            let bucket = bucket(essential_name(name), heads.len());
            if let (Some(head), Some(after)) =
                (heads.get_mut(bucket), next.get_mut(usize_of(id.0) - 1))
            {
                *after = *head;
                *head = id.0;
            }
        }
        Index { heads, next }
    }

    /// Types whose essential name may be `name`: all that are, and a few that are not.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = TypeId> + '_ {
        let mut at = self
            .heads
            .get(bucket(name, self.heads.len()))
            .copied()
            .unwrap_or(0);
        std::iter::from_fn(move || {
            let id = at;
            let slot = usize_of(id).checked_sub(1)?;
            at = self.next.get(slot).copied().unwrap_or(0);
            Some(TypeId(id))
        })
    }
}

/// FNV-1a over the name, folded to the table's size.
fn bucket(name: &str, buckets: usize) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0) & buckets.saturating_sub(1)
}

/// A name without its flavour: CO-RE ignores `___` and what follows it, so that an object can hold
/// several versions of one kernel struct (libbpf, `bpf_core_essential_name_len`).
#[must_use]
pub fn essential_name(name: &str) -> &str {
    let bytes = name.as_bytes();
    let separator = bytes.windows(5).rposition(|window| {
        matches!(window, [before, b'_', b'_', b'_', after] if *before != b'_' && *after != b'_')
    });
    separator.and_then(|at| name.get(..=at)).unwrap_or(name)
}
