//! Counters that programs keep in maps, and the kernel of programs. Used by the switch and by the engine's proofs.
//! Must never write to a payload's map.

use std::os::fd::BorrowedFd;

use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::accepted;
use super::timing::Timed;

/// The counter that `emit.bpf.h` keeps under this name: records a full ring refused.
pub(crate) const LOSS_MAP: &str = "marrow_loss";

/// A generation's `marrow_loss`: a per-CPU array of one `u64`.
pub(crate) struct LossMap(MapHandle);

impl LossMap {
    pub(super) fn new(map: MapHandle) -> Self {
        Self(map)
    }

    /// Records refused on all CPUs; `None` where the map is not of that form.
    pub(crate) fn sum(&self) -> Option<u64> {
        sum_per_cpu(&self.0)
    }
}

/// How often the kernel skipped a program because it was running on that CPU already; 0 where an
/// older kernel does not count it.
pub(super) fn missed_runs(program: BorrowedFd<'_>) -> u64 {
    accepted::told(program).map_or(0, |told| told.recursion_misses)
}

/// The runs of a program that the kernel has timed.
pub(super) fn timed_runs(program: BorrowedFd<'_>) -> Timed {
    accepted::told(program).map_or_else(Timed::default, |told| Timed {
        runs: told.run_cnt,
        ns: told.run_time_ns,
    })
}

/// Sums the first entry of a per-CPU array of `u64`; `None` where the map is not of that form.
pub(super) fn sum_per_cpu(map: &MapHandle) -> Option<u64> {
    let values = map
        .lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY)
        .ok()??;
    values
        .iter()
        .map(|value| value.as_slice().try_into().ok().map(u64::from_ne_bytes))
        .sum()
}
