//! What an object needs of a kernel, and what it could do there, in words a person can judge.
//! Called where these are shown or enforced; never stored without [`super::INSPECTION_VERSION`].
//! Must never leave something out because it is rare: what is not listed is taken to be harmless.
use std::collections::BTreeSet;

use serde::Serialize;

use super::{ExternKind, Kind, MapKind, Object, kernel_call};
use crate::btf::{Btf, essential_name};

/// What a kernel must have for an object to load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Kinds of programs.
    pub program_kinds: BTreeSet<Kind>,
    /// Kinds of maps, by name.
    pub map_kinds: BTreeSet<String>,
    /// Helpers, by name without `bpf_`, or by number if unknown.
    pub helpers: BTreeSet<String>,
    /// Kernel functions.
    pub kfuncs: BTreeSet<String>,
    /// Kernel variables.
    pub ksyms: BTreeSet<String>,
    /// Values of the kernel's configuration.
    pub kconfig: BTreeSet<String>,
    /// Kernel types whose layout it depends on, without flavours.
    pub kernel_types: BTreeSet<String>,
    /// Whether it only runs on the architecture it was built for.
    pub one_architecture: bool,
    /// Whether the kernel must have BTF.
    pub kernel_btf: bool,
}

/// Something that a program could do to the machine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// Reads any kernel memory.
    ReadsKernelMemory,
    /// Reads memory of user processes.
    ReadsUserMemory,
    /// Writes memory of user processes.
    WritesUserMemory,
    /// Sends signals to processes.
    SendsSignals,
    /// Changes what functions return.
    OverridesReturns,
    /// Decides what is permitted (security hooks).
    DecidesPermission,
    /// Drops or lets pass packets or connections.
    FiltersTraffic,
    /// Changes packets.
    ChangesPackets,
    /// Sends packets elsewhere.
    RedirectsPackets,
    /// Changes socket options or addresses.
    ChangesSockets,
    /// Makes system calls of its own.
    MakesSystemCalls,
    /// Replaces kernel operations (schedulers, congestion control).
    ReplacesKernelOperations,
    /// Replaces functions of other programs.
    ReplacesPrograms,
    /// Calls functions of the kernel that are no stable interface.
    CallsKernelFunctions,
    /// May sleep in the kernel.
    Sleeps,
}

impl Privilege {
    /// The privilege in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ReadsKernelMemory => "reads kernel memory",
            Self::ReadsUserMemory => "reads user memory",
            Self::WritesUserMemory => "writes user memory",
            Self::SendsSignals => "sends signals",
            Self::OverridesReturns => "overrides returns",
            Self::DecidesPermission => "decides what is permitted",
            Self::FiltersTraffic => "drops or passes traffic",
            Self::ChangesPackets => "changes packets",
            Self::RedirectsPackets => "redirects packets",
            Self::ChangesSockets => "changes sockets",
            Self::MakesSystemCalls => "makes system calls",
            Self::ReplacesKernelOperations => "replaces kernel operations",
            Self::ReplacesPrograms => "replaces other programs",
            Self::CallsKernelFunctions => "calls kernel functions",
            Self::Sleeps => "may sleep",
        }
    }

    /// What a helper lets a program do, by its name without `bpf_`.
    fn of_helper(name: &str) -> Option<Self> {
        Some(match name {
            "probe_read" | "probe_read_str" | "probe_read_kernel" | "probe_read_kernel_str" => {
                Self::ReadsKernelMemory
            }
            "probe_read_user"
            | "probe_read_user_str"
            | "copy_from_user"
            | "copy_from_user_task" => Self::ReadsUserMemory,
            "probe_write_user" => Self::WritesUserMemory,
            "send_signal" | "send_signal_thread" => Self::SendsSignals,
            "override_return" | "set_retval" => Self::OverridesReturns,
            "skb_store_bytes"
            | "l3_csum_replace"
            | "l4_csum_replace"
            | "skb_change_head"
            | "skb_change_tail"
            | "skb_change_proto"
            | "skb_vlan_push"
            | "skb_vlan_pop"
            | "skb_adjust_room"
            | "xdp_adjust_head"
            | "xdp_adjust_tail"
            | "xdp_adjust_meta"
            | "xdp_store_bytes"
            | "lwt_push_encap"
            | "lwt_seg6_store_bytes"
            | "msg_push_data"
            | "msg_pop_data"
            | "store_hdr_opt" => Self::ChangesPackets,
            "redirect"
            | "redirect_map"
            | "redirect_peer"
            | "redirect_neigh"
            | "clone_redirect"
            | "sk_redirect_map"
            | "sk_redirect_hash"
            | "msg_redirect_map"
            | "msg_redirect_hash"
            | "sk_select_reuseport"
            | "sk_assign" => Self::RedirectsPackets,
            "setsockopt" | "bind" | "sock_ops_cb_flags_set" => Self::ChangesSockets,
            "sys_bpf" | "sys_close" => Self::MakesSystemCalls,
            _ => return None,
        })
    }

    fn of_kind(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::FmodRet => Self::OverridesReturns,
            Kind::Lsm | Kind::LsmCgroup | Kind::CgroupDevice | Kind::CgroupSysctl => {
                Self::DecidesPermission
            }
            Kind::Xdp
            | Kind::XdpDevmap
            | Kind::XdpCpumap
            | Kind::Tc
            | Kind::TcAction
            | Kind::Tcx
            | Kind::Netkit
            | Kind::Netfilter
            | Kind::CgroupSkb
            | Kind::CgroupSock
            | Kind::SkLookup
            | Kind::SkMsg
            | Kind::SkSkb
            | Kind::SkReuseport
            | Kind::SocketFilter
            | Kind::FlowDissector
            | Kind::Lwt => Self::FiltersTraffic,
            Kind::CgroupSockAddr | Kind::CgroupSockopt | Kind::Sockops => Self::ChangesSockets,
            Kind::RawTracepointWritable | Kind::StructOps => Self::ReplacesKernelOperations,
            Kind::Freplace => Self::ReplacesPrograms,
            Kind::Syscall => Self::MakesSystemCalls,
            _ => return None,
        })
    }
}

impl Object {
    /// What a kernel must have for this object to load.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let of_kind = |kind| {
            let externs = self
                .externs
                .iter()
                .filter(move |extern_| extern_.kind == kind);
            externs.map(|extern_| extern_.name.clone()).collect()
        };
        let root = |btf: &Btf| -> BTreeSet<String> {
            let roots = self
                .core_relocations
                .iter()
                .map(|r| essential_name(btf.name(r.root)));
            roots
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let by_btf = |kind| {
            matches!(
                kind,
                Kind::TpBtf
                    | Kind::Fentry
                    | Kind::Fexit
                    | Kind::FmodRet
                    | Kind::Fsession
                    | Kind::Lsm
                    | Kind::LsmCgroup
                    | Kind::Iter
                    | Kind::StructOps
            )
        };
        let kernel_types = self.btf.as_ref().map(root).unwrap_or_default();
        let typed_externs = self
            .externs
            .iter()
            .any(|extern_| extern_.kind != ExternKind::Kconfig);
        let struct_ops = self.maps.iter().any(|map| map.kind == MapKind::STRUCT_OPS);
        Needs {
            program_kinds: self.programs.iter().map(|program| program.kind).collect(),
            map_kinds: self.maps.iter().map(|map| map.kind.to_string()).collect(),
            helpers: self.helper_names().collect(),
            kfuncs: of_kind(ExternKind::Kfunc),
            ksyms: of_kind(ExternKind::Ksym),
            kconfig: of_kind(ExternKind::Kconfig),
            one_architecture: self.reads_registers(),
            kernel_btf: !kernel_types.is_empty()
                || typed_externs
                || struct_ops
                || self.programs.iter().any(|program| by_btf(program.kind)),
            kernel_types,
        }
    }

    /// What this object could do to the machine it runs on.
    #[must_use]
    pub fn privileges(&self) -> BTreeSet<Privilege> {
        let helpers = self
            .helper_names()
            .filter_map(|name| Privilege::of_helper(&name));
        let kinds = self
            .programs
            .iter()
            .filter_map(|program| Privilege::of_kind(program.kind));
        let mut privileges: BTreeSet<_> = helpers.chain(kinds).collect();
        if self
            .programs
            .iter()
            .any(|program| !program.kfuncs.is_empty())
        {
            privileges.insert(Privilege::CallsKernelFunctions);
        }
        if self.programs.iter().any(|program| program.sleepable) {
            privileges.insert(Privilege::Sleeps);
        }
        if !self.core_relocations.is_empty() {
            privileges.insert(Privilege::ReadsKernelMemory);
        }
        privileges
    }

    fn helper_names(&self) -> impl Iterator<Item = String> {
        let ids: BTreeSet<_> = self
            .programs
            .iter()
            .flat_map(|p| p.helpers.iter().copied())
            .collect();
        ids.into_iter()
            .map(|id| kernel_call::name(id).map_or_else(|| id.to_string(), str::to_owned))
    }
}
