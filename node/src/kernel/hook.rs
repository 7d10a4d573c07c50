//! Hooks: where in the kernel a program attaches, what makes two of them the same, what an empty
//! lane must answer there, and how a switch is attached. Used by `switch` and the engine.
//! Must never attach anything but a switch.

use std::os::fd::{AsRawFd, IntoRawFd};
use std::path::Path;

use libbpf_rs::{
    Link, Object, ProgramAttachType, ProgramMut, ProgramType, TracepointCategory, UprobeOpts,
};
use payload::object::Kind;

use super::{libbpf_log, sys};

/// Samples a second of a `perf_event` hook: often enough to see, rare enough to cost nothing, and
/// prime to what runs in round intervals.
const PERF_EVENT_HERTZ: u64 = 99;

/// A hook. Two programs of two generations with equal hooks follow each other behind one switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    kind: Kind,
    target: String,
    /// Counts programs of one object with the same kind and target, from 0.
    ordinal: usize,
}

/// Why a hook could not be served. `log` holds libbpf's words where it said any.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// The kind is known to libbpf, but nothing here attaches it.
    #[error(
        "a {kind} program cannot run yet: this node attaches tracepoint, raw_tp, tp_btf, \
             uprobe, uretprobe and perf_event programs"
    )]
    Kind {
        /// The kind's name.
        kind: String,
    },
    /// A sleepable program behind a switch would sleep where the kernel must not.
    #[error(
        "a sleepable {kind} program cannot run behind a switch, and this node replaces \
             programs in no other way yet"
    )]
    Sleepable {
        /// The kind's name.
        kind: String,
    },
    /// The section's target is not of the form its kind needs.
    #[error("a {kind} target reads {expected}, not {target:?}")]
    Target {
        /// The kind's name.
        kind: String,
        /// The form it needs.
        expected: &'static str,
        /// What the section says.
        target: String,
    },
    /// The switch does not load or lacks a part.
    #[error("the switch for {hook} does not load: {reason}{}", words(log))]
    Stub {
        /// The hook in words.
        hook: String,
        /// The kernel's reason.
        reason: String,
        /// What libbpf said.
        log: String,
    },
    /// The program array of the switch does not take the program.
    #[error(
        "the switch for {hook} does not take the program: {reason}{}",
        words(log)
    )]
    Lane {
        /// The hook in words.
        hook: String,
        /// The kernel's reason.
        reason: String,
        /// What libbpf said.
        log: String,
    },
    /// The kernel does not attach the switch.
    #[error("{hook} cannot be attached: {reason}{}", words(log))]
    Attach {
        /// The hook in words.
        hook: String,
        /// The kernel's reason.
        reason: String,
        /// What libbpf said.
        log: String,
    },
}

fn words(log: &str) -> String {
    if log.trim().is_empty() {
        String::new()
    } else {
        format!(" ({})", log.trim())
    }
}

impl HookError {
    pub(crate) fn stub(hook: &Hook, source: &libbpf_rs::Error) -> Self {
        Self::Stub {
            hook: hook.to_string(),
            reason: source.to_string(),
            log: String::new(),
        }
    }

    pub(crate) fn stub_lacks(hook: &Hook, map: &str) -> Self {
        let reason = format!("it lacks its map {map}");
        Self::Stub {
            hook: hook.to_string(),
            reason,
            log: String::new(),
        }
    }

    pub(crate) fn lane(hook: &Hook, source: &libbpf_rs::Error) -> Self {
        Self::Lane {
            hook: hook.to_string(),
            reason: source.to_string(),
            log: String::new(),
        }
    }

    fn attach(hook: &Hook, source: &impl ToString) -> Self {
        Self::Attach {
            hook: hook.to_string(),
            reason: source.to_string(),
            log: String::new(),
        }
    }

    pub(crate) fn with_log(mut self, caught: &str) -> Self {
        if let Self::Stub { log, .. } | Self::Lane { log, .. } | Self::Attach { log, .. } =
            &mut self
        {
            libbpf_log::verifier_words(caught).clone_into(log);
        }
        self
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.target.is_empty() {
            return f.write_str(self.kind.as_str());
        }
        write!(f, "{}/{}", self.kind.as_str(), self.target)
    }
}

/// The program type and attach type libbpf gives a kind, and the neutral return of its switch.
fn nature(kind: Kind) -> Option<(ProgramType, ProgramAttachType, i32)> {
    // 0 at a perf-based hook hides the event from every other perf user of the machine.
    Some(match kind {
        Kind::Tracepoint => (
            ProgramType::Tracepoint,
            ProgramAttachType::CgroupInetIngress,
            1,
        ),
        Kind::RawTracepoint => (
            ProgramType::RawTracepoint,
            ProgramAttachType::CgroupInetIngress,
            0,
        ),
        Kind::TpBtf => (ProgramType::Tracing, ProgramAttachType::TraceRawTp, 0),
        Kind::Uprobe | Kind::Uretprobe => {
            (ProgramType::Kprobe, ProgramAttachType::CgroupInetIngress, 1)
        }
        Kind::PerfEvent => (
            ProgramType::PerfEvent,
            ProgramAttachType::CgroupInetIngress,
            1,
        ),
        _ => return None,
    })
}

impl Hook {
    /// The hook a section names, or `None` where it names a kind but no target: such a program is
    /// loaded for the payload's own program arrays and attached nowhere.
    ///
    /// # Errors
    /// Where the kind can't be served or the target is not of its form.
    pub(crate) fn of_section(
        kind: Kind,
        target: Option<&str>,
        sleepable: bool,
    ) -> Result<Option<Self>, HookError> {
        let name = || kind.as_str().to_owned();
        if nature(kind).is_none() {
            return Err(HookError::Kind { kind: name() });
        }
        let target = match (kind, target) {
            (Kind::PerfEvent, target) => target.unwrap_or("").to_owned(),
            (_, None | Some("")) => return Ok(None),
            (_, Some(target)) => target.to_owned(),
        };
        if sleepable {
            return Err(HookError::Sleepable { kind: name() });
        }
        let hook = Self {
            kind,
            target,
            ordinal: 0,
        };
        if let Some(expected) = hook.target_fault() {
            return Err(HookError::Target {
                kind: name(),
                expected,
                target: hook.target,
            });
        }
        Ok(Some(hook))
    }

    /// Whether both are of one kind at one target, whatever their order.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && self.target == other.target
    }

    /// This hook as the `ordinal`-th of its object at its place.
    #[must_use]
    pub(crate) fn with_ordinal(self, ordinal: usize) -> Self {
        Self { ordinal, ..self }
    }

    fn target_fault(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Tracepoint if split_tracepoint(&self.target).is_none() => Some("GROUP/EVENT"),
            Kind::Uprobe | Kind::Uretprobe if split_uprobe(&self.target).is_none() => {
                Some("PATH:FUNCTION or PATH:FUNCTION+OFFSET")
            }
            _ => None,
        }
    }

    /// The kind in the words of its section.
    pub(crate) fn kind_name(&self) -> &'static str {
        self.kind.as_str()
    }

    /// The target in the words of its section; for `perf_event` what is sampled.
    pub(crate) fn target_name(&self) -> String {
        if self.kind == Kind::PerfEvent {
            return format!("cpu-clock@{PERF_EVENT_HERTZ}Hz");
        }
        self.target.clone()
    }

    pub(super) fn program_type(&self) -> ProgramType {
        nature(self.kind).map_or(ProgramType::Unspec, |(kind, _, _)| kind)
    }

    pub(super) fn attach_type(&self) -> ProgramAttachType {
        nature(self.kind).map_or(ProgramAttachType::CgroupInetIngress, |(_, attach, _)| {
            attach
        })
    }

    /// What the switch returns when its lane is empty.
    pub(super) fn neutral(&self) -> i32 {
        nature(self.kind).map_or(0, |(_, _, neutral)| neutral)
    }

    /// The kernel type a stub of this kind is loaded against.
    pub(super) fn btf_target(&self) -> Option<&str> {
        (self.kind == Kind::TpBtf).then_some(&self.target)
    }
}

fn split_tracepoint(target: &str) -> Option<(&str, &str)> {
    target
        .split_once('/')
        .filter(|(group, event)| !group.is_empty() && !event.is_empty())
}

/// Path, function and offset of `PATH:FUNCTION[+OFFSET]`. The path may hold colons itself.
fn split_uprobe(target: &str) -> Option<(&str, &str, usize)> {
    let (path, function) = target.rsplit_once(':')?;
    let (function, offset) = match function.rsplit_once('+') {
        Some((function, offset)) => (function, parse_offset(offset)?),
        None => (function, 0),
    };
    (!path.is_empty() && !function.is_empty()).then_some((path, function, offset))
}

fn parse_offset(text: &str) -> Option<usize> {
    match text.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Attaches the stub of `object` at `hook`.
///
/// # Errors
/// Where the target does not exist or the kernel refuses the attachment.
pub(super) fn attach(hook: &Hook, object: &Object) -> Result<Vec<Link>, HookError> {
    let refused = |source: libbpf_rs::Error| HookError::attach(hook, &source);
    let stub = object.progs_mut().next();
    let stub: ProgramMut<'_> =
        stub.ok_or_else(|| HookError::attach(hook, &"the switch holds no program"))?;
    let link = match hook.kind {
        Kind::Tracepoint => {
            let (group, event) = split_tracepoint(&hook.target).unwrap_or_default();
            stub.attach_tracepoint(TracepointCategory::Custom(group.to_owned()), event)
        }
        Kind::RawTracepoint => stub.attach_raw_tracepoint(&hook.target),
        Kind::TpBtf => stub.attach_trace(),
        Kind::Uprobe | Kind::Uretprobe => {
            let (path, function, offset) = split_uprobe(&hook.target).unwrap_or_default();
            let options = UprobeOpts {
                retprobe: hook.kind == Kind::Uretprobe,
                func_name: Some(function.to_owned()),
                ..UprobeOpts::default()
            };
            stub.attach_uprobe_with_opts(-1, Path::new(path), offset, options)
        }
        Kind::PerfEvent => return attach_clocks(hook, &stub),
        _ => {
            return Err(HookError::Kind {
                kind: hook.kind.as_str().to_owned(),
            });
        }
    };
    Ok(vec![link.map_err(refused)?])
}

/// One sampling clock a CPU that is online now.
fn attach_clocks(hook: &Hook, stub: &ProgramMut<'_>) -> Result<Vec<Link>, HookError> {
    let cpus = sys::online_cpus().map_err(|error| HookError::attach(hook, &error))?;
    let mut links = Vec::with_capacity(cpus.len());
    for cpu in cpus {
        let clock = sys::cpu_clock(cpu, PERF_EVENT_HERTZ)
            .map_err(|error| HookError::attach(hook, &error))?;
        let link = stub
            .attach_perf_event(clock.as_raw_fd())
            .map_err(|error| HookError::attach(hook, &error))?;
        // libbpf closes the event together with the link (`bpf_link_perf_detach`).
        let _owned_by_the_link = clock.into_raw_fd();
        links.push(link);
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uprobe_targets_split_from_the_right() {
        assert_eq!(
            split_uprobe("/bin/a:b:main+0x10"),
            Some(("/bin/a:b", "main", 16))
        );
        assert_eq!(
            split_uprobe("libc.so.6:malloc"),
            Some(("libc.so.6", "malloc", 0))
        );
        assert_eq!(split_uprobe("/bin/a"), None);
        assert_eq!(split_uprobe("/bin/a:main+x"), None);
    }

    #[test]
    fn a_perf_based_hook_never_hides_the_event_from_others() {
        for kind in [
            Kind::Tracepoint,
            Kind::Uprobe,
            Kind::Uretprobe,
            Kind::PerfEvent,
        ] {
            assert_eq!(nature(kind).map(|(_, _, neutral)| neutral), Some(1));
        }
        for kind in [Kind::RawTracepoint, Kind::TpBtf] {
            assert_eq!(nature(kind).map(|(_, _, neutral)| neutral), Some(0));
        }
    }

    #[test]
    fn a_sleepable_program_is_never_put_behind_a_switch() {
        let hook = Hook::of_section(Kind::Uprobe, Some("/bin/a:main"), true);
        assert!(matches!(hook, Err(HookError::Sleepable { .. })));
    }

    #[test]
    fn a_program_without_target_has_no_hook() {
        assert_eq!(
            Hook::of_section(Kind::Tracepoint, None, false).unwrap(),
            None
        );
    }
}
