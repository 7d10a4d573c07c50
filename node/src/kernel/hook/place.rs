//! Looks up what targets name on this machine: interfaces, cgroups, network namespaces.
//! Called before anything is attached, and by `attach`.
//! Must never change the namespace of a thread that does anything else.
#![expect(unsafe_code, reason = "raw system calls")]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Runs `work` in the network namespace that a file names, or in this thread's own.
///
/// # Errors
/// The file names none, or this process may not go there; what `work` says.
pub(super) fn in_netns<T: Send>(
    path: Option<&str>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    match path {
        Some(path) => in_namespace(&netns(path)?, work),
        None => work(),
    }
}

/// Runs `work` in a network namespace.
///
/// # Errors
/// This process may not go there, or has no thread left; what `work` says.
pub(super) fn in_namespace<T: Send>(
    namespace: &OwnedFd,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    // A thread of its own: it ends in that namespace, and no other work ever runs there.
    std::thread::scope(|scope| {
        let there = std::thread::Builder::new().spawn_scoped(scope, || {
            // SAFETY: takes a descriptor that is open and a constant.
            let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
            if entered < 0 {
                return Err(io::Error::last_os_error());
            }
            work()
        })?;
        let lost = || io::Error::other("the thread in the network namespace ended early");
        there.join().map_err(|_panic| lost())?
    })
}

/// The network namespace that a file names; `self` is this process's own.
///
/// # Errors
/// There is no such file, or it is another sort of file.
pub(super) fn netns(path: &str) -> io::Result<OwnedFd> {
    const NSFS_MAGIC: u64 = 0x6e73_6673;
    let path = if path == "self" {
        "/proc/self/ns/net"
    } else {
        path
    };
    on_file_system(Path::new(path), NSFS_MAGIC, "network namespace")
}

/// Opens a file of one file system. Any other is left alone: opening a pipe waits, opening a device
/// may do anything.
fn on_file_system(path: &Path, magic: u64, what: &str) -> io::Result<OwnedFd> {
    let mut place = OpenOptions::new();
    let place = place.read(true).custom_flags(libc::O_PATH).open(path)?;
    // SAFETY: all zeros is a value of this plain struct.
    let mut told: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, and `told` lives over the call.
    let done = unsafe { libc::fstatfs(place.as_raw_fd(), &raw mut told) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    if u64::try_from(told.f_type).ok() != Some(magic) {
        return Err(io::Error::other(format!("{} is no {what}", path.display())));
    }
    File::open(format!("/proc/self/fd/{}", place.as_raw_fd())).map(OwnedFd::from)
}

/// Whether an error says that what a target names is not there, and not that nobody could look.
pub(super) fn is_absence(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(number) => matches!(
            number,
            libc::ENOENT | libc::ENODEV | libc::ENXIO | libc::ENOTDIR
        ),
        // A file of another sort has its name.
        None => true,
    }
}

/// That a path leads to a file that a program can be in; libbpf itself looks for what has no slash.
///
/// # Errors
/// There is none, or it is another sort of file.
pub(super) fn program_file(path: &str) -> io::Result<()> {
    if path.contains('/') && !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    Ok(())
}

/// The number of an interface, in this thread's network namespace.
///
/// # Errors
/// `ENODEV`: there is none of this name.
pub(super) fn interface(name: &str) -> io::Result<i32> {
    let name = CString::new(name)?;
    // SAFETY: `name` is NUL-terminated and lives over the call.
    let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if number == 0 {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    i32::try_from(number).map_err(io::Error::other)
}

/// Opens a cgroup: a path below the place where version 2 is mounted, or one that begins there.
///
/// # Errors
/// Version 2 is not mounted, or there is no such cgroup.
pub(super) fn cgroup(path: &str) -> io::Result<OwnedFd> {
    const CGROUP2_MAGIC: u64 = 0x6367_7270;
    on_file_system(&cgroup_path(path)?, CGROUP2_MAGIC, "cgroup of version 2")
}

/// The number by which the kernel knows what a file stands for.
///
/// # Errors
/// No descriptor is left to ask with.
pub(super) fn inode(file: &OwnedFd) -> io::Result<u64> {
    Ok(File::from(file.try_clone()?).metadata()?.ino())
}

fn cgroup_path(path: &str) -> io::Result<PathBuf> {
    let root = cgroup_root()?;
    if Path::new(path).starts_with(&root) {
        return Ok(PathBuf::from(path));
    }
    Ok(root.join(path.trim_start_matches('/')))
}

/// Where cgroups of version 2 are mounted.
fn cgroup_root() -> io::Result<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let found = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_device, place, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    });
    found.ok_or_else(|| {
        io::Error::other(
            "cgroups of version 2 are not mounted: mount -t cgroup2 none /sys/fs/cgroup",
        )
    })
}
