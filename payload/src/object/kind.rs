//! The kinds of hook a program can be for.
//! Called by the section table, manifests and the node's choice of a switch.
//! Must never lose a variant: names are written into manifests.
use serde::{Deserialize, Serialize};

/// How a program attaches.
///
/// Variants that differ only in numbers (the cgroup address hooks, ingress and egress) are one kind;
/// [`Section::attach_type`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A socket filter.
    SocketFilter,
    /// Selection among sockets that share a port.
    SkReuseport,
    /// Entry of a kernel function.
    Kprobe,
    /// A user-space instruction.
    Uprobe,
    /// Return of a kernel function.
    Kretprobe,
    /// Return of a user-space function.
    Uretprobe,
    /// Entries of many kernel functions, one link.
    KprobeMulti,
    /// Returns of many kernel functions, one link.
    KretprobeMulti,
    /// Entry and return of kernel functions, one program.
    KprobeSession,
    /// Many user-space instructions, one link.
    UprobeMulti,
    /// Returns of many user-space functions, one link.
    UretprobeMulti,
    /// Entry and return of user-space functions, one program.
    UprobeSession,
    /// Entry of a system call, by its name.
    Ksyscall,
    /// Return of a system call, by its name.
    Kretsyscall,
    /// A static user-space probe.
    Usdt,
    /// Traffic control at a device, by link.
    Tcx,
    /// Traffic control classifier, by netlink.
    Tc,
    /// Traffic control action, by netlink.
    TcAction,
    /// A netkit device.
    Netkit,
    /// A tracepoint, with its format struct as context.
    Tracepoint,
    /// A tracepoint, with its raw arguments.
    RawTracepoint,
    /// A raw tracepoint with a writable buffer.
    RawTracepointWritable,
    /// A tracepoint, with typed arguments.
    TpBtf,
    /// Entry of a kernel function, by trampoline.
    Fentry,
    /// A kernel function whose return value is replaced.
    FmodRet,
    /// Return of a kernel function, by trampoline.
    Fexit,
    /// Entry and return of a kernel function, by trampoline.
    Fsession,
    /// Replacement of a function of another program.
    Freplace,
    /// A security hook.
    Lsm,
    /// A security hook, for the processes of one cgroup.
    LsmCgroup,
    /// An iterator over kernel objects.
    Iter,
    /// Run on demand from user space.
    Syscall,
    /// XDP, after a redirect through a device map.
    XdpDevmap,
    /// XDP, after a redirect through a CPU map.
    XdpCpumap,
    /// Packets in the driver, before the stack.
    Xdp,
    /// A sample of a perf event.
    PerfEvent,
    /// Light-weight tunnel encapsulation.
    Lwt,
    /// Events of TCP sockets.
    Sockops,
    /// Stream parser or verdict of a socket map.
    SkSkb,
    /// Messages sent on sockets of a socket map.
    SkMsg,
    /// Infrared decoding.
    LircMode2,
    /// Packet header dissection.
    FlowDissector,
    /// Packets of a cgroup.
    CgroupSkb,
    /// Sockets created or bound in a cgroup.
    CgroupSock,
    /// Addresses given to socket calls in a cgroup.
    CgroupSockAddr,
    /// Sysctl access in a cgroup.
    CgroupSysctl,
    /// Socket options in a cgroup.
    CgroupSockopt,
    /// Device access in a cgroup.
    CgroupDevice,
    /// A member of a kernel operations struct.
    StructOps,
    /// Choice of the socket for an incoming packet.
    SkLookup,
    /// A netfilter hook.
    Netfilter,
}

impl Kind {
    /// The kind's name as manifests, APIs and tables show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SocketFilter => "socket_filter",
            Self::SkReuseport => "sk_reuseport",
            Self::Kprobe => "kprobe",
            Self::Uprobe => "uprobe",
            Self::Kretprobe => "kretprobe",
            Self::Uretprobe => "uretprobe",
            Self::KprobeMulti => "kprobe_multi",
            Self::KretprobeMulti => "kretprobe_multi",
            Self::KprobeSession => "kprobe_session",
            Self::UprobeMulti => "uprobe_multi",
            Self::UretprobeMulti => "uretprobe_multi",
            Self::UprobeSession => "uprobe_session",
            Self::Ksyscall => "ksyscall",
            Self::Kretsyscall => "kretsyscall",
            Self::Usdt => "usdt",
            Self::Tcx => "tcx",
            Self::Tc => "tc",
            Self::TcAction => "tc_action",
            Self::Netkit => "netkit",
            Self::Tracepoint => "tracepoint",
            Self::RawTracepoint => "raw_tracepoint",
            Self::RawTracepointWritable => "raw_tracepoint_writable",
            Self::TpBtf => "tp_btf",
            Self::Fentry => "fentry",
            Self::FmodRet => "fmod_ret",
            Self::Fexit => "fexit",
            Self::Fsession => "fsession",
            Self::Freplace => "freplace",
            Self::Lsm => "lsm",
            Self::LsmCgroup => "lsm_cgroup",
            Self::Iter => "iter",
            Self::Syscall => "syscall",
            Self::XdpDevmap => "xdp_devmap",
            Self::XdpCpumap => "xdp_cpumap",
            Self::Xdp => "xdp",
            Self::PerfEvent => "perf_event",
            Self::Lwt => "lwt",
            Self::Sockops => "sockops",
            Self::SkSkb => "sk_skb",
            Self::SkMsg => "sk_msg",
            Self::LircMode2 => "lirc_mode2",
            Self::FlowDissector => "flow_dissector",
            Self::CgroupSkb => "cgroup_skb",
            Self::CgroupSock => "cgroup_sock",
            Self::CgroupSockAddr => "cgroup_sock_addr",
            Self::CgroupSysctl => "cgroup_sysctl",
            Self::CgroupSockopt => "cgroup_sockopt",
            Self::CgroupDevice => "cgroup_device",
            Self::StructOps => "struct_ops",
            Self::SkLookup => "sk_lookup",
            Self::Netfilter => "netfilter",
        }
    }

    /// Whether the program's context is the processor's registers, so that reading it binds the
    /// object to one architecture.
    #[must_use]
    pub const fn context_is_registers(self) -> bool {
        matches!(
            self,
            Self::Kprobe
                | Self::Kretprobe
                | Self::KprobeMulti
                | Self::KretprobeMulti
                | Self::KprobeSession
                | Self::Uprobe
                | Self::Uretprobe
                | Self::UprobeMulti
                | Self::UretprobeMulti
                | Self::UprobeSession
                | Self::Ksyscall
                | Self::Kretsyscall
                | Self::Usdt
                | Self::PerfEvent
        )
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
