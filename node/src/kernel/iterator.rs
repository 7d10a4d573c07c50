//! Runs an iterator: a program that walks kernel objects and writes text about them.
//! Used by `direct`. Must never read without a bound.
#![expect(
    unsafe_code,
    reason = "libbpf-rs keeps the descriptor's reading to itself"
)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// How often a run may pause: the kernel does it after a million objects.
const PAUSES_MAX: usize = 64;

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
    let mut run = run.take(bytes_max as u64);
    let mut text = Vec::new();
    for _ in 0..PAUSES_MAX {
        match run.read_to_end(&mut text) {
            // The kernel pauses a run that has walked far without writing.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done.map(|_| text),
        }
    }
    Err(io::Error::other(format!(
        "it is not through after {PAUSES_MAX} million objects"
    )))
}
