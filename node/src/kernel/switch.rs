//! The switch: the stub that stays attached at a hook while generations come and go behind it.
//! Used by `seat`. Must never be dropped while its instance lives, unless the hook is gone.
#![expect(
    unsafe_code,
    reason = "libbpf-rs names only the types of programs that it knows"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libbpf_rs::{AsRawLibbpf, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, OpenProgramMut};

use super::direct::Member;
use super::gate::{Gate, Lane};
use super::hook::{self, Attached, Hook, HookError};
use super::pins::Pinned;
use super::seat_place::SeatPlace;
use super::timing::Timed;
use super::{libbpf_log, maps};

/// Wrapper that aligns the embedded object as ELF structures ask for.
#[repr(align(8))]
struct Aligned<Bytes: ?Sized>(Bytes);

static SWITCH_ELF: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/switch.bpf.o")));

/// `excused_from` of a switch whose empty lane counts.
const HELD_TO_ACCOUNT: u64 = u64::MAX;

/// Parts of a switch that are pinned.
const LANES: &str = "lanes";
const THROUGH: &str = "through";

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
    /// The stub that is attached, which another daemon may have loaded.
    program: Mutex<Option<OwnedFd>>,
    pinned: Option<(SeatPlace, [Pinned; 2])>,
    /// It was not attached when it was found: what happened until then it did not see.
    was_away: bool,
}

/// What a stub is made with beside its hook.
struct Maps<'a> {
    gate: &'a Gate,
    /// Lanes and counter of before.
    found: Option<(&'a MapHandle, &'a MapHandle)>,
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
        place: Option<SeatPlace>,
    ) -> Result<Self, HookError> {
        let (attached, log) =
            libbpf_log::catch(|| Self::attach_quietly(hook, gate, (lane, program), place));
        attached.map_err(|error| error.with_log(&log))
    }

    fn attach_quietly(
        hook: &Hook,
        gate: &Gate,
        (lane, program): (Lane, Member<'_>),
        place: Option<SeatPlace>,
    ) -> Result<Self, HookError> {
        let refused = |source: libbpf_rs::Error| HookError::stub(hook, &source);
        let stub = load(hook, &Maps { gate, found: None })?;
        let map = |name: &str| -> Result<MapHandle, HookError> {
            let map = stub.maps().find(|map| map.name() == name);
            let lacks = || HookError::stub(hook, &format!("it lacks its map {name}"));
            MapHandle::try_from(&map.ok_or_else(lacks)?).map_err(refused)
        };
        let (lanes, through) = (map("marrow_lanes")?, map("marrow_through")?);
        put(hook, &lanes, lane, program)?;
        // The lanes first: those of a link that outlives the daemon must not be emptied with it.
        let pinned = match place {
            Some(place) => {
                let pin = |map: &MapHandle, part| {
                    let pinned = place.pin(map.as_fd(), part);
                    pinned.map_err(|error| HookError::stub(hook, &error))
                };
                let pins = [pin(&lanes, LANES)?, pin(&through, THROUGH)?];
                Some((place, pins))
            }
            None => None,
        };
        let attached = hook::attach(hook, &stub, stub_name(hook))?;
        let switch = Self::over(hook, (lanes, through), stub, pinned);
        switch.hold(attached);
        Ok(switch)
    }

    /// A switch of this stub that is attached nowhere.
    fn over(
        hook: &Hook,
        (lanes, through): (MapHandle, MapHandle),
        stub: Object,
        pinned: Option<(SeatPlace, [Pinned; 2])>,
    ) -> Self {
        Self {
            hook: hook.clone(),
            lanes,
            through,
            meant: AtomicU64::new(0),
            excused_from: AtomicU64::new(0),
            attached: Mutex::default(),
            program: Mutex::new(program_of(hook, &stub)),
            stub,
            pinned,
            was_away: false,
        }
    }

    /// Takes over the switch that another daemon left at `hook`, attached or not.
    ///
    /// # Errors
    /// Its lanes or its counter are not there, or the kernel refuses another stub.
    pub(crate) fn found(hook: &Hook, gate: &Gate, place: SeatPlace) -> Result<Self, HookError> {
        let lost = |error: io::Error| HookError::stub(hook, &error);
        let (lanes, lanes_pin) = place.found(LANES).map_err(lost)?;
        let (through, through_pin) = place.found(THROUGH).map_err(lost)?;
        let maps = Maps {
            gate,
            found: Some((&lanes, &through)),
        };
        let (stub, log) = libbpf_log::catch(|| load(hook, &maps));
        let stub = stub.map_err(|error| error.with_log(&log))?;
        // An older set is one whose target had gone away.
        let mut left = place.left(hook);
        let attached = left.pop().unwrap_or_default();
        left.into_iter().for_each(Attached::remove);
        let pinned = Some((place, [lanes_pin, through_pin]));
        let mut switch = Self::over(hook, (lanes, through), stub, pinned);
        let until_now = switch.runs_through();
        switch.meant = AtomicU64::new(until_now);
        switch.excused_from = AtomicU64::new(until_now);
        switch.was_away = attached.is_empty();
        if switch.was_away {
            // Its link could not be pinned: it ended with the daemon.
            switch.attach_again();
            return Ok(switch);
        }
        // The one that is attached is the other daemon's.
        if let Some(program) = attached.program() {
            switch.program = Mutex::new(Some(program));
        }
        switch.attached = Mutex::new(attached);
        Ok(switch)
    }

    /// Whether it was not attached when it was found.
    pub(crate) fn was_away(&self) -> bool {
        self.was_away
    }

    /// The number of its place.
    pub(crate) fn number(&self) -> Option<u64> {
        self.pinned.as_ref().map(|(place, _)| place.number())
    }

    /// Holds what is attached now, and pins it.
    fn hold(&self, attached: Attached) {
        let attached = match &self.pinned {
            Some((place, _)) => place.attached(attached),
            None => attached,
        };
        *self.attached() = attached;
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
        self.detach();
        let (again, _log) =
            libbpf_log::catch(|| hook::attach(&self.hook, &self.stub, stub_name(&self.hook)));
        self.hold(again.unwrap_or_default());
        let mut program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        *program = program_of(&self.hook, &self.stub);
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
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        program
            .as_ref()
            .map_or(0, |program| maps::missed_runs(program.as_fd()))
    }

    /// Its runs that were timed; those of the programs behind it are a part of them.
    pub(crate) fn timed(&self) -> Timed {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        let program = program.as_ref();
        program.map_or_else(Timed::default, |program| maps::timed_runs(program.as_fd()))
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

/// The stub itself.
fn program_of(hook: &Hook, stub: &Object) -> Option<OwnedFd> {
    let program = stub.progs().find(|stub| stub.name() == stub_name(hook));
    // Without a descriptor left its runs that are skipped are not told.
    program?.as_fd().try_clone_to_owned().ok()
}

/// The stub for a hook, loaded.
fn load(hook: &Hook, maps: &Maps<'_>) -> Result<Object, HookError> {
    let refused = |source: libbpf_rs::Error| HookError::stub(hook, &source);
    let mut open = ObjectBuilder::default()
        .open_memory(&SWITCH_ELF.0)
        .map_err(refused)?;
    for mut map in open.maps_mut() {
        let found = match (map.name().to_str(), maps.found) {
            (Some("marrow_gate"), _) => Some(maps.gate.as_fd()),
            (Some("marrow_lanes"), Some((lanes, _))) => Some(lanes.as_fd()),
            (Some("marrow_through"), Some((_, through))) => Some(through.as_fd()),
            _ => None,
        };
        if let Some(found) = found {
            map.reuse_fd(found).map_err(refused)?;
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
