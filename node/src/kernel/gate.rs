//! The gate: the one word that every switch of an instance reads to pick the lane. Written by the
//! engine alone. Must never be written wider or narrower than one aligned 32-bit store.
#![expect(unsafe_code, reason = "the word is mapped memory that programs read")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use libbpf_rs::{MapCore, MapHandle, MapType};

use super::mapping::{self, Mapping};

/// A place in the program arrays of all switches of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(u32);

impl Lane {
    /// The lane that never holds a program: hooks stay attached and nothing runs.
    pub(crate) const EMPTY: Self = Self(3);

    /// The lane of a first generation.
    pub(crate) const FIRST: Self = Self(0);

    /// The lane of the generation that follows one in this lane, or that it follows: two are enough,
    /// since the one before is let go before the next one comes.
    pub(crate) fn other(self) -> Self {
        Self(1 - self.0 % 2)
    }

    /// The lane of this index.
    pub(crate) fn at(index: u32) -> Self {
        Self(index)
    }

    /// Index in the program arrays, 0 to 3.
    pub(crate) fn index(self) -> u32 {
        self.0
    }
}

/// The gate of one instance: a mapped array of one `u32`.
pub(crate) struct Gate {
    map: MapHandle,
    memory: Mapping,
}

impl Gate {
    /// Makes a gate that points at the empty lane.
    ///
    /// # Errors
    /// What the kernel says to the map or its mapping.
    pub(crate) fn new() -> io::Result<Self> {
        let gate = Self::mapped(mapping::array("marrow_gate", 4, 1)?)?;
        gate.flip(Lane::EMPTY);
        Ok(gate)
    }

    /// The gate that another daemon has left, as it stands.
    ///
    /// # Errors
    /// It is none, or can't be mapped.
    pub(crate) fn found(map: MapHandle) -> io::Result<Self> {
        let form = (map.map_type(), map.key_size(), map.value_size());
        if form != (MapType::Array, 4, 4) {
            return Err(io::Error::other(format!("no gate is of form {form:?}")));
        }
        Self::mapped(map)
    }

    fn mapped(map: MapHandle) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let memory = Mapping::new(map.as_fd(), 0, page_bytes(), protection)?;
        Ok(Self { map, memory })
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: the first word of a page that is mapped as long as `self`.
        unsafe { self.memory.start.cast::<AtomicU32>().as_ref() }
    }

    /// The lane in charge.
    pub(crate) fn lane(&self) -> Lane {
        Lane(self.word().load(Ordering::SeqCst))
    }

    /// Puts another lane in charge of every hook of the instance.
    pub(crate) fn flip(&self, lane: Lane) {
        self.word().store(lane.index(), Ordering::SeqCst);
    }
}

impl AsFd for Gate {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Bytes of a memory page.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: takes one integer.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generations_that_follow_each_other_never_share_a_lane() {
        let other = Lane::FIRST.other();
        assert_ne!(other, Lane::FIRST);
        assert_eq!(other.other(), Lane::FIRST);
        assert!(![other, Lane::FIRST].contains(&Lane::EMPTY));
    }
}
