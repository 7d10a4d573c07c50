//! What the node knows of each kind of hook, in one table: how its target reads, what an empty lane
//! answers, how its programs are replaced. Read by `hook`; pure.
//! Must never put a kind behind the switch whose programs a tail call can't stand in for.

use payload::object::Kind;

use super::perf_event;
use super::target::{Key, split_offset, split_path, split_tracepoint, split_usdt};

/// How a program is replaced by the next generation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// A stub stays at the hook, programs come and go behind it by one store.
    Switch,
    /// The kernel swaps the program of a link.
    LinkUpdate,
    /// The new program is attached beside the old one, then the old one is detached.
    Overlap,
}

impl Strategy {
    /// Its word in the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::LinkUpdate => "link-update",
            Self::Overlap => "overlap",
        }
    }
}

/// What becomes of a program of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It goes behind a switch.
    Switched,
    /// It is attached itself, and replaced so, for the reason given.
    Direct(Strategy, &'static str),
    /// It is loaded and has no hook: something else runs it.
    Loaded,
    /// Nothing here can attach it, for the reason given.
    Never(&'static str),
}

/// What is known of a kind.
pub(super) struct Rule {
    /// How the part of its target before the options reads.
    pub(super) form: &'static str,
    /// Whether a text has that form.
    pub(super) fits: fn(&str) -> bool,
    /// The options its target takes.
    pub(super) options: &'static [Key],
    /// The target where nobody names one; none leaves the program without a hook.
    pub(super) default: Option<&'static str>,
    /// What becomes of its programs.
    pub(super) use_: Use,
}

/// What sort of place a kind attaches to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Tracepoint,
    RawTracepoint,
    KernelFunction,
    KernelFunctions,
    Syscall,
    KernelType,
    CgroupFunction,
    UserFunction,
    UserFunctions,
    Usdt,
    PerfEvent,
    Interface,
    XdpInterface,
    TcInterface,
    Cgroup,
    Netns,
    Netfilter,
    Iterator,
    Operations,
    Nowhere,
}

/// The sort of place that a kind attaches to.
pub(super) fn place(kind: Kind) -> Place {
    match kind {
        Kind::Tracepoint => Place::Tracepoint,
        Kind::RawTracepoint | Kind::RawTracepointWritable => Place::RawTracepoint,
        Kind::Kprobe | Kind::Kretprobe => Place::KernelFunction,
        Kind::KprobeMulti | Kind::KretprobeMulti | Kind::KprobeSession => Place::KernelFunctions,
        Kind::Ksyscall | Kind::Kretsyscall => Place::Syscall,
        Kind::TpBtf | Kind::Fentry | Kind::Fexit | Kind::FmodRet | Kind::Fsession | Kind::Lsm => {
            Place::KernelType
        }
        Kind::LsmCgroup => Place::CgroupFunction,
        Kind::Uprobe | Kind::Uretprobe => Place::UserFunction,
        Kind::UprobeMulti | Kind::UretprobeMulti | Kind::UprobeSession => Place::UserFunctions,
        Kind::Usdt => Place::Usdt,
        Kind::PerfEvent => Place::PerfEvent,
        Kind::Xdp => Place::XdpInterface,
        Kind::Tc => Place::TcInterface,
        Kind::Tcx | Kind::Netkit | Kind::SocketFilter => Place::Interface,
        Kind::CgroupSkb
        | Kind::CgroupSock
        | Kind::CgroupSockAddr
        | Kind::CgroupSysctl
        | Kind::CgroupSockopt
        | Kind::CgroupDevice
        | Kind::Sockops => Place::Cgroup,
        Kind::SkLookup | Kind::FlowDissector => Place::Netns,
        Kind::Netfilter => Place::Netfilter,
        Kind::Iter => Place::Iterator,
        Kind::StructOps => Place::Operations,
        Kind::SkReuseport
        | Kind::TcAction
        | Kind::Freplace
        | Kind::Syscall
        | Kind::XdpDevmap
        | Kind::XdpCpumap
        | Kind::Lwt
        | Kind::SkSkb
        | Kind::SkMsg
        | Kind::LircMode2 => Place::Nowhere,
    }
}

/// How the targets of a sort of place read.
struct Form {
    words: &'static str,
    fits: fn(&str) -> bool,
    options: &'static [Key],
    default: Option<&'static str>,
}

const fn form(words: &'static str, fits: fn(&str) -> bool) -> Form {
    Form {
        words,
        fits,
        options: &[],
        default: None,
    }
}

impl Form {
    const fn with(self, options: &'static [Key]) -> Self {
        Self { options, ..self }
    }

    const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }
}

fn anything(text: &str) -> bool {
    !text.is_empty()
}

/// A path that says where it leads: a policy for paths must not be walked around.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.split('/').any(|part| part == "..")
}

fn is_user_function(text: &str) -> bool {
    split_path(text)
        .is_some_and(|(path, function)| is_path(path) && split_offset(function).is_some())
}

/// What is known of `kind`.
pub(super) fn rule(kind: Kind) -> Rule {
    let form = match place(kind) {
        Place::Tracepoint => form("GROUP/EVENT", |text| split_tracepoint(text).is_some()),
        Place::RawTracepoint => form("EVENT", anything),
        Place::KernelFunction => form("FUNCTION or FUNCTION+OFFSET", |text| {
            split_offset(text).is_some()
        }),
        Place::KernelFunctions => form("FUNCTION or a pattern with * and ?", anything),
        Place::Syscall => form("the name of a system call", anything),
        Place::KernelType => form("the name of a kernel function or hook", anything),
        Place::CgroupFunction => form("the name of a security hook", anything).with(&[Key::Cgroup]),
        Place::UserFunction => {
            form("PATH:FUNCTION or PATH:FUNCTION+OFFSET", is_user_function).with(&[Key::Pid])
        }
        Place::UserFunctions => form(
            "PATH:FUNCTION, the function a pattern with * and ?",
            |text| split_path(text).is_some_and(|(path, _)| is_path(path)),
        )
        .with(&[Key::Pid]),
        Place::Usdt => form("PATH:PROVIDER:NAME", |text| {
            split_usdt(text).is_some_and(|(path, ..)| is_path(path))
        })
        .with(&[Key::Pid]),
        Place::PerfEvent => form(perf_event::FORM, perf_event::is_name)
            .with(&[Key::Hertz, Key::Period, Key::Pid])
            .or("cpu-clock"),
        Place::XdpInterface => form("INTERFACE", anything).with(&[Key::Mode, Key::Netns]),
        Place::TcInterface => form("INTERFACE", anything).with(&[Key::Direction, Key::Netns]),
        Place::Interface => form("INTERFACE", anything).with(&[Key::Netns]),
        Place::Cgroup => form("the path of a cgroup, without `..`", is_path).or("/"),
        Place::Netns => form("`self` or the path of a network namespace", is_path).or("self"),
        Place::Netfilter => form(NETFILTER_FORM, |text| netfilter_hook(text).is_some())
            .with(&[Key::Netns, Key::Priority]),
        Place::Iterator => form("the name of an iterator", anything).with(&[Key::Map]),
        Place::Operations => form("the name of a map of operations", anything),
        Place::Nowhere => form("nothing", |_| true),
    };
    Rule {
        form: form.words,
        fits: form.fits,
        options: form.options,
        default: form.default,
        use_: use_of(kind),
    }
}

const NETFILTER_FORM: &str = "ipv4/HOOK or ipv6/HOOK, HOOK one of pre_routing, local_in, forward, \
                              local_out, post_routing";

/// Family and number of a netfilter hook (`uapi/linux/netfilter.h`).
pub(super) fn netfilter_hook(target: &str) -> Option<(u32, u32)> {
    const HOOKS: [&str; 5] = [
        "pre_routing",
        "local_in",
        "forward",
        "local_out",
        "post_routing",
    ];
    let (family, hook) = target.split_once('/')?;
    let family = match family {
        "ipv4" => 2,
        "ipv6" => 10,
        _ => return None,
    };
    let number = HOOKS.iter().position(|known| *known == hook)?;
    Some((family, u32::try_from(number).ok()?))
}

fn use_of(kind: Kind) -> Use {
    match kind {
        // The stub would be checked against the tracepoint's buffer, the program behind it not.
        Kind::RawTracepointWritable => Use::Direct(
            Strategy::Overlap,
            "the kernel checks what a program writes to a tracepoint's buffer only where that \
             program itself attaches",
        ),
        Kind::Usdt => Use::Direct(
            Strategy::Overlap,
            "libbpf keeps the places of a probe's arguments in maps of the program's own object",
        ),
        Kind::Iter => Use::Direct(
            Strategy::LinkUpdate,
            "an iterator runs when it is read, and its link takes another program",
        ),
        Kind::StructOps => Use::Direct(
            Strategy::LinkUpdate,
            "operations are a map of functions, and their link takes another map",
        ),
        Kind::Syscall | Kind::XdpDevmap | Kind::XdpCpumap => Use::Loaded,
        Kind::SkReuseport => Use::Never("the application that owns the socket attaches it"),
        Kind::TcAction => Use::Never(
            "an action belongs to a filter; a `tc` program returns what its action would",
        ),
        Kind::Freplace => Use::Never("it replaces a function of somebody else's loaded program"),
        Kind::Lwt => Use::Never("it belongs to a route, and is given with `ip route … encap bpf`"),
        Kind::SkSkb | Kind::SkMsg => {
            Use::Never("it belongs to a map of sockets, which no hand-over can carry")
        }
        Kind::LircMode2 => Use::Never("it belongs to an infrared receiver"),
        _ => Use::Switched,
    }
}

/// What a switch answers on an empty lane, so that nobody notices it.
pub(super) fn neutral(kind: Kind) -> i32 {
    const XDP_PASS: i32 = 2;
    const TC_ACT_UNSPEC: i32 = -1;
    const FLOW_DISSECTOR_CONTINUE: i32 = 129;
    match kind {
        // 0 at a perf-based hook hides the event from every other perf user of the machine; at the
        // others 1 is "allowed".
        Kind::Tracepoint
        | Kind::Kprobe
        | Kind::Kretprobe
        | Kind::Ksyscall
        | Kind::Kretsyscall
        | Kind::Uprobe
        | Kind::Uretprobe
        | Kind::PerfEvent
        | Kind::LsmCgroup
        | Kind::CgroupSkb
        | Kind::CgroupSock
        | Kind::CgroupSockAddr
        | Kind::CgroupSysctl
        | Kind::CgroupSockopt
        | Kind::CgroupDevice
        | Kind::Sockops
        | Kind::SkLookup
        | Kind::Netfilter => 1,
        Kind::Xdp => XDP_PASS,
        Kind::Tc | Kind::Tcx | Kind::Netkit => TC_ACT_UNSPEC,
        // All of the packet.
        Kind::SocketFilter => -1,
        Kind::FlowDissector => FLOW_DISSECTOR_CONTINUE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perf_based_hook_never_hides_the_event_from_others() {
        for kind in [
            Kind::Tracepoint,
            Kind::Kprobe,
            Kind::Kretprobe,
            Kind::Uprobe,
            Kind::Uretprobe,
            Kind::PerfEvent,
        ] {
            assert_eq!(neutral(kind), 1, "{kind}");
        }
    }

    #[test]
    fn a_hook_that_decides_decides_nothing_on_an_empty_lane() {
        assert_eq!(neutral(Kind::Xdp), 2);
        assert_eq!(neutral(Kind::Tcx), -1);
        assert_eq!(neutral(Kind::Lsm), 0);
        assert_eq!(neutral(Kind::LsmCgroup), 1);
        assert_eq!(neutral(Kind::CgroupSockAddr), 1);
        assert_eq!(neutral(Kind::FlowDissector), 129);
    }

    #[test]
    fn netfilter_hooks_have_the_kernels_numbers() {
        assert_eq!(netfilter_hook("ipv4/local_out"), Some((2, 3)));
        assert_eq!(netfilter_hook("ipv6/pre_routing"), Some((10, 0)));
        assert_eq!(netfilter_hook("ipv4/nowhere"), None);
        assert_eq!(netfilter_hook("arp/local_in"), None);
    }
}
