//! System calls that neither std nor libbpf wraps. Used by the other files of `kernel` and by the
//! reader. Must never fail on `setrlimit`: memory of BPF is accounted to the cgroup since 5.11.
#![expect(unsafe_code, reason = "raw system calls")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// `MEMBARRIER_CMD_GLOBAL` of `linux/membarrier.h`: returns after an RCU grace period.
const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;

fn done(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Waits for an RCU grace period.
///
/// # Errors
/// `EINVAL` where the kernel runs with `nohz_full` CPUs, `ENOSYS` where it lacks the call.
pub(super) fn membarrier() -> io::Result<()> {
    // SAFETY: the call takes three integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    done(result).map(|_| ())
}

/// Ends this process as `kill -9` does.
#[cfg(debug_assertions)]
pub(crate) fn kill_self() {
    // SAFETY: takes an integer; the signal can't be caught.
    unsafe { libc::raise(libc::SIGKILL) };
}

/// Nanoseconds of the clock that `bpf_ktime_get_ns` reads.
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since 1970.
pub(crate) fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` lives over the call.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(now.tv_sec) * 1_000_000_000 + part(now.tv_nsec)
}

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// Whether a bpffs is mounted there.
///
/// # Errors
/// What `statfs(2)` says, but for a path that is not there.
pub(super) fn is_bpffs(path: &std::ffi::CStr) -> io::Result<bool> {
    // SAFETY: all zeros is a value of this plain struct.
    let mut about: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is NUL-terminated and `about` lives over the call.
    let result = unsafe { libc::statfs(path.as_ptr(), &raw mut about) };
    match done(result.into()) {
        Ok(_) => Ok(u64::try_from(about.f_type).is_ok_and(|magic| magic == BPF_FS_MAGIC)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// CPUs that are online, from the kernel's list (`0-3,5`).
///
/// # Errors
/// Where sysfs is missing or its list is not of that form.
pub(crate) fn online_cpus() -> io::Result<Vec<u32>> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/online")?;
    parse_cpu_list(text.trim())
        .ok_or_else(|| io::Error::other(format!("the kernel's list of CPUs reads {text:?}")))
}

fn parse_cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(cpus)
}

/// Keeps the calling thread on one CPU.
///
/// # Errors
/// What `sched_setaffinity(2)` says: the CPU is offline, or none that this process may use.
pub(crate) fn stay_on(cpu: u32) -> io::Result<()> {
    let mut mask = vec![0_u64; usize::try_from(cpu / 64).map_err(io::Error::other)? + 1];
    if let Some(word) = mask.last_mut() {
        *word = 1 << (cpu % 64);
    }
    // SAFETY: the call reads as many bytes of `mask` as it is told; 0 is the calling thread.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setaffinity,
            0,
            size_of_val(mask.as_slice()),
            mask.as_ptr(),
        )
    };
    done(result).map(|_| ())
}

/// A set of descriptors that are waited for together.
pub(crate) struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    /// # Errors
    /// What `epoll_create1(2)` says.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes one integer.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        done(fd.into())?;
        // SAFETY: the kernel has just given this descriptor to us alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// Wakes `wait` whenever `fd` is readable, until `fd` is closed.
    ///
    /// # Errors
    /// What `epoll_ctl(2)` says.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN.cast_unsigned(),
            u64: 0,
        };
        // SAFETY: both descriptors are open and `event` lives over the call.
        let result = unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &raw mut event,
            )
        };
        done(result.into()).map(|_| ())
    }

    /// Waits until something is readable or `timeout` has passed; a signal ends it too.
    ///
    /// # Errors
    /// What `epoll_wait(2)` says.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 16];
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: `events` holds as many entries as the call is told.
        let result =
            unsafe { libc::epoll_wait(self.fd.as_raw_fd(), events.as_mut_ptr(), 16, timeout_ms) };
        match done(result.into()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// An anonymous file in memory, for what libbpf wants by path.
///
/// # Errors
/// What `memfd_create(2)` says.
pub(crate) fn memory_file(name: &std::ffi::CStr) -> io::Result<OwnedFd> {
    // SAFETY: `name` is NUL-terminated and lives over the call.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    done(fd.into())?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_list_holds_ranges_and_single_cpus() {
        assert_eq!(parse_cpu_list("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_cpu_list("0"), Some(vec![0]));
        assert_eq!(parse_cpu_list("none"), None);
    }
}
