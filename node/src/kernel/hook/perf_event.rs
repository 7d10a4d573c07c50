//! Perf events that a `perf_event` program samples: opened here, attached by `attach`.
//! Must never leave an event open that no program was attached to.
#![expect(unsafe_code, reason = "raw system calls")]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::super::sys;
use super::target::{Key, Target};

/// Samples a second where the target says nothing: often enough to see, rare enough to cost
/// nothing, and prime to what runs in round intervals.
const HERTZ: u64 = 99;

/// How the target reads.
pub(super) const FORM: &str = "the name of an event, such as cpu-clock, cycles or page-faults";

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;

/// Name, `perf_type_id` and number of each event (`uapi/linux/perf_event.h`).
const EVENTS: [(&str, u32, u64); 15] = [
    ("cpu-clock", SOFTWARE, 0),
    ("task-clock", SOFTWARE, 1),
    ("page-faults", SOFTWARE, 2),
    ("context-switches", SOFTWARE, 3),
    ("cpu-migrations", SOFTWARE, 4),
    ("minor-faults", SOFTWARE, 5),
    ("major-faults", SOFTWARE, 6),
    ("cycles", HARDWARE, 0),
    ("instructions", HARDWARE, 1),
    ("cache-references", HARDWARE, 2),
    ("cache-misses", HARDWARE, 3),
    ("branches", HARDWARE, 4),
    ("branch-misses", HARDWARE, 5),
    ("bus-cycles", HARDWARE, 6),
    ("ref-cycles", HARDWARE, 9),
];

/// The `inherit` and `inherit_thread` bits of `perf_event_attr`: threads that a process starts later
/// are seen too, processes are not. Kernels before 5.13 know only all or none.
const INHERIT_THREADS: u64 = 1 << 1 | 1 << 35;
/// The `freq` bit: `sample_period` holds a frequency.
const FREQUENCY: u64 = 1 << 10;

/// Whether there is an event of this name.
pub(super) fn is_name(text: &str) -> bool {
    EVENTS.iter().any(|(name, ..)| *name == text)
}

/// The part of `perf_event_attr` (`PERF_ATTR_SIZE_VER0`, 64 bytes) that sampling needs.
#[repr(C)]
#[derive(Default)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    sample: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
}

/// Opens the events of a target: one a CPU that is online now, or one a thread of its process.
///
/// # Errors
/// No such process, no such event on this machine, or no descriptor is left.
pub(super) fn open(target: &Target) -> io::Result<Vec<OwnedFd>> {
    let found = EVENTS.iter().find(|(name, ..)| *name == target.main);
    let (_, kind, config) = *found.ok_or(io::ErrorKind::NotFound)?;
    let period = target.number(Key::Period);
    let sample = period.unwrap_or_else(|| target.number(Key::Hertz).unwrap_or(HERTZ));
    let by_frequency = if period.is_some() { 0 } else { FREQUENCY };
    let attr = |flags: u64| Attr {
        kind,
        size: u32::try_from(size_of::<Attr>()).unwrap_or(0),
        config,
        sample,
        flags: flags | by_frequency,
        ..Attr::default()
    };
    let Some(pid) = target.number::<u32>(Key::Pid) else {
        let cpus = sys::online_cpus()?;
        let everyone = -1;
        let open = |cpu: u32| open_one(&attr(0), everyone, libc::c_long::from(cpu));
        return cpus.into_iter().map(open).collect();
    };
    let mut events = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let name = thread?.file_name();
        let thread: libc::c_long = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .unwrap_or(-1);
        let any_cpu = -1;
        let event = match open_one(&attr(INHERIT_THREADS), thread, any_cpu) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                open_one(&attr(0), thread, any_cpu)
            }
            event => event,
        };
        match event {
            Ok(event) => events.push(event),
            // It ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
    if events.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(events)
}

fn open_one(attr: &Attr, thread: libc::c_long, cpu: libc::c_long) -> io::Result<OwnedFd> {
    let no_group: libc::c_int = -1;
    let close_on_exec: libc::c_ulong = 8;
    // SAFETY: `attr` lives over the call and its `size` is its own; the kernel only reads it.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            std::ptr::from_ref(attr),
            thread,
            cpu,
            no_group,
            close_on_exec,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
