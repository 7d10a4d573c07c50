//! Looks up what targets name on this machine: interfaces, cgroups, network namespaces.
//! Called before anything is attached, and by `attach`.
//! Must never change the namespace of a thread that does anything else.
#![expect(unsafe_code, reason = "raw system calls")]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Runs `work` in the network namespace that a file names, or in this thread's own.
///
/// # Errors
/// The file names none, or this process may not go there; what `work` says.
pub(super) fn in_netns<T: Send>(
    path: Option<&str>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let Some(path) = path else { return work() };
    let namespace = netns(path)?;
    // A thread of its own: it ends in that namespace, and no other work ever runs there.
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            // SAFETY: takes a descriptor that is open and a constant.
            let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
            if entered < 0 {
                return Err(io::Error::last_os_error());
            }
            work()
        });
        let lost = || io::Error::other("the thread in the network namespace ended early");
        there.join().map_err(|_panic| lost())?
    })
}

/// The network namespace that a file names; `self` is this process's own.
///
/// # Errors
/// There is no such file.
pub(super) fn netns(path: &str) -> io::Result<OwnedFd> {
    let path = if path == "self" {
        "/proc/self/ns/net"
    } else {
        path
    };
    File::open(path).map(OwnedFd::from)
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
    let full = cgroup_path(path)?;
    let file = File::open(&full)?;
    if !full.join("cgroup.controllers").exists() {
        return Err(io::Error::other(format!(
            "{} is no cgroup of version 2",
            full.display()
        )));
    }
    Ok(OwnedFd::from(file))
}

/// The number by which the kernel knows what a file stands for.
pub(super) fn inode(file: &OwnedFd) -> Option<u64> {
    let file = File::from(file.try_clone().ok()?);
    Some(file.metadata().ok()?.ino())
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
