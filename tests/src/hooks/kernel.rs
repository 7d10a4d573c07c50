//! What the kernel itself holds: the counts of a case, and whatever was left behind.
//! Must never open a program array that is about to end: the kernel may then keep it for ever.
#![expect(unsafe_code, reason = "the kernel's own calls about maps and programs")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result};
use libbpf_sys as sys;

use crate::held;

/// How many runs the program counted, by the version it was started with: the map `counts` of
/// hook.bpf.c, held by `pid`.
///
/// # Errors
/// When it holds none.
pub(super) fn counts(pid: u32) -> Result<[u64; 4]> {
    let map = counts_of(pid)?;
    let mut counts = [0; 4];
    for (key, count) in (0_u32..).zip(&mut counts) {
        let value: *mut u64 = count;
        // SAFETY: key and value live over the call and have the sizes that the map was made with.
        let result = unsafe {
            sys::bpf_map_lookup_elem(map.as_raw_fd(), (&raw const key).cast(), value.cast())
        };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result)).context("reading `counts`");
        }
    }
    Ok(counts)
}

/// Whether this kernel is one of those that end in an `int3` which nobody claims when a trampoline
/// that only looks at returns is changed while its function is being entered: seen on 7.3 in
/// emulation, where such trampolines are jumped to; not before. No switch changes them.
pub(super) fn dies_when_trampolines_change(prefix: &str) -> bool {
    matches!(prefix, "fexit.s" | "fsession.s") && release().0 >= 7
}

/// Whether what keeps a program of this section attached can outlive its daemon: static probes and
/// packet sockets have no link of the kernel's, perf events have one from 5.15.
pub(super) fn outlives_daemons(prefix: &str) -> bool {
    let is_perf_event = match prefix {
        "usdt" | "usdt.s" | "socket" => return false,
        "tracepoint" | "perf_event" => true,
        name => {
            let sort = name.trim_end_matches(".s");
            let sort = sort.trim_start_matches(['k', 'u']);
            ["probe", "retprobe", "syscall", "retsyscall"].contains(&sort)
        }
    };
    !is_perf_event || release() >= (5, 15)
}

/// The kernel's version: the first two numbers.
fn release() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next())
}

/// The newest of the maps of `pid` that has the form of `counts`.
fn counts_of(pid: u32) -> Result<OwnedFd> {
    const FORM: [(&str, u64); 3] = [("map_type", 2), ("value_size", 8), ("max_entries", 4)];
    let descriptors = held::descriptors(pid)?;
    let counts = descriptors.iter().filter(|told| {
        FORM.iter()
            .all(|(name, number)| told.get(*name) == Some(number))
    });
    let id = counts.filter_map(|told| told.get("map_id")).max();
    let id = u32::try_from(*id.context("the daemon holds no map `counts`")?)?;
    // SAFETY: takes a number.
    let map = unsafe { sys::bpf_map_get_fd_by_id(id) };
    if map < 0 {
        return Err(io::Error::from_raw_os_error(-map)).context("opening `counts`");
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(map) })
}

/// How many of the case's programs and of its switches are loaded, whoever holds them.
pub(super) fn programs_left() -> usize {
    let (mut id, mut left) = (0, 0);
    // SAFETY: `id` lives over the call, which writes the next one into it.
    while unsafe { sys::bpf_prog_get_next_id(id, &raw mut id) } == 0 {
        // SAFETY: takes a number.
        let program = unsafe { sys::bpf_prog_get_fd_by_id(id) };
        if program < 0 {
            // It went away meanwhile.
            continue;
        }
        // SAFETY: the kernel has just given this descriptor to us alone.
        let program = unsafe { OwnedFd::from_raw_fd(program) };
        let mut info = sys::bpf_prog_info::default();
        let mut bytes = u32::try_from(size_of_val(&info)).unwrap_or(0);
        // SAFETY: `info` has `bytes` bytes and lives over the call.
        let told = unsafe {
            sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut info, &raw mut bytes)
        };
        // SAFETY: the kernel ends the name with a NUL within its sixteen bytes.
        let name = unsafe { CStr::from_ptr(info.name.as_ptr()) };
        if told == 0 && name == c"hooks_program" {
            left += 1;
        }
    }
    left
}
