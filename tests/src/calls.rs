//! System calls that a test makes: to be seen by programs, and to end what it started.
//! Must never touch a process that the test did not start.
#![expect(unsafe_code, reason = "raw calls of the C library")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Offset of the system call's number in `seccomp_data` (linux/seccomp.h).
const CALL_NUMBER_AT: u32 = 0;
/// Descriptors that a process may raise its own limit to.
const DESCRIPTORS_MAX: u64 = 4096;

/// `lseek(-1, number, whence)` through the C library: fails, and shows `number` to whoever listens.
pub fn failing_lseek(number: i64, whence: i32) {
    // SAFETY: three integers; descriptor -1 is never open, so nothing is moved.
    let _failed = unsafe { libc::lseek64(-1, number, whence) };
}

/// Sends a signal to a process that the caller started.
///
/// # Errors
/// What `kill(2)` says, or a number that is no process.
pub fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: two integers.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kernel's number of the calling thread.
#[must_use]
pub fn thread_id() -> u64 {
    // SAFETY: takes nothing and can't fail.
    let id = unsafe { libc::gettid() };
    u64::try_from(id).unwrap_or(0)
}

/// Has the command run on a kernel that lacks `membarrier(2)`, as far as it can tell.
pub fn without_membarrier(command: &mut Command) {
    let step = |code: u32, jump_if: u8, jump_else: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt: jump_if,
        jf: jump_else,
        k,
    };
    let membarrier = u32::try_from(libc::SYS_membarrier).unwrap_or(0);
    let mut steps = [
        step(
            libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
            0,
            0,
            CALL_NUMBER_AT,
        ),
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            membarrier,
        ),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let program = libc::sock_fprog {
            len: 4,
            filter: steps.as_mut_ptr(),
        };
        // SAFETY: the kernel reads `program` and its four steps, which live over the call.
        let done = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: between fork and exec it makes one system call and touches only its own values.
    unsafe { command.pre_exec(install) };
}

/// Sets how many descriptors a process of ours may have, open ones included.
///
/// # Errors
/// What `prlimit(2)` says, or a number that is no process.
pub fn limit_descriptors(pid: u32, count: u64) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: DESCRIPTORS_MAX,
    };
    // SAFETY: the kernel reads `limit`, which lives over the call, and is given no place to write.
    let done = unsafe {
        libc::prlimit(
            pid,
            libc::RLIMIT_NOFILE,
            &raw const limit,
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
