//! The table of section names: what kind of hook a program is for, and its target.
//! Called by the inspection of objects and by the node; the names are those that libbpf 1.7 knows.
//! Must never guess: a name that is not in the table is an error that carries it.
use thiserror::Error;

use super::kind::Kind;

/// What a section name says about the programs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// How they attach.
    pub kind: Kind,
    /// `enum bpf_prog_type` of the kernel's `uapi/linux/bpf.h`.
    pub program_type: u32,
    /// `enum bpf_attach_type` that libbpf expects at load; 0 where there is none.
    pub attach_type: u32,
    /// The text after the kind, for example `sched/sched_process_exec`; absent when the name stops
    /// before it, which leaves the choice to whoever attaches.
    pub target: Option<&'a str>,
    /// May sleep, which rules out the switch.
    pub sleepable: bool,
    /// Accepts packets in fragments (`xdp.frags`).
    pub frags: bool,
    /// False for names that open with `?`: loaded only when asked for.
    pub autoload: bool,
}

/// The name is none that libbpf knows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("section \"{section}\" names no kind of program")]
pub struct UnknownSection {
    /// The name as the object has it.
    pub section: String,
}

/// Reads a section name.
///
/// # Errors
/// [`UnknownSection`] when libbpf would not know which type of program it holds either.
pub fn parse(name: &str) -> Result<Section<'_>, UnknownSection> {
    let (autoload, bare) = match name.strip_prefix('?') {
        Some(rest) => (false, rest),
        None => (true, name),
    };
    for rule in RULES {
        let Some(rest) = bare.strip_prefix(rule.prefix) else {
            continue;
        };
        let target = match rest.strip_prefix('/') {
            Some(target) if rule.flags & TARGET != 0 => (!target.is_empty()).then_some(target),
            None if rest.is_empty() => None,
            _ => continue,
        };
        return Ok(Section {
            kind: rule.kind,
            program_type: rule.program_type,
            attach_type: rule.attach_type,
            target,
            sleepable: rule.flags & SLEEPABLE != 0,
            frags: rule.flags & FRAGS != 0,
            autoload,
        });
    }
    Err(UnknownSection {
        section: name.to_owned(),
    })
}

/// Every name that [`parse`] knows, without targets, in libbpf's order.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.prefix)
}

/// One row: the prefix and what it stands for.
struct Rule {
    prefix: &'static str,
    kind: Kind,
    program_type: u32,
    attach_type: u32,
    flags: u8,
}

const PLAIN: u8 = 0;
/// A target may follow after `/`.
const TARGET: u8 = 1;
const SLEEPABLE: u8 = 2;
const FRAGS: u8 = 4;

const fn rule(
    prefix: &'static str,
    kind: Kind,
    program_type: u32,
    attach_type: u32,
    flags: u8,
) -> Rule {
    Rule {
        prefix,
        kind,
        program_type,
        attach_type,
        flags,
    }
}

/// In libbpf's order; the first match counts. Numbers: `uapi/linux/bpf.h` of kernel 6.18.
const RULES: &[Rule] = &[
    rule("socket", Kind::SocketFilter, 1, 0, PLAIN),
    rule("sk_reuseport/migrate", Kind::SkReuseport, 21, 40, PLAIN),
    rule("sk_reuseport", Kind::SkReuseport, 21, 39, PLAIN),
    rule("kprobe", Kind::Kprobe, 2, 0, TARGET),
    rule("uprobe", Kind::Uprobe, 2, 0, TARGET),
    rule("uprobe.s", Kind::Uprobe, 2, 0, TARGET | SLEEPABLE),
    rule("kretprobe", Kind::Kretprobe, 2, 0, TARGET),
    rule("uretprobe", Kind::Uretprobe, 2, 0, TARGET),
    rule("uretprobe.s", Kind::Uretprobe, 2, 0, TARGET | SLEEPABLE),
    rule("kprobe.multi", Kind::KprobeMulti, 2, 42, TARGET),
    rule("kretprobe.multi", Kind::KretprobeMulti, 2, 42, TARGET),
    rule("kprobe.session", Kind::KprobeSession, 2, 56, TARGET),
    rule("uprobe.multi", Kind::UprobeMulti, 2, 48, TARGET),
    rule("uretprobe.multi", Kind::UretprobeMulti, 2, 48, TARGET),
    rule("uprobe.session", Kind::UprobeSession, 2, 57, TARGET),
    rule(
        "uprobe.multi.s",
        Kind::UprobeMulti,
        2,
        48,
        TARGET | SLEEPABLE,
    ),
    rule(
        "uretprobe.multi.s",
        Kind::UretprobeMulti,
        2,
        48,
        TARGET | SLEEPABLE,
    ),
    rule(
        "uprobe.session.s",
        Kind::UprobeSession,
        2,
        57,
        TARGET | SLEEPABLE,
    ),
    rule("ksyscall", Kind::Ksyscall, 2, 0, TARGET),
    rule("kretsyscall", Kind::Kretsyscall, 2, 0, TARGET),
    rule("usdt", Kind::Usdt, 2, 0, TARGET),
    rule("usdt.s", Kind::Usdt, 2, 0, TARGET | SLEEPABLE),
    rule("tc/ingress", Kind::Tcx, 3, 46, PLAIN),
    rule("tc/egress", Kind::Tcx, 3, 47, PLAIN),
    rule("tcx/ingress", Kind::Tcx, 3, 46, PLAIN),
    rule("tcx/egress", Kind::Tcx, 3, 47, PLAIN),
    rule("tc", Kind::Tc, 3, 0, PLAIN),
    rule("classifier", Kind::Tc, 3, 0, PLAIN),
    rule("action", Kind::TcAction, 4, 0, PLAIN),
    rule("netkit/primary", Kind::Netkit, 3, 54, PLAIN),
    rule("netkit/peer", Kind::Netkit, 3, 55, PLAIN),
    rule("tracepoint", Kind::Tracepoint, 5, 0, TARGET),
    rule("tp", Kind::Tracepoint, 5, 0, TARGET),
    rule("raw_tracepoint", Kind::RawTracepoint, 17, 0, TARGET),
    rule("raw_tp", Kind::RawTracepoint, 17, 0, TARGET),
    rule(
        "raw_tracepoint.w",
        Kind::RawTracepointWritable,
        24,
        0,
        TARGET,
    ),
    rule("raw_tp.w", Kind::RawTracepointWritable, 24, 0, TARGET),
    rule("tp_btf", Kind::TpBtf, 26, 23, TARGET),
    rule("fentry", Kind::Fentry, 26, 24, TARGET),
    rule("fmod_ret", Kind::FmodRet, 26, 26, TARGET),
    rule("fexit", Kind::Fexit, 26, 25, TARGET),
    rule("fentry.s", Kind::Fentry, 26, 24, TARGET | SLEEPABLE),
    rule("fmod_ret.s", Kind::FmodRet, 26, 26, TARGET | SLEEPABLE),
    rule("fexit.s", Kind::Fexit, 26, 25, TARGET | SLEEPABLE),
    rule("fsession", Kind::Fsession, 26, 58, TARGET),
    rule("fsession.s", Kind::Fsession, 26, 58, TARGET | SLEEPABLE),
    rule("freplace", Kind::Freplace, 28, 0, TARGET),
    rule("lsm", Kind::Lsm, 29, 27, TARGET),
    rule("lsm.s", Kind::Lsm, 29, 27, TARGET | SLEEPABLE),
    rule("lsm_cgroup", Kind::LsmCgroup, 29, 43, TARGET),
    rule("iter", Kind::Iter, 26, 28, TARGET),
    rule("iter.s", Kind::Iter, 26, 28, TARGET | SLEEPABLE),
    rule("syscall", Kind::Syscall, 31, 0, SLEEPABLE),
    rule("xdp.frags/devmap", Kind::XdpDevmap, 6, 33, FRAGS),
    rule("xdp/devmap", Kind::XdpDevmap, 6, 33, PLAIN),
    rule("xdp.frags/cpumap", Kind::XdpCpumap, 6, 35, FRAGS),
    rule("xdp/cpumap", Kind::XdpCpumap, 6, 35, PLAIN),
    rule("xdp.frags", Kind::Xdp, 6, 37, FRAGS),
    rule("xdp", Kind::Xdp, 6, 37, PLAIN),
    rule("perf_event", Kind::PerfEvent, 7, 0, PLAIN),
    rule("lwt_in", Kind::Lwt, 10, 0, PLAIN),
    rule("lwt_out", Kind::Lwt, 11, 0, PLAIN),
    rule("lwt_xmit", Kind::Lwt, 12, 0, PLAIN),
    rule("lwt_seg6local", Kind::Lwt, 19, 0, PLAIN),
    rule("sockops", Kind::Sockops, 13, 3, PLAIN),
    rule("sk_skb/stream_parser", Kind::SkSkb, 14, 4, PLAIN),
    rule("sk_skb/stream_verdict", Kind::SkSkb, 14, 5, PLAIN),
    rule("sk_skb/verdict", Kind::SkSkb, 14, 38, PLAIN),
    rule("sk_skb", Kind::SkSkb, 14, 0, PLAIN),
    rule("sk_msg", Kind::SkMsg, 16, 7, PLAIN),
    rule("lirc_mode2", Kind::LircMode2, 20, 16, PLAIN),
    rule("flow_dissector", Kind::FlowDissector, 22, 17, PLAIN),
    rule("cgroup_skb/ingress", Kind::CgroupSkb, 8, 0, PLAIN),
    rule("cgroup_skb/egress", Kind::CgroupSkb, 8, 1, PLAIN),
    rule("cgroup/skb", Kind::CgroupSkb, 8, 0, PLAIN),
    rule("cgroup/sock_create", Kind::CgroupSock, 9, 2, PLAIN),
    rule("cgroup/sock_release", Kind::CgroupSock, 9, 34, PLAIN),
    rule("cgroup/sock", Kind::CgroupSock, 9, 2, PLAIN),
    rule("cgroup/post_bind4", Kind::CgroupSock, 9, 12, PLAIN),
    rule("cgroup/post_bind6", Kind::CgroupSock, 9, 13, PLAIN),
    rule("cgroup/bind4", Kind::CgroupSockAddr, 18, 8, PLAIN),
    rule("cgroup/bind6", Kind::CgroupSockAddr, 18, 9, PLAIN),
    rule("cgroup/connect4", Kind::CgroupSockAddr, 18, 10, PLAIN),
    rule("cgroup/connect6", Kind::CgroupSockAddr, 18, 11, PLAIN),
    rule("cgroup/connect_unix", Kind::CgroupSockAddr, 18, 49, PLAIN),
    rule("cgroup/sendmsg4", Kind::CgroupSockAddr, 18, 14, PLAIN),
    rule("cgroup/sendmsg6", Kind::CgroupSockAddr, 18, 15, PLAIN),
    rule("cgroup/sendmsg_unix", Kind::CgroupSockAddr, 18, 50, PLAIN),
    rule("cgroup/recvmsg4", Kind::CgroupSockAddr, 18, 19, PLAIN),
    rule("cgroup/recvmsg6", Kind::CgroupSockAddr, 18, 20, PLAIN),
    rule("cgroup/recvmsg_unix", Kind::CgroupSockAddr, 18, 51, PLAIN),
    rule("cgroup/getpeername4", Kind::CgroupSockAddr, 18, 29, PLAIN),
    rule("cgroup/getpeername6", Kind::CgroupSockAddr, 18, 30, PLAIN),
    rule(
        "cgroup/getpeername_unix",
        Kind::CgroupSockAddr,
        18,
        52,
        PLAIN,
    ),
    rule("cgroup/getsockname4", Kind::CgroupSockAddr, 18, 31, PLAIN),
    rule("cgroup/getsockname6", Kind::CgroupSockAddr, 18, 32, PLAIN),
    rule(
        "cgroup/getsockname_unix",
        Kind::CgroupSockAddr,
        18,
        53,
        PLAIN,
    ),
    rule("cgroup/sysctl", Kind::CgroupSysctl, 23, 18, PLAIN),
    rule("cgroup/getsockopt", Kind::CgroupSockopt, 25, 21, PLAIN),
    rule("cgroup/setsockopt", Kind::CgroupSockopt, 25, 22, PLAIN),
    rule("cgroup/dev", Kind::CgroupDevice, 15, 6, PLAIN),
    rule("struct_ops", Kind::StructOps, 27, 0, TARGET),
    rule("struct_ops.s", Kind::StructOps, 27, 0, TARGET | SLEEPABLE),
    rule("sk_lookup", Kind::SkLookup, 30, 36, PLAIN),
    rule("netfilter", Kind::Netfilter, 32, 45, PLAIN),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_follows_the_first_slash() {
        let section = parse("tp/sched/sched_process_exec").unwrap();
        assert_eq!(section.kind, Kind::Tracepoint);
        assert_eq!(section.target, Some("sched/sched_process_exec"));
        let section = parse("uprobe//usr/bin/bash:readline").unwrap();
        assert_eq!(section.target, Some("/usr/bin/bash:readline"));
    }

    #[test]
    fn target_may_be_absent() {
        for name in ["kprobe", "tp_btf", "uprobe", "raw_tp/", "perf_event"] {
            assert_eq!(parse(name).unwrap().target, None, "{name}");
        }
    }

    #[test]
    fn sleepable_is_told_from_the_name_alone() {
        assert!(parse("lsm.s/bprm_check_security").unwrap().sleepable);
        assert!(parse("uprobe.multi.s/x:y").unwrap().sleepable);
        assert!(!parse("lsm/bprm_check_security").unwrap().sleepable);
        assert!(parse("syscall").unwrap().sleepable);
    }

    #[test]
    fn question_mark_turns_autoload_off() {
        let section = parse("?fentry/do_unlinkat").unwrap();
        assert!(!section.autoload);
        assert_eq!(section.kind, Kind::Fentry);
    }

    #[test]
    fn unknown_name_is_carried_in_the_error() {
        for name in [
            "",
            "?",
            "kprobes/x",
            "xdp/foo",
            "tpx",
            "maps",
            "cgroup/nonsense",
        ] {
            assert_eq!(parse(name).unwrap_err().section, name);
        }
    }

    #[test]
    fn every_row_is_reached_by_its_own_prefix() {
        for rule in RULES {
            let section = parse(rule.prefix).unwrap();
            assert_eq!(
                (section.kind, section.attach_type),
                (rule.kind, rule.attach_type)
            );
        }
    }
}
