//! Puts the programs of a new generation where they wait for the flip, and those that no switch
//! serves in charge. Used by `running`.
//! Must never leave a seat as it was not before when it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ApplyError;
use super::generation::Generation;
use super::prepare::{PlannedHook, Prepared};
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::grace;
use crate::kernel::hook::Strategy;
use crate::kernel::load::Loaded;
use crate::kernel::pins::Place;
use crate::kernel::seat::Seat;
use crate::kernel::seat_place::SeatPlace;

/// The seats of a new generation, its programs in their lane; nothing has flipped.
pub(super) struct Armed {
    pub(super) seats: Vec<Arc<Seat>>,
    pub(super) took: Duration,
}

/// Puts the programs into their lane: at the seat that its hook has already, or at a new one. On an
/// error everything is as before.
pub(super) fn arm(
    (gate, place): (&Gate, Option<&Arc<Place>>),
    existing: &[Arc<Seat>],
    prepared: &Prepared,
    lane: Lane,
) -> Result<Armed, ApplyError> {
    let started = Instant::now();
    let kept = |planned: &PlannedHook| existing.iter().find(|seat| *seat.hook() == planned.hook);
    for planned in prepared
        .hooks
        .iter()
        .filter(|planned| kept(planned).is_none())
    {
        let checked = planned.hook.check();
        checked.map_err(|source| planned.refused(source))?;
    }
    let mut seats: Vec<Arc<Seat>> = Vec::with_capacity(prepared.hooks.len());
    for planned in &prepared.hooks {
        let member = planned.member(&prepared.loaded);
        let seat = if let Some(seat) = kept(planned) {
            seat.arm(lane, member).map(|()| Arc::clone(seat))
        } else {
            let place = place.map(SeatPlace::new);
            Seat::new(&planned.hook, gate, lane, member, place).map(Arc::new)
        };
        match seat {
            Ok(seat) => seats.push(seat),
            Err(source) => {
                for armed in &seats {
                    armed.clear(lane);
                }
                return Err(planned.refused(source));
            }
        }
    }
    Ok(Armed {
        seats,
        took: started.elapsed(),
    })
}

/// Puts the programs that no switch serves in charge: first those beside which the old one stays, so
/// that what fails there has taken nothing from it yet. On an error those that were are again.
pub(super) fn advance(
    seats: &[Arc<Seat>],
    hooks: &[PlannedHook],
    loaded: &Loaded,
    before: Option<(&[PlannedHook], &Loaded)>,
) -> Result<(), ApplyError> {
    let mut all: Vec<(&Arc<Seat>, &PlannedHook)> = seats.iter().zip(hooks).collect();
    all.sort_by_key(|(seat, _)| seat.hook().strategy() == Strategy::LinkUpdate);
    for (index, (seat, planned)) in all.iter().enumerate() {
        let Err(source) = seat.advance(planned.member(loaded)) else {
            continue;
        };
        for (seat, _) in all.iter().take(index) {
            let old = before.and_then(|(hooks, loaded)| {
                let old = hooks.iter().find(|old| old.hook == *seat.hook())?;
                Some(old.member(loaded))
            });
            seat.revert(old);
        }
        return Err(planned.refused(source));
    }
    Ok(())
}

/// Detaches the programs that no switch serves and that have been replaced, or whose hook is gone:
/// from here on they would see what the new ones see too.
pub(super) fn confirm(seats: &[Arc<Seat>], left: &Generation) {
    let overlaps_on_return = |seat: &Arc<Seat>| {
        let hook = seat.hook();
        hook.strategy() == Strategy::Overlap && hook.fires_on_return()
    };
    if seats.iter().any(overlaps_on_return) {
        // Functions that had been entered before are seen by the old program alone. Those that
        // take longer than this are what the proof calls unknown.
        let _waited = grace::wait();
    }
    for seat in seats {
        seat.confirm();
    }
    for gone in left.seats_without(seats) {
        gone.detach();
    }
}

/// Stores the lane and tells how long the store took.
pub(super) fn flip(gate: &Gate, lane: Lane) -> Duration {
    let started = Instant::now();
    gate.flip(lane);
    started.elapsed()
}
