//! A shared mapping of a map's memory. Used by `gate`, `ring` and `cursors`.
//! Must never be read or written but through atomics, except for a record that the ring has shown
//! to be submitted.
#![expect(
    unsafe_code,
    reason = "the memory is the kernel's and the programs' as well"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use libbpf_rs::{MapHandle, MapType};

/// Makes an array whose memory can be mapped, with keys of four bytes.
///
/// # Errors
/// What the kernel says.
pub(super) fn array(name: &str, value_bytes: u32, entries: u32) -> io::Result<MapHandle> {
    let options = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
        map_flags: libbpf_sys::BPF_F_MMAPABLE,
        ..Default::default()
    };
    let made = MapHandle::create(
        MapType::Array,
        Some(name),
        4,
        value_bytes,
        entries,
        &options,
    );
    made.map_err(io::Error::other)
}

/// A part of a map's file, mapped until it is dropped.
pub(super) struct Mapping {
    /// Its first byte, at the beginning of a page.
    pub(super) start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is shared memory owned by this value; all writes go through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `bytes` from `offset` on, with this protection of mmap(2).
    ///
    /// # Errors
    /// What mmap(2) says.
    pub(super) fn new(
        fd: BorrowedFd<'_>,
        offset: usize,
        bytes: usize,
        protection: i32,
    ) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a fresh shared mapping of an open descriptor; the kernel picks the address.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(address.cast())
            .ok_or_else(|| io::Error::other("the map was mapped at address zero"))?;
        Ok(Self { start, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: address and length of our own mapping; borrows of it ended with `&self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
