//! Another perf user of the event that a hook is at: it must see all of its events, whatever the
//! programs of the node do there. A tracepoint is shared with it; a probe is the kernel's own one a
//! user, at the same instruction.
//! Must never count what another thread does.
#![expect(unsafe_code, reason = "perf_event_open has no wrapper")]

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::deed::marrow_probed;

/// `perf_type_id` of `uapi/linux/perf_event.h`.
const SOFTWARE: u32 = 1;
const TRACEPOINT: u32 = 2;
const PAGE_FAULTS: u64 = 2;
/// `PERF_EVENT_IOC_SET_FILTER`.
const SET_FILTER: libc::Ioctl = 0x4008_2406;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOEXEC: libc::c_long = 8;
/// What the sections of probes in the kernel name.
const FUNCTION: &str = "__x64_sys_getsid";

/// The part of `perf_event_attr` (`PERF_ATTR_SIZE_VER1`) that counting and probes need.
#[repr(C)]
#[derive(Default)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    sample: [u64; 3],
    flags: u64,
    wakeup: [u32; 2],
    /// For probes the address of a function's or file's name, and where in it.
    name: u64,
    offset: u64,
}

/// An event that is counted for this thread.
pub(super) struct Bystander {
    counter: File,
    /// What it saw before it saw only what it is meant to.
    before: u64,
    /// Whether nothing but what the test does fires it.
    pub(super) alone: bool,
}

impl Bystander {
    /// One at the event of a section; `None` where perf has no such event.
    pub(super) fn of(section: &str, prefix: &str) -> Result<Option<Self>> {
        let returns = prefix.contains("ret");
        let opened = match prefix {
            "tracepoint" => {
                let (_, name) = section.split_once('/').context("it names no event")?;
                at_tracepoint(name)?
            }
            "kprobe" | "kretprobe" | "ksyscall" | "kretsyscall" => {
                at_probe("kprobe", returns, FUNCTION, 0)?
            }
            "uprobe" | "uretprobe" => {
                let exe = std::env::current_exe()?.display().to_string();
                at_probe("uprobe", returns, &exe, offset_in_file()?)?
            }
            "perf_event" => open(&Attr {
                kind: SOFTWARE,
                config: PAGE_FAULTS,
                ..Attr::default()
            })?,
            _ => return Ok(None),
        };
        let mut bystander = Self {
            counter: opened.into(),
            before: 0,
            alone: prefix != "perf_event",
        };
        bystander.before = bystander.seen()?;
        Ok(Some(bystander))
    }

    /// How many events it has seen.
    pub(super) fn seen(&mut self) -> Result<u64> {
        let mut count = [0; 8];
        self.counter.read_exact(&mut count)?;
        Ok(u64::from_ne_bytes(count) - self.before)
    }
}

/// Of all system calls those that the test makes.
fn at_tracepoint(name: &str) -> Result<OwnedFd> {
    let id = read_number(format!("/sys/kernel/tracing/events/{name}/id"))?;
    let event = open(&Attr {
        kind: TRACEPOINT,
        config: id,
        ..Attr::default()
    })?;
    let filter = CString::new(format!("id == {}", libc::SYS_getsid))?;
    // SAFETY: the kernel copies the text, which lives over the call.
    let set = unsafe { libc::ioctl(event.as_raw_fd(), SET_FILTER, filter.as_ptr()) };
    ensure!(set == 0, std::io::Error::last_os_error());
    Ok(event)
}

fn at_probe(sort: &str, returns: bool, name: &str, offset: u64) -> Result<OwnedFd> {
    let place = format!("/sys/bus/event_source/devices/{sort}/type");
    let name = CString::new(name)?;
    open(&Attr {
        kind: u32::try_from(read_number(&place)?)?,
        // The first bit, for both sorts (`format/retprobe` beside the file of the type).
        config: u64::from(returns),
        name: name.as_ptr() as u64,
        offset,
        ..Attr::default()
    })
}

fn open(attr: &Attr) -> Result<OwnedFd> {
    let attr = Attr {
        size: u32::try_from(size_of::<Attr>())?,
        ..*attr
    };
    let (this_thread, any_cpu, no_group) = (0, -1, -1);
    // SAFETY: the kernel reads as many bytes of `attr` as it says, and the text it points at.
    let event = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            this_thread,
            any_cpu,
            no_group,
            CLOEXEC,
        )
    };
    ensure!(event >= 0, std::io::Error::last_os_error());
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(event)?) })
}

fn read_number(file: impl AsRef<Path>) -> Result<u64> {
    let file = file.as_ref();
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(text.trim().parse()?)
}

/// Where the function that is probed stands in the file of this program.
fn offset_in_file() -> Result<u64> {
    let address = marrow_probed as *const () as u64;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let found = maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (from, to, offset) = (hex(from)?, hex(to)?, hex(words.nth(1)?)?);
        (from..to)
            .contains(&address)
            .then(|| address - from + offset)
    });
    found.context("the function stands nowhere")
}
