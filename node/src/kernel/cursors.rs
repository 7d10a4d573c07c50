//! The cursors of an instance: up to where the records of each ring were being handed out. They are
//! in a map, whose memory outlives the daemon where it is pinned, as the rings do. Written by the
//! reader before the sinks see a span. Must never be changed while what it says was handed out is
//! neither given back nor replayed.
#![expect(unsafe_code, reason = "the slots are mapped memory")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libbpf_rs::{MapCore, MapHandle, MapType};

use super::mapping::{self, Mapping};

/// Rings of all loaded generations of an instance together; what makes a page of 4 KiB.
pub(crate) const SLOTS: u32 = 256;
/// A slot: `read_us` and `up_to`.
const SLOT_BYTES: u32 = 16;
const BYTES: usize = (SLOTS * SLOT_BYTES) as usize;

/// What was being handed out of a ring last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HandedOut {
    /// The position behind it, bytes since the ring was made; 0 where nothing was yet.
    pub(crate) up_to: u64,
    /// When it was read, microseconds since 1970.
    pub(crate) read_us: u64,
}

/// The slots of one instance: a mapped array.
pub(crate) struct Cursors {
    map: MapHandle,
    memory: Arc<Mapping>,
}

/// The slot of one ring. Clones are the same slot.
#[derive(Clone)]
pub(crate) struct Cursor {
    memory: Arc<Mapping>,
    /// Less than `SLOTS`.
    slot: usize,
}

impl Cursors {
    /// Makes the slots, in which nothing was handed out yet.
    ///
    /// # Errors
    /// What the kernel says to the map or its mapping.
    pub(crate) fn new() -> io::Result<Self> {
        Self::mapped(mapping::array("marrow_cursors", SLOT_BYTES, SLOTS)?)
    }

    /// The slots that another daemon has left, as they stand.
    ///
    /// # Errors
    /// The map is of another form, or can't be mapped.
    pub(crate) fn open(map: MapHandle) -> io::Result<Self> {
        let found = (
            map.map_type(),
            map.key_size(),
            map.value_size(),
            map.max_entries(),
        );
        let expected = (MapType::Array, 4, SLOT_BYTES, SLOTS);
        if found != expected {
            return Err(io::Error::other(format!(
                "the map of cursors is of kind, bytes of key and value, entries {found:?}, it must \
                 be {expected:?}"
            )));
        }
        Self::mapped(map)
    }

    fn mapped(map: MapHandle) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let memory = Arc::new(Mapping::new(map.as_fd(), 0, BYTES, protection)?);
        Ok(Self { map, memory })
    }

    /// A slot as it stands, for a ring that is gone on with; `None` from [`SLOTS`] on.
    pub(crate) fn slot(&self, index: u32) -> Option<Cursor> {
        (index < SLOTS).then(|| Cursor {
            memory: Arc::clone(&self.memory),
            slot: index as usize,
        })
    }

    /// A slot that says nothing was handed out, for a new ring; `None` from [`SLOTS`] on. No ring
    /// that is still read may have it.
    pub(crate) fn fresh(&self, index: u32) -> Option<Cursor> {
        let cursor = self.slot(index)?;
        cursor.store(HandedOut::default());
        Some(cursor)
    }
}

impl AsFd for Cursors {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

impl Cursor {
    /// What was being handed out last.
    pub(crate) fn load(&self) -> HandedOut {
        let [read_us, up_to] = self.words();
        HandedOut {
            up_to: up_to.load(Ordering::Acquire),
            read_us: read_us.load(Ordering::Relaxed),
        }
    }

    /// This is handed out from now on. Whoever dies between the two stores has handed out nothing
    /// of it, and the position still says so.
    pub(crate) fn store(&self, handed_out: HandedOut) {
        let [read_us, up_to] = self.words();
        read_us.store(handed_out.read_us, Ordering::Relaxed);
        up_to.store(handed_out.up_to, Ordering::Release);
    }

    fn words(&self) -> &[AtomicU64; 2] {
        let offset = self.slot * SLOT_BYTES as usize;
        // SAFETY: `slot` is less than `SLOTS`, so the whole slot lies within the mapping.
        let slot = unsafe { self.memory.start.byte_add(offset) };
        // SAFETY: mapped as long as `memory`, at a multiple of 16 bytes of a page, and reached
        // only through atomics.
        unsafe { slot.cast().as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Option<Cursors> {
        let made = Cursors::new();
        if let Err(error) = &made {
            println!("not run: cursors need the right to make maps: {error}");
        }
        made.ok()
    }

    fn handed_out(up_to: u64) -> HandedOut {
        HandedOut {
            up_to,
            read_us: up_to + 1,
        }
    }

    #[test]
    fn slots_outlive_whoever_wrote_them() {
        let Some(cursors) = made() else { return };
        for index in 0..SLOTS {
            let cursor = cursors.slot(index).unwrap();
            assert_eq!(cursor.load(), HandedOut::default());
            cursor.store(handed_out(u64::from(index) << 32));
        }
        assert!(cursors.slot(SLOTS).is_none());
        let map = MapHandle::try_from(&cursors.map).unwrap();
        drop(cursors);

        let found = Cursors::open(map).unwrap();
        for index in 0..SLOTS {
            let cursor = found.slot(index).unwrap();
            assert_eq!(cursor.load(), handed_out(u64::from(index) << 32));
        }
        assert_eq!(found.fresh(7).unwrap().load(), HandedOut::default());
        assert_eq!(found.slot(8).unwrap().load(), handed_out(8 << 32));
        assert!(found.fresh(SLOTS).is_none());
    }

    #[test]
    fn a_slot_is_usable_without_the_cursors_it_came_from() {
        let Some(cursors) = made() else { return };
        let (one, other) = (cursors.slot(3).unwrap(), cursors.slot(3).unwrap());
        drop(cursors);
        one.store(handed_out(5));
        assert_eq!(other.load(), handed_out(5));
    }

    #[test]
    fn a_map_of_another_form_holds_no_cursors() {
        if made().is_none() {
            return;
        }
        let options = libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
            ..Default::default()
        };
        let other = |kind, value_bytes, entries| {
            let map = MapHandle::create(kind, Some("other"), 4, value_bytes, entries, &options);
            Cursors::open(map.unwrap())
                .err()
                .map(|error| error.to_string())
        };
        let error = other(MapType::Array, 8, SLOTS).unwrap();
        assert!(error.contains("(Array, 4, 8, 256)"), "{error}");
        assert!(error.contains("(Array, 4, 16, 256)"), "{error}");
        assert!(other(MapType::Hash, SLOT_BYTES, SLOTS).is_some());
        assert!(other(MapType::Array, SLOT_BYTES, 1).is_some());
        let unmappable = other(MapType::Array, SLOT_BYTES, SLOTS);
        assert!(unmappable.is_some(), "it was not made to be mapped");
    }
}
