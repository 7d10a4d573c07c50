//! Having the kernel time the runs of programs. Used by the engine while it compares two generations.
//! Must never stay on when nobody compares: it costs each run of every program on the machine a little.
#![expect(unsafe_code, reason = "libbpf-rs does not wrap this call")]

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// As long as one of these lives, the kernel times runs. It does so for the whole machine, so one
/// descriptor is enough for all of them.
pub(crate) struct Timing {
    _on: Arc<OwnedFd>,
}

impl Timing {
    /// Has runs timed from now on. `None` where the kernel does not do that (before 5.8), or this
    /// process may not ask for it: then nothing is timed.
    pub(crate) fn begin() -> Option<Self> {
        static ON: Mutex<Weak<OwnedFd>> = Mutex::new(Weak::new());
        let mut on = ON.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(on) = on.upgrade() {
            return Some(Self { _on: on });
        }
        // SAFETY: the call takes an integer and touches no memory of this process.
        let descriptor = unsafe { libbpf_sys::bpf_enable_stats(libbpf_sys::BPF_STATS_RUN_TIME) };
        if descriptor < 0 {
            return None;
        }
        // SAFETY: the kernel has made it for this process a moment ago, and nobody else knows it.
        let begun = Arc::new(unsafe { OwnedFd::from_raw_fd(descriptor) });
        *on = Arc::downgrade(&begun);
        Some(Self { _on: begun })
    }
}

/// Timed runs of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timed {
    /// How many.
    pub(crate) runs: u64,
    /// How long they took together, nanoseconds.
    pub(crate) ns: u64,
}

impl Timed {
    /// What came since `then`.
    pub(crate) fn since(self, then: Self) -> Self {
        Self {
            runs: self.runs.saturating_sub(then.runs),
            ns: self.ns.saturating_sub(then.ns),
        }
    }
}

impl std::iter::Sum for Timed {
    fn sum<All: Iterator<Item = Self>>(all: All) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            runs: sum.runs.saturating_add(one.runs),
            ns: sum.ns.saturating_add(one.ns),
        })
    }
}
