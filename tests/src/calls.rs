//! System calls that a test makes: to be seen by programs, and to end what it started.
//! Must never touch a process that the test did not start.
#![expect(unsafe_code, reason = "raw calls of the C library")]

/// `lseek(-1, number, whence)` through the C library: fails, and shows `number` to whoever listens.
pub fn failing_lseek(number: i64, whence: i32) {
    // SAFETY: three integers; descriptor -1 is never open, so nothing is moved.
    let _failed = unsafe { libc::lseek64(-1, number, whence) };
}

/// Sends a signal to a process that the caller started.
///
/// # Errors
/// What `kill(2)` says, or a number that is no process.
pub fn send_signal(pid: u32, signal: i32) -> std::io::Result<()> {
    let pid = i32::try_from(pid).map_err(std::io::Error::other)?;
    // SAFETY: two integers.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// The kernel's number of the calling thread.
#[must_use]
pub fn thread_id() -> u64 {
    // SAFETY: takes nothing and can't fail.
    let id = unsafe { libc::gettid() };
    u64::try_from(id).unwrap_or(0)
}
