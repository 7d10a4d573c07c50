//! Runs an iterator: a program that walks kernel objects and writes text about them.
//! Used by `direct`. Must never read without a bound.
#![expect(
    unsafe_code,
    reason = "libbpf-rs keeps the descriptor's reading to itself"
)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// One run of the iterator behind `link`, at most `bytes_max` bytes of what it writes.
///
/// # Errors
/// The kernel's.
pub(super) fn read(link: BorrowedFd<'_>, bytes_max: usize) -> io::Result<Vec<u8>> {
    // SAFETY: takes a descriptor that is open.
    let run = unsafe { libbpf_sys::bpf_iter_create(link.as_raw_fd()) };
    if run < 0 {
        return Err(io::Error::from_raw_os_error(-run));
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    let run = File::from(unsafe { OwnedFd::from_raw_fd(run) });
    let mut text = Vec::new();
    run.take(bytes_max as u64).read_to_end(&mut text)?;
    Ok(text)
}
