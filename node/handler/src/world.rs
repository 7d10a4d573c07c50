//! What a guest is surrounded by: maps, clocks, processes. Given by whoever makes the guest.
//! Must never be reached by a guest but through the host functions it was granted.

use std::sync::Arc;

use crate::maps::Maps;

/// The surroundings of a guest.
#[derive(Clone)]
pub struct World {
    /// The maps of its own object.
    pub maps: Arc<dyn Maps>,
    /// What it is told of the time.
    pub clock: Clock,
    /// Whether it is told of the processes of this machine; elsewhere there are none.
    pub processes: bool,
}

/// Both clocks, as functions so that tests can set them.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Nanoseconds of the clock that `bpf_ktime_get_ns` reads.
    pub now_mono_ns: fn() -> u64,
    /// Nanoseconds since 1970.
    pub now_wall_ns: fn() -> u64,
}
