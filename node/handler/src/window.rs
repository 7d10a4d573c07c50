//! Windows: the data pages of a ring, read-only in a guest's memory. Made when a guest is made.
//! Must never reach beyond the guest's memory, nor leave a hole in it. wasmtime knows nothing of
//! windows: it must not move the memory, nor write to it in host code.
#![expect(unsafe_code, reason = "pages of a guest's memory are replaced")]

use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};

/// Windows begin and end at pages of WebAssembly, which are pages of every machine too.
pub(crate) const WINDOW_ALIGN: u32 = 64 << 10;

/// Where a window is in a guest's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its first byte.
    pub(crate) at: u32,
    /// Its length: the double size of its ring.
    pub(crate) bytes: u32,
}

impl Window {
    /// How long the window of a ring is, if it can have one.
    pub(crate) fn bytes_for(ring_bytes: u32) -> Option<u32> {
        let bytes = ring_bytes.checked_mul(2)?;
        (bytes > 0 && bytes.is_multiple_of(WINDOW_ALIGN)).then_some(bytes)
    }

    /// Whether a range of the memory has bytes in it.
    pub(crate) fn overlaps(self, range: &Range<u64>) -> bool {
        let (start, end) = (
            u64::from(self.at),
            u64::from(self.at) + u64::from(self.bytes),
        );
        range.start < end && start < range.end && range.start < range.end
    }

    /// Checks a place that a guest gave: it must be of its memory and nobody else's. `taken` are other
    /// windows, `filled` where the module has put what it began with.
    pub(crate) fn check(
        self,
        memory_bytes: u64,
        taken: &[Self],
        filled: &[Range<u64>],
    ) -> Result<(), &'static str> {
        let range = u64::from(self.at)..u64::from(self.at) + u64::from(self.bytes);
        if !self.at.is_multiple_of(WINDOW_ALIGN) {
            return Err("is not at a multiple of 65536");
        }
        if range.end > memory_bytes {
            return Err("is outside of the memory");
        }
        if taken.iter().any(|other| other.overlaps(&range)) {
            return Err("lies over another window");
        }
        if filled.iter().any(|other| self.overlaps(other)) {
            return Err("lies over data of the module");
        }
        Ok(())
    }
}

/// Why there is no window, and what is there instead.
#[derive(Debug)]
pub(crate) enum NoWindow {
    /// Empty memory, as before.
    Refused,
    /// Nothing: the guest is of no use.
    Hole(io::Error),
}

/// Puts the data pages of a ring into `memory` of a guest, over `window`.
///
/// # Safety
/// `memory` must be the first byte of a linear memory with `window` in it, that is never moved, and
/// nothing in this process may hold a reference into the window, now or until the memory is gone.
pub(crate) unsafe fn map(
    memory: *mut u8,
    window: Window,
    ring: BorrowedFd<'_>,
) -> Result<(), NoWindow> {
    // SAFETY: the window lies in the memory, says the caller.
    let start = unsafe { memory.add(window.at as usize) }.cast();
    let bytes = window.bytes as usize;
    // Before the data are a page of the consumer and one of the producer.
    let offset = 2 * rustix::param::page_size() as u64;
    let shared = MapFlags::SHARED | MapFlags::FIXED;
    // SAFETY: only pages of the guest's own memory are replaced, to which nothing refers.
    let mapped = unsafe { mmap(start, bytes, ProtFlags::READ, shared, ring, offset) };
    if mapped.is_ok() {
        return Ok(());
    }
    // The kernel may have taken the pages away before it refused.
    let own = ProtFlags::READ | ProtFlags::WRITE;
    let fixed = MapFlags::PRIVATE | MapFlags::FIXED;
    // SAFETY: as above.
    let restored = unsafe { mmap_anonymous(start, bytes, own, fixed) };
    match restored {
        Ok(_) => Err(NoWindow::Refused),
        Err(errno) => Err(NoWindow::Hole(errno.into())),
    }
}
