//! The switch: the stub that stays attached at a hook while generations come and go behind it.
//! Used by `seat`. Must never be dropped while its instance lives, unless the hook is gone.
#![expect(
    unsafe_code,
    reason = "libbpf-rs names only the types of programs that it knows"
)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libbpf_rs::{AsRawLibbpf, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, OpenProgramMut};

use super::direct::Member;
use super::gate::{Gate, Lane};
use super::hook::{self, Attached, Hook, HookError};
use super::{libbpf_log, maps};

/// Wrapper that aligns the embedded object as ELF structures ask for.
#[repr(align(8))]
struct Aligned<Bytes: ?Sized>(Bytes);

static SWITCH_ELF: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/switch.bpf.o")));

/// `excused_from` of a switch whose empty lane counts.
const HELD_TO_ACCOUNT: u64 = u64::MAX;

/// A stub, attached, with the lanes of its hook.
pub(crate) struct Switch {
    hook: Hook,
    lanes: MapHandle,
    through: MapHandle,
    /// Falls-through that were meant: before the first flip, while the instance was paused, after
    /// the flip to a generation without this hook.
    meant: AtomicU64,
    /// The count when the empty lane began to be meant; `HELD_TO_ACCOUNT` when it is not.
    excused_from: AtomicU64,
    // Dropped in this order: first nothing runs any more, then the stub goes.
    attached: Mutex<Attached>,
    stub: Object,
}

impl Switch {
    /// Loads a stub for `hook`, puts `program` in `lane`, and attaches it. Until the gate points
    /// at a lane that holds a program, its runs fall through.
    ///
    /// # Errors
    /// Where the kernel refuses the stub, the program as its tail call, or the attachment.
    pub(crate) fn attach(
        hook: &Hook,
        gate: &Gate,
        lane: Lane,
        program: Member<'_>,
    ) -> Result<Self, HookError> {
        let (attached, log) = libbpf_log::catch(|| Self::attach_quietly(hook, gate, lane, program));
        attached.map_err(|error| error.with_log(&log))
    }

    fn attach_quietly(
        hook: &Hook,
        gate: &Gate,
        lane: Lane,
        program: Member<'_>,
    ) -> Result<Self, HookError> {
        let refused = |source: libbpf_rs::Error| HookError::stub(hook, &source);
        let stub = load(hook, gate)?;
        let map = |name: &str| -> Result<MapHandle, HookError> {
            let map = stub.maps().find(|map| map.name() == name);
            let lacks = || HookError::stub(hook, &format!("it lacks its map {name}"));
            MapHandle::try_from(&map.ok_or_else(lacks)?).map_err(refused)
        };
        let (lanes, through) = (map("marrow_lanes")?, map("marrow_through")?);
        put(hook, &lanes, lane, program)?;
        let attached = hook::attach(hook, &stub, stub_name(hook))?;
        Ok(Self {
            hook: hook.clone(),
            lanes,
            through,
            meant: AtomicU64::new(0),
            excused_from: AtomicU64::new(0),
            attached: Mutex::new(attached),
            stub,
        })
    }

    fn attached(&self) -> MutexGuard<'_, Attached> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what it was attached to has gone away.
    pub(crate) fn is_gone(&self) -> bool {
        let attached = self.attached();
        attached.is_empty() || attached.is_gone(&self.hook)
    }

    /// Detaches it.
    pub(crate) fn detach(&self) {
        *self.attached() = Attached::default();
    }

    /// Attaches it again, if its target is back. As long as that is away, it is gone.
    pub(crate) fn attach_again(&self) {
        let mut attached = self.attached();
        *attached = Attached::default();
        let (again, _log) =
            libbpf_log::catch(|| hook::attach(&self.hook, &self.stub, stub_name(&self.hook)));
        *attached = again.unwrap_or_default();
    }

    /// The hook this switch sits at.
    pub(crate) fn hook(&self) -> &Hook {
        &self.hook
    }

    /// Puts a program in a lane that no gate points at.
    ///
    /// # Errors
    /// Where the kernel refuses the program as a tail call of the stub.
    pub(crate) fn arm(&self, lane: Lane, program: Member<'_>) -> Result<(), HookError> {
        put(&self.hook, &self.lanes, lane, program)
    }

    /// Empties a lane. A lane that is empty already is no error.
    pub(crate) fn clear(&self, lane: Lane) {
        // The only refusal is ENOENT, and then the lane is as it should be.
        let _empty_before = self.lanes.delete(&lane.index().to_ne_bytes());
    }

    /// Runs of this hook that met an empty lane without anybody meaning them to.
    pub(crate) fn falls_through(&self) -> u64 {
        let excused_from = self.excused_from.load(Ordering::Relaxed);
        let until = if excused_from == HELD_TO_ACCOUNT {
            self.runs_through()
        } else {
            excused_from
        };
        until.saturating_sub(self.meant.load(Ordering::Relaxed))
    }

    /// Runs of this hook that were meant to meet an empty lane.
    pub(crate) fn excused(&self) -> u64 {
        self.runs_through().saturating_sub(self.falls_through())
    }

    /// Runs that the kernel skipped because the stub was running on that CPU already: the programs
    /// behind it are not asked.
    pub(crate) fn missed(&self) -> u64 {
        let stub = self
            .stub
            .progs()
            .find(|stub| stub.name() == stub_name(&self.hook));
        stub.map_or(0, |stub| maps::missed_runs(stub.as_fd()))
    }

    /// From now on an empty lane is meant. A new switch begins like this.
    pub(crate) fn excuse(&self) {
        if self.excused_from.load(Ordering::Relaxed) == HELD_TO_ACCOUNT {
            self.excused_from
                .store(self.runs_through(), Ordering::Relaxed);
        }
    }

    /// From now on an empty lane counts. Call it a grace period after the flip, when no run can
    /// still see the gate as it was.
    pub(crate) fn hold_to_account(&self) {
        let excused_from = self.excused_from.swap(HELD_TO_ACCOUNT, Ordering::Relaxed);
        if excused_from != HELD_TO_ACCOUNT {
            let meant = self.runs_through().saturating_sub(excused_from);
            self.meant.fetch_add(meant, Ordering::Relaxed);
        }
    }

    fn runs_through(&self) -> u64 {
        maps::sum_per_cpu(&self.through).unwrap_or(0)
    }
}

/// The stub for a hook, loaded.
fn load(hook: &Hook, gate: &Gate) -> Result<Object, HookError> {
    let refused = |source: libbpf_rs::Error| HookError::stub(hook, &source);
    let mut open = ObjectBuilder::default()
        .open_memory(&SWITCH_ELF.0)
        .map_err(refused)?;
    for mut map in open.maps_mut() {
        if map.name() == "marrow_gate" {
            map.reuse_fd(gate.as_fd()).map_err(refused)?;
        } else if map.name().to_string_lossy().ends_with(".rodata") {
            map.set_initial_value(&hook.neutral().to_ne_bytes())
                .map_err(refused)?;
        }
    }
    for mut stub in open.progs_mut() {
        if stub.name() != stub_name(hook) {
            stub.set_autoload(false);
            continue;
        }
        become_one_of(hook, &mut stub);
        if hook.frags() {
            const XDP_HAS_FRAGS: u32 = 1 << 5;
            stub.set_flags(XDP_HAS_FRAGS);
        }
        if let Some(target) = hook.btf_target() {
            stub.set_attach_target(0, Some(target.to_owned()))
                .map_err(refused)?;
        }
    }
    open.load().map_err(refused)
}

/// Gives the stub the type and attach type of the programs that come behind it.
fn become_one_of(hook: &Hook, stub: &mut OpenProgramMut<'_>) {
    let program = stub.as_libbpf_object().as_ptr();
    // SAFETY: the program belongs to an object that is open and not loaded.
    unsafe { libbpf_sys::bpf_program__set_type(program, hook.program_type()) };
    // SAFETY: as above.
    unsafe { libbpf_sys::bpf_program__set_expected_attach_type(program, hook.attach_type()) };
}

fn stub_name(hook: &Hook) -> &'static str {
    if hook.is_sockopt() {
        "marrow_sockopt"
    } else {
        "marrow_switch"
    }
}

fn put(hook: &Hook, lanes: &MapHandle, lane: Lane, program: Member<'_>) -> Result<(), HookError> {
    let descriptor: Option<BorrowedFd<'_>> = program.loaded.program(program.name);
    let lost = || HookError::stub(hook, &format!("libbpf holds no program {}", program.name));
    let value = descriptor.ok_or_else(lost)?.as_raw_fd().to_ne_bytes();
    let key = lane.index().to_ne_bytes();
    lanes
        .update(&key, &value, MapFlags::ANY)
        .map_err(|source| HookError::lane(hook, &source))
}
