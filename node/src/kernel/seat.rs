//! A hook of an instance and what serves it: a switch, or the program itself.
//! Used by the engine. Must never be dropped while its instance lives, unless the hook is gone.

use api::node::HookState;

use super::direct::{Direct, Member};
use super::gate::{Gate, Lane};
use super::hook::{Hook, HookError, Strategy};
use super::seat_place::SeatPlace;
use super::switch::Switch;
use super::timing::Timed;

/// What serves a hook.
pub(crate) enum Seat {
    /// A stub stays attached, programs come and go behind it.
    Switched(Switch),
    /// The program is attached itself.
    Direct(Direct),
}

impl Seat {
    /// A seat at a hook that had none. A switch is attached at once, with `member` in `lane`; a
    /// program that is attached itself waits for `advance`.
    ///
    /// # Errors
    /// Where the kernel refuses the stub, the program as its tail call, or the attachment.
    pub(crate) fn new(
        hook: &Hook,
        gate: &Gate,
        lane: Lane,
        member: Member<'_>,
        place: Option<SeatPlace>,
    ) -> Result<Self, HookError> {
        match hook.strategy() {
            Strategy::Switch => Switch::attach(hook, gate, lane, member, place).map(Self::Switched),
            Strategy::LinkUpdate | Strategy::Overlap => Ok(Self::Direct(Direct::new(hook, place))),
        }
    }

    /// Takes over the seat that another daemon left. `is_newer`: the generation in charge is the newer
    /// one of those that were loaded.
    ///
    /// # Errors
    /// What should have been left is not there.
    pub(crate) fn found(
        hook: &Hook,
        gate: &Gate,
        place: SeatPlace,
        is_newer: bool,
    ) -> Result<Self, HookError> {
        match hook.strategy() {
            Strategy::Switch => Switch::found(hook, gate, place).map(Self::Switched),
            Strategy::LinkUpdate | Strategy::Overlap => {
                Ok(Self::Direct(Direct::found(hook, place, is_newer)))
            }
        }
    }

    /// Puts the same program that was left here, loaded once more, in its place. Where that can be done
    /// only by attaching it, the one that was left stays.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn take_up(
        &self,
        lane: Lane,
        member: Member<'_>,
        paused: bool,
    ) -> Result<(), HookError> {
        match self {
            Self::Switched(switch) => switch.arm(lane, member),
            Self::Direct(direct) => direct.take_up(member, paused),
        }
    }

    /// Whether it was not attached when it was found: nobody counts what it did not see.
    pub(crate) fn was_away(&self) -> bool {
        match self {
            Self::Switched(switch) => switch.was_away(),
            Self::Direct(direct) => direct.was_away(),
        }
    }

    /// The number of the place where it is pinned.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Switched(switch) => switch.number(),
            Self::Direct(direct) => direct.number(),
        }
    }

    /// The hook.
    pub(crate) fn hook(&self) -> &Hook {
        match self {
            Self::Switched(switch) => switch.hook(),
            Self::Direct(direct) => direct.hook(),
        }
    }

    /// Puts a program in a lane that no gate points at.
    ///
    /// # Errors
    /// Where the kernel refuses the program as a tail call of the stub.
    pub(crate) fn arm(&self, lane: Lane, member: Member<'_>) -> Result<(), HookError> {
        match self {
            Self::Switched(switch) => switch.arm(lane, member),
            Self::Direct(_) => Ok(()),
        }
    }

    /// Empties a lane.
    pub(crate) fn clear(&self, lane: Lane) {
        if let Self::Switched(switch) = self {
            switch.clear(lane);
        }
    }

    /// Puts a program that no switch serves in charge; what it replaces may run beside it until
    /// `confirm`.
    ///
    /// # Errors
    /// The kernel's; what was in charge still is.
    pub(crate) fn advance(&self, next: Member<'_>) -> Result<(), HookError> {
        match self {
            Self::Switched(_) => Ok(()),
            Self::Direct(direct) => direct.advance(next),
        }
    }

    /// Ends what `advance` began.
    pub(crate) fn confirm(&self) {
        if let Self::Direct(direct) = self {
            direct.confirm();
        }
    }

    /// Undoes `advance`; `before` was in charge, if anything was.
    pub(crate) fn revert(&self, before: Option<Member<'_>>) {
        if let Self::Direct(direct) = self {
            match before {
                Some(before) => direct.revert(before),
                None => direct.detach(),
            }
        }
    }

    /// Detaches a program that no switch serves.
    pub(crate) fn detach(&self) {
        if let Self::Direct(direct) = self {
            direct.detach();
        }
    }

    /// Detaches it for good, whoever still asks for its counts.
    pub(crate) fn remove(&self) {
        match self {
            Self::Switched(switch) => switch.detach(),
            Self::Direct(direct) => direct.detach(),
        }
    }

    /// Runs of this hook that met an empty lane without anybody meaning them to.
    pub(crate) fn falls_through(&self) -> u64 {
        match self {
            Self::Switched(switch) => switch.falls_through(),
            Self::Direct(_) => 0,
        }
    }

    /// Runs of this hook that the kernel skipped because one was going on on that CPU already.
    pub(crate) fn missed(&self) -> u64 {
        match self {
            Self::Switched(switch) => switch.missed(),
            Self::Direct(direct) => direct.missed(),
        }
    }

    /// Runs of this hook that were meant to meet an empty lane.
    pub(crate) fn excused(&self) -> u64 {
        match self {
            Self::Switched(switch) => switch.excused(),
            Self::Direct(_) => 0,
        }
    }

    /// From now on an empty lane is meant.
    pub(crate) fn excuse(&self) {
        if let Self::Switched(switch) = self {
            switch.excuse();
        }
    }

    /// From now on an empty lane counts.
    pub(crate) fn hold_to_account(&self) {
        if let Self::Switched(switch) = self {
            switch.hold_to_account();
        }
    }

    /// Runs at this hook that were timed. Of a program that no switch serves none is: it would be
    /// another one's than that of the generation before.
    pub(crate) fn timed(&self) -> Timed {
        match self {
            Self::Switched(switch) => switch.timed(),
            Self::Direct(_) => Timed::default(),
        }
    }

    /// Whether it sees what happens at its hook.
    pub(crate) fn state(&self) -> HookState {
        let gone = match self {
            Self::Switched(switch) => switch.is_gone(),
            Self::Direct(direct) => direct.is_gone(),
        };
        if gone || self.hook().process_ended() {
            return HookState::Gone;
        }
        match self {
            Self::Direct(direct) if direct.is_detached() => HookState::Detached,
            _ => HookState::Attached,
        }
    }

    /// Attaches it again where its target had gone away and is back. `member` is in charge.
    pub(crate) fn mend(&self, member: Member<'_>) {
        if !self.hook().may_go() {
            return;
        }
        match self {
            Self::Switched(switch) if switch.is_gone() => switch.attach_again(),
            Self::Direct(direct) if direct.is_gone() => direct.attach_again(member),
            _ => {}
        }
    }

    /// Runs an iterator and gives what it wrote, at most `bytes_max` bytes of it.
    ///
    /// # Errors
    /// The kernel's, or it is no iterator that is attached.
    pub(crate) fn read(&self, bytes_max: usize) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Switched(_) => Err(std::io::ErrorKind::Unsupported.into()),
            Self::Direct(direct) => direct.read(bytes_max),
        }
    }
}
