//! System calls that a test makes to be seen by programs. Called by the tests of hooks.
//! Must never change anything: the calls fail, or only ask.
#![expect(unsafe_code, reason = "raw calls of the C library")]

/// `lseek(-1, number, whence)` through the C library: fails, and shows `number` to whoever listens.
pub fn failing_lseek(number: i64, whence: i32) {
    // SAFETY: three integers; descriptor -1 is never open, so nothing is moved.
    let _failed = unsafe { libc::lseek64(-1, number, whence) };
}

/// The kernel's number of the calling thread.
#[must_use]
pub fn thread_id() -> u64 {
    // SAFETY: takes nothing and can't fail.
    let id = unsafe { libc::gettid() };
    u64::try_from(id).unwrap_or(0)
}
