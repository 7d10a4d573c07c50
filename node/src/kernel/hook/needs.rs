//! What a kernel must have for a kind of hook, told where this one seems to lack it.
//! Asked when the kernel has said no, and before anything is attached where it surely will.
//! Must never refuse by the kernel's number alone: distributions carry features back.

use std::path::Path;

use payload::object::{Kind, Program};

use super::rules::{Place, place};

/// What a kernel must have something of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    /// The kind.
    pub(crate) kind: Kind,
    /// Whether the program may sleep.
    pub(crate) sleepable: bool,
    /// Whether it takes XDP packets in fragments.
    pub(crate) frags: bool,
    /// `enum bpf_attach_type`.
    pub(crate) attach_type: u32,
}

impl Variant {
    /// The operations of the kernel.
    pub(crate) const OPERATIONS: Self = Self {
        kind: Kind::StructOps,
        sleepable: false,
        frags: false,
        attach_type: 0,
    };

    /// Whether it is about addresses of unix sockets (`BPF_CGROUP_UNIX_*`).
    fn is_unix(self) -> bool {
        self.kind == Kind::CgroupSockAddr && (49..=53).contains(&self.attach_type)
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sleepable = if self.sleepable { "sleepable " } else { "" };
        let frags = if self.frags { " with fragments" } else { "" };
        let unix = if self.is_unix() {
            " for unix sockets"
        } else {
            ""
        };
        write!(f, "{sleepable}{}{frags}{unix}", self.kind)
    }
}

impl From<&Program> for Variant {
    fn from(program: &Program) -> Self {
        Self {
            kind: program.kind,
            sleepable: program.sleepable,
            frags: program.frags,
            attach_type: program.attach_type,
        }
    }
}

/// What would be needed for `variant`, where the kernel's `reason` may well be that it is missing: this
/// kernel is older than the kind, or says that it does not do such things.
pub(crate) fn needs(variant: Variant, reason: &str) -> Option<String> {
    let (since, configuration) = required(variant)?;
    let release = release()?;
    let older = number(&release).is_some_and(|number| number < since);
    if !older && !says_unsupported(reason) {
        return None;
    }
    Some(sentence(variant, since, configuration, &release))
}

fn sentence(
    variant: Variant,
    since: (u32, u32),
    configuration: Option<&str>,
    release: &str,
) -> String {
    let (major, minor) = since;
    let built = configuration.map_or_else(String::new, |options| format!(", built with {options}"));
    format!("a {variant} program needs kernel {major}.{minor} or newer{built}; this is {release}")
}

/// Whether an error's text ends in a number by which kernels say that they don't do a thing:
/// `EPERM`, `ENOSYS`, `EOPNOTSUPP`, and `ENOTSUPP`, which only the kernel itself has.
fn says_unsupported(reason: &str) -> bool {
    [1, 38, 95, 524]
        .iter()
        .any(|number| reason.contains(&format!("(os error {number})")))
}

/// The first two numbers of a release.
fn number(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What is missing for certain, so that nothing needs to be tried.
pub(super) fn surely_missing(variant: Variant) -> Option<String> {
    let kind = variant.kind;
    let missing = match place(kind) {
        Place::KernelFunction | Place::Syscall => !has_source("kprobe"),
        Place::UserFunction | Place::Usdt => !has_source("uprobe"),
        // Before that no answer of a program leaves the packet to the kernel's own dissector.
        Place::Netns if kind == Kind::FlowDissector => {
            release().as_deref().and_then(number) < Some((6, 1))
        }
        _ if matches!(kind, Kind::Lsm | Kind::LsmCgroup) && !lsm_is_on() => {
            return Some(LSM_IS_OFF.to_owned());
        }
        _ => false,
    };
    if !missing {
        return None;
    }
    let (since, configuration) = required(variant)?;
    let release = release().unwrap_or_default();
    Some(sentence(variant, since, configuration, &release))
}

const LSM_IS_OFF: &str = "BPF is not among the kernel's security modules \
    (/sys/kernel/security/lsm), so its hooks would never run; boot with `lsm=…,bpf`";

/// Whether the kernel has this source of probes; also where tracefs does not tell.
fn has_source(name: &str) -> bool {
    let tracefs = Path::new("/sys/kernel/tracing");
    // Kernels before 4.17 have the file of tracefs alone; without any mount nothing is told.
    !tracefs.join("events").is_dir()
        || tracefs.join(format!("{name}_events")).exists()
        || Path::new("/sys/bus/event_source/devices")
            .join(name)
            .exists()
}

/// Whether the kernel asks BPF at its security hooks; also where securityfs does not tell.
fn lsm_is_on() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lsm").map_or(true, |modules| {
        modules.trim().split(',').any(|module| module == "bpf")
    })
}

/// The first mainline kernel that has it, and what that must be built with.
fn required(variant: Variant) -> Option<((u32, u32), Option<&'static str>)> {
    match variant.kind {
        Kind::Xdp if variant.frags => Some(((5, 18), None)),
        Kind::Uprobe | Kind::Uretprobe | Kind::Usdt if variant.sleepable => {
            Some(((6, 0), Some("CONFIG_UPROBE_EVENTS")))
        }
        Kind::Iter if variant.sleepable => Some(((5, 18), None)),
        Kind::Fentry | Kind::Fexit | Kind::FmodRet if variant.sleepable => Some((
            (5, 10),
            Some(
                "CONFIG_FUNCTION_ERROR_INJECTION, and a function that may be made to fail or is a \
                 hook for this",
            ),
        )),
        _ if variant.is_unix() => Some(((6, 7), Some("CONFIG_CGROUP_BPF"))),
        kind => required_of(kind),
    }
}

fn required_of(kind: Kind) -> Option<((u32, u32), Option<&'static str>)> {
    const TRAMPOLINE: &str = "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS and CONFIG_BPF_JIT";
    Some(match kind {
        Kind::Kprobe | Kind::Kretprobe | Kind::Ksyscall | Kind::Kretsyscall => {
            ((4, 1), Some("CONFIG_KPROBE_EVENTS"))
        }
        Kind::KprobeMulti | Kind::KretprobeMulti => ((5, 18), Some("CONFIG_FPROBE")),
        Kind::KprobeSession => ((6, 10), Some("CONFIG_FPROBE")),
        Kind::Uprobe | Kind::Uretprobe => ((4, 1), Some("CONFIG_UPROBE_EVENTS")),
        // Before that libbpf wants the process of a probe in a shared library.
        Kind::Usdt => ((5, 15), Some("CONFIG_UPROBE_EVENTS")),
        Kind::UprobeMulti | Kind::UretprobeMulti => ((6, 6), Some("CONFIG_UPROBE_EVENTS")),
        Kind::UprobeSession => ((6, 13), Some("CONFIG_UPROBE_EVENTS")),
        Kind::Fentry | Kind::Fexit => ((5, 5), Some(TRAMPOLINE)),
        Kind::FmodRet => ((5, 7), Some(TRAMPOLINE)),
        Kind::Fsession => ((7, 0), Some(TRAMPOLINE)),
        Kind::Lsm => (
            (5, 7),
            Some("CONFIG_BPF_LSM and CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
        ),
        Kind::LsmCgroup => ((6, 0), Some("CONFIG_BPF_LSM and CONFIG_CGROUP_BPF")),
        Kind::Xdp | Kind::SkLookup => ((5, 9), None),
        Kind::Tc => (
            (4, 1),
            Some("CONFIG_NET_CLS_BPF or, from 6.6, CONFIG_NET_XGRESS"),
        ),
        Kind::Tcx => ((6, 6), Some("CONFIG_NET_XGRESS")),
        Kind::Netkit => ((6, 7), Some("CONFIG_NETKIT")),
        Kind::CgroupSkb
        | Kind::CgroupSock
        | Kind::CgroupSockAddr
        | Kind::CgroupSysctl
        | Kind::CgroupSockopt
        | Kind::CgroupDevice
        | Kind::Sockops => ((5, 7), Some("CONFIG_CGROUP_BPF")),
        Kind::FlowDissector => ((6, 1), None),
        Kind::Netfilter => ((6, 4), Some("CONFIG_NETFILTER_BPF_LINK")),
        Kind::StructOps => ((6, 4), Some(TRAMPOLINE)),
        Kind::Iter => ((5, 8), None),
        Kind::TpBtf => ((5, 5), Some("CONFIG_DEBUG_INFO_BTF")),
        Kind::RawTracepoint => ((4, 17), None),
        Kind::RawTracepointWritable => ((5, 2), None),
        _ => return None,
    })
}

fn release() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_its_two_numbers() {
        assert_eq!(number("6.1.0-41-cloud-amd64"), Some((6, 1)));
        assert_eq!(number("7.0-rc1"), Some((7, 0)));
        assert_eq!(number("unknown"), None);
    }

    #[test]
    fn a_mistake_is_not_blamed_on_the_kernel() {
        assert!(says_unsupported("Operation not supported (os error 95)"));
        assert!(says_unsupported("Unknown error 524 (os error 524)"));
        assert!(!says_unsupported("No such file or directory (os error 2)"));
        assert!(!says_unsupported("Device or resource busy (os error 16)"));
    }
}
