//! Hooks: where in the kernel a program attaches, what makes two of them the same, and how the
//! program there is replaced. Planned by the engine, attached by `switch` and `direct`.
//! Must never put a program behind a switch that a tail call can't stand in for.

use payload::object::{Kind, Map, MapKind, Program};

mod attach;
mod attachment;
mod error;
mod filter;
mod needs;
mod perf_event;
mod place;
mod presence;
mod rules;
mod target;

pub(super) use attach::attach;
pub(super) use attachment::{Attached, Attachment};
pub(crate) use error::HookError;
pub(super) use filter::Filter;
pub(crate) use needs::{Variant, needs};
use presence::Whereabouts;
pub(crate) use rules::Strategy;
use rules::{Place, Use, neutral, place as place_of, rule};
use target::Target;

/// The section of maps of operations that no link takes another map for.
const OPERATIONS_WITHOUT_LINK: &str = ".struct_ops";

/// A hook. Two programs of two generations with equal hooks follow each other at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    kind: Kind,
    program_type: u32,
    attach_type: u32,
    target: Target,
    sleepable: bool,
    frags: bool,
    strategy: Strategy,
    /// Why it is not the switch; empty where it is.
    reason: &'static str,
    /// Counts programs of one object at the same place, from 0.
    ordinal: usize,
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.target)
    }
}

/// Why a program of a kind that can be switched can't be, where that is so.
fn unswitchable(program: &Program) -> Option<(Strategy, &'static str)> {
    let traced = matches!(
        program.kind,
        Kind::Fentry | Kind::Fexit | Kind::FmodRet | Kind::Fsession
    );
    if program.sleepable {
        return Some((
            Strategy::Overlap,
            "it may sleep, which a program behind a switch must not",
        ));
    }
    if program.uses("override_return") {
        return Some((
            Strategy::Overlap,
            "it replaces what the function returns, which the kernel lets only the attached \
             program do",
        ));
    }
    if traced && program.uses("get_func_ip") {
        return Some((
            Strategy::Overlap,
            "it asks for the address of its function, which is not told behind a switch",
        ));
    }
    if program.uses("get_local_storage") {
        return Some((
            Strategy::LinkUpdate,
            "it uses the storage of its cgroup, which belongs to the attached program",
        ));
    }
    None
}

impl Hook {
    /// The hook of a program, at the target that is `set` or else its section's. `None` where
    /// neither names one and its kind has no default, or where programs of its kind are run by
    /// something else: such a program is loaded and attached nowhere.
    ///
    /// # Errors
    /// Where the kind can't be served or the target is not of its form.
    pub(crate) fn of_program(
        program: &Program,
        set: Option<&str>,
    ) -> Result<Option<Self>, HookError> {
        let kind = program.kind;
        let rule = rule(kind);
        let (strategy, reason) = match rule.use_ {
            Use::Loaded => return Ok(None),
            Use::Never(reason) => {
                let kind = kind.as_str();
                return Err(HookError::Never { kind, reason });
            }
            Use::Direct(strategy, reason) => (strategy, reason),
            Use::Switched => unswitchable(program).unwrap_or((Strategy::Switch, "")),
        };
        // Its hook is the map that names it.
        if kind == Kind::StructOps {
            return Ok(None);
        }
        // What others tail-call is put nowhere that nobody named.
        let default = rule.default.filter(|_| !program.in_array);
        let text = set.or(program.target.as_deref()).or(default);
        let Some(text) = text.filter(|text| !text.is_empty() || set.is_some()) else {
            return Ok(None);
        };
        let kind_name = kind.as_str();
        let target = Target::parse(&rule, text).map_err(|source| HookError::Target {
            kind: kind_name,
            source,
        })?;
        Ok(Some(Self {
            kind,
            program_type: program.program_type,
            attach_type: program.attach_type,
            target,
            sleepable: program.sleepable,
            frags: program.frags,
            strategy,
            reason,
            ordinal: 0,
        }))
    }

    /// The hook of a map of operations, or `None` of any other map.
    ///
    /// # Errors
    /// Where nothing could take the operations' place later.
    pub(crate) fn of_map(map: &Map) -> Result<Option<Self>, HookError> {
        let Use::Direct(strategy, reason) = rule(Kind::StructOps).use_ else {
            return Ok(None);
        };
        if map.kind != MapKind::STRUCT_OPS {
            return Ok(None);
        }
        // libbpf makes a link that takes another map only of the section that asks for one.
        if map.section.as_deref() == Some(OPERATIONS_WITHOUT_LINK) {
            return Err(HookError::Never {
                kind: Kind::StructOps.as_str(),
                reason: "operations in section .struct_ops can't be replaced while they are in \
                         force; those in .struct_ops.link can, from kernel 6.4",
            });
        }
        Ok(Some(Self {
            kind: Kind::StructOps,
            program_type: 0,
            attach_type: 0,
            target: Target::named(&map.name),
            sleepable: false,
            frags: false,
            strategy,
            reason,
            ordinal: 0,
        }))
    }

    /// What of it a kernel must have something of its own for.
    fn variant(&self) -> Variant {
        Variant {
            kind: self.kind,
            sleepable: self.sleepable,
            frags: self.frags,
            attach_type: self.attach_type,
        }
    }

    /// Whether both are of one kind at one target, whatever their order.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.attach_type == other.attach_type
            && self.target == other.target
    }

    /// This hook as the `ordinal`-th of its object at its place.
    #[must_use]
    pub(crate) fn with_ordinal(self, ordinal: usize) -> Self {
        Self { ordinal, ..self }
    }

    /// The kind's name.
    pub(crate) fn kind_name(&self) -> &'static str {
        self.kind.as_str()
    }

    /// The target with its options.
    pub(crate) fn target_name(&self) -> String {
        self.target.to_string()
    }

    /// How its program is replaced.
    pub(crate) fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Why it is not the switch; `None` where it is.
    pub(crate) fn strategy_reason(&self) -> Option<&'static str> {
        Some(self.reason).filter(|reason| !reason.is_empty())
    }

    /// Whether what it is attached to may go away and come back while it is attached.
    pub(crate) fn may_go(&self) -> bool {
        matches!(
            place_of(self.kind),
            Place::Interface
                | Place::XdpInterface
                | Place::TcInterface
                | Place::Cgroup
                | Place::CgroupFunction
                | Place::Netns
                | Place::Netfilter
        )
    }

    /// Whether its program may sleep, beyond the end of a grace period.
    pub(crate) fn may_sleep(&self) -> bool {
        self.sleepable
    }

    /// Whether it fires when a function returns. Of those that were entered before a program was
    /// attached beside another one it sees nothing.
    pub(crate) fn fires_on_return(&self) -> bool {
        matches!(
            self.kind,
            Kind::Kretprobe
                | Kind::KretprobeMulti
                | Kind::KprobeSession
                | Kind::Kretsyscall
                | Kind::Uretprobe
                | Kind::UretprobeMulti
                | Kind::UprobeSession
                | Kind::Fexit
                | Kind::Fsession
        )
    }

    /// `enum bpf_prog_type`.
    pub(super) fn program_type(&self) -> u32 {
        self.program_type
    }

    /// `enum bpf_attach_type` that its programs are loaded with.
    pub(super) fn attach_type(&self) -> u32 {
        self.attach_type
    }

    /// Whether its programs take XDP packets in fragments.
    pub(super) fn frags(&self) -> bool {
        self.frags
    }

    /// What the switch returns when its lane is empty.
    pub(super) fn neutral(&self) -> i32 {
        neutral(self.kind)
    }

    /// Whether it is a map of operations, whose functions the kernel calls.
    pub(super) fn is_operations(&self) -> bool {
        self.kind == Kind::StructOps
    }

    /// Whether it runs when it is read.
    pub(crate) fn is_iterator(&self) -> bool {
        self.kind == Kind::Iter
    }

    /// Whether an option of a socket must be passed on by the switch itself.
    pub(super) fn is_sockopt(&self) -> bool {
        self.kind == Kind::CgroupSockopt
    }

    /// The kernel's name that a program of this kind is loaded against; libbpf takes the others'
    /// targets when it attaches them.
    pub(crate) fn load_target(&self) -> Option<&str> {
        let loaded = matches!(
            place_of(self.kind),
            Place::KernelType | Place::CgroupFunction | Place::Iterator
        );
        loaded.then_some(self.target.main.as_str())
    }

    /// The kernel type a stub of this kind is loaded against.
    pub(super) fn btf_target(&self) -> Option<&str> {
        let typed = matches!(
            place_of(self.kind),
            Place::KernelType | Place::CgroupFunction
        );
        typed.then_some(self.target.main.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kind: Kind, target: Option<&str>) -> Program {
        Program {
            name: "p".to_owned(),
            section: kind.as_str().to_owned(),
            kind,
            program_type: 0,
            attach_type: 0,
            target: target.map(str::to_owned),
            sleepable: false,
            frags: false,
            autoload: true,
            slots: 2,
            helpers: Vec::new(),
            kfuncs: Vec::new(),
            reads_registers: false,
            in_array: false,
        }
    }

    fn strategy(program: &Program) -> Strategy {
        Hook::of_program(program, None).unwrap().unwrap().strategy()
    }

    #[test]
    fn a_sleepable_program_is_never_put_behind_a_switch() {
        let sleepable = Program {
            sleepable: true,
            ..program(Kind::Uprobe, Some("/bin/a:main"))
        };
        assert_eq!(strategy(&sleepable), Strategy::Overlap);
        assert_eq!(
            strategy(&program(Kind::Uprobe, Some("/bin/a:main"))),
            Strategy::Switch
        );
    }

    #[test]
    fn helpers_that_a_tail_call_breaks_keep_a_program_from_the_switch() {
        let using = |kind, helper: &str| {
            let id = payload::object::kernel_call::id(helper).unwrap();
            let helpers = vec![id];
            let target = (kind != Kind::CgroupSkb).then_some("f");
            strategy(&Program {
                helpers,
                ..program(kind, target)
            })
        };
        assert_eq!(using(Kind::Fentry, "get_func_ip"), Strategy::Overlap);
        assert_eq!(using(Kind::Kprobe, "get_func_ip"), Strategy::Switch);
        assert_eq!(using(Kind::Kprobe, "override_return"), Strategy::Overlap);
        assert_eq!(
            using(Kind::CgroupSkb, "get_local_storage"),
            Strategy::LinkUpdate
        );
    }

    #[test]
    fn a_program_without_target_has_no_hook_unless_its_kind_has_a_default() {
        let hook = |kind| Hook::of_program(&program(kind, None), None).unwrap();
        assert_eq!(hook(Kind::Tracepoint), None);
        assert_eq!(hook(Kind::Xdp), None);
        assert_eq!(hook(Kind::PerfEvent).unwrap().target_name(), "cpu-clock");
        assert_eq!(hook(Kind::CgroupSkb).unwrap().to_string(), "cgroup_skb//");
    }

    #[test]
    fn a_program_that_others_tail_call_is_put_nowhere_by_itself() {
        let called = Program {
            in_array: true,
            ..program(Kind::CgroupSkb, None)
        };
        assert_eq!(Hook::of_program(&called, None).unwrap(), None);
        let named = Hook::of_program(&called, Some("/apps")).unwrap();
        assert_eq!(named.unwrap().target_name(), "/apps");
    }

    #[test]
    fn a_target_that_is_set_goes_before_the_sections() {
        let program = program(Kind::Kprobe, Some("do_exit"));
        let hook = Hook::of_program(&program, Some("do_exit+0x4")).unwrap();
        assert_eq!(hook.unwrap().target_name(), "do_exit+0x4");
    }

    #[test]
    fn what_nothing_here_attaches_is_refused_with_who_does() {
        let refused = Hook::of_program(&program(Kind::SkReuseport, None), None);
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("application"), "{error}");
    }
}
