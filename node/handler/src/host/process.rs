//! What `/proc` says of a process. Asked by the host functions.
//! Must never mix two processes of one number, nor read more than a bounded part of a file.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::component::{ComponentType, Lower};

/// Bytes that are read of each file.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// A process, as `process` of the contract has it.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Process {
    /// Number of its parent.
    pub(crate) parent: u32,
    /// Number of its real user.
    pub(crate) user: u32,
    /// When it started, nanoseconds of `now-mono`'s clock.
    #[component(name = "started")]
    pub(crate) started_ns: u64,
    /// Its name.
    pub(crate) command: String,
    /// Its arguments, each with a NUL behind it.
    pub(crate) arguments: String,
    /// Where it is in the unified hierarchy.
    pub(crate) cgroup: String,
}

/// What is taken from `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    command: String,
    parent: u32,
    /// Ticks since the machine started.
    started: u64,
}

impl Process {
    /// The process of this number, if there is one.
    pub(super) fn of(pid: u32) -> Option<Self> {
        // The folder stays that of this process when its number is given to another.
        let folder = File::open(format!("/proc/{pid}")).ok()?;
        let read = |name: &str| {
            let path = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
            let mut bytes = Vec::new();
            let file = File::open(path).ok()?.take(FILE_BYTES_MAX);
            { file }.read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let stat = Stat::read(&read("stat")?)?;
        Some(Self {
            parent: stat.parent,
            user: user(&read("status")?)?,
            started_ns: mono_ns(stat.started),
            command: stat.command,
            arguments: read("cmdline")?,
            cgroup: cgroup(&read("cgroup")?),
        })
    }
}

impl Stat {
    /// Reads the line; a command may hold any character, brackets too.
    fn read(line: &str) -> Option<Self> {
        let (head, tail) = line.rsplit_once(')')?;
        let (_, command) = head.split_once('(')?;
        let mut fields = tail.split_ascii_whitespace();
        // Fields 4 and 22 of proc(5); the first behind the command is 3.
        let parent = fields.nth(1)?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self {
            command: command.to_owned(),
            parent,
            started,
        })
    }
}

/// The real user, from the text of `status`.
fn user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The path in the unified hierarchy; empty where there is none.
fn cgroup(text: &str) -> String {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    path.unwrap_or_default().to_owned()
}

/// A time in ticks since the machine started, in nanoseconds of the clock that stands still while it
/// sleeps.
fn mono_ns(ticks: u64) -> u64 {
    let per_s = u128::from(rustix::param::clock_ticks_per_second().max(1));
    let slept_ns = clock_ns(ClockId::Boottime).saturating_sub(clock_ns(ClockId::Monotonic));
    let since_start_ns = u128::from(ticks) * 1_000_000_000 / per_s;
    u64::try_from(since_start_ns)
        .unwrap_or(u64::MAX)
        .saturating_sub(slept_ns)
}

fn clock_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    // Both began at zero.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found() {
        let found = Process::of(std::process::id()).unwrap();
        assert_eq!(found.parent, std::os::unix::process::parent_id());
        assert!(found.arguments.ends_with('\0'), "{found:?}");
        assert!(!found.command.is_empty(), "{found:?}");
        let now_ns = clock_ns(ClockId::Monotonic);
        assert!(found.started_ns <= now_ns, "{found:?}, now {now_ns}");
    }

    #[test]
    fn there_is_no_process_zero() {
        assert_eq!(Process::of(0), None);
        assert_eq!(Process::of(u32::MAX), None);
    }

    #[test]
    fn a_command_may_look_like_the_end_of_one() {
        let line = "7 (a) R 1 (b) S 42 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 9876 1000";
        let stat = Stat {
            command: "a) R 1 (b".to_owned(),
            parent: 42,
            started: 9876,
        };
        assert_eq!(Stat::read(line), Some(stat));
        assert_eq!(Stat::read("7 (a) S 42"), None);
    }

    #[test]
    fn fields_of_status_and_cgroup_are_found() {
        assert_eq!(user("Name:\tUid:\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!(user("Name:\tx\n"), None);
        assert_eq!(
            cgroup("1:cpu:/old\n0::/system.slice/a\n"),
            "/system.slice/a"
        );
        assert_eq!(cgroup("1:cpu:/old\n"), "");
    }
}
