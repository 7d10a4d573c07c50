//! Carries out what the machine says: from one generation to the next, or back to the one before.
//! Called by the engine under the instance's lock.
//! Must never decide what comes next: `machine` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::node::{MapProof, Measured, RolledBack, Steps, Way};

use super::ApplyError;
use super::arm::{advance, arm, confirm, flip};
use super::generation::{Generation, is_among};
use super::history::Original;
use super::keeper::File;
use super::machine::{Action, Input, step};
use super::order::{self, Hold};
use super::prepare::{Before, PlannedHook, Prepared};
use super::proof::{self, Times, micros};
use super::room;
use super::running::Running;
use super::view::Shown;
use super::watch::Tally;
use crate::fault;
use crate::instance::loss::plus;
use crate::instance::reader::{Drained, Replaced};

/// Loads the generation of this number, which may take maps from the one in charge.
pub(super) type Prepare<'a> = dyn FnOnce(Before<'_>, u64) -> Result<Prepared, ApplyError> + 'a;

/// What a change is for.
#[derive(Default)]
pub(super) struct Wish<'a> {
    /// Loads the new generation, where one is asked for.
    pub(super) prepare: Option<Box<Prepare<'a>>>,
    /// What the new generation is made from, where that is kept.
    pub(super) original: Option<Original>,
    /// The file itself, where it is not kept yet.
    pub(super) file: Option<File>,
    /// What is waited for right before it takes over.
    pub(super) hold: Option<&'a Hold<'a>>,
    /// Why it is gone back, where it is.
    pub(super) back: Option<Back>,
}

/// Why a generation of before is in charge again.
#[derive(Debug, Clone)]
pub(super) struct Back {
    pub(super) reason: String,
    pub(super) automatic: bool,
}

/// A change under way, and what is known of it.
#[derive(Default)]
pub(super) struct Change<'a> {
    pub(super) wish: Wish<'a>,
    pub(super) prepared: Option<Prepared>,
    /// Whether the next generation was loaded for this, and not still there.
    pub(super) loaded: bool,
    /// Whether only the handler is another.
    pub(super) alone: bool,
    pub(super) next: Option<Generation>,
    steps: Steps,
    /// What each new ring should hold for a pause of that length.
    needed: Vec<(String, Option<u64>)>,
    pause: Duration,
    times: Times,
    pub(super) flipped: Option<Flipped>,
    drained: Option<Drained>,
    /// What came of replacing the handler alone.
    pub(super) replaced: Option<Replaced>,
    /// How the maps of a generation that is gone back to are found again.
    pub(super) maps_again: Option<Vec<MapProof>>,
    failure: Option<ApplyError>,
}

/// The moment of the flip.
pub(super) struct Flipped {
    at: Instant,
    at_us: u64,
    /// What had fallen through at the hooks that it moved.
    through: u64,
    /// The generation that was left, and all records of it.
    pub(super) left: Left,
    events: u64,
}

/// What the proof says of the generation that was left.
pub(super) struct Left {
    shown: Shown,
    hooks: Vec<PlannedHook>,
    pub(super) maps: Vec<MapProof>,
}

impl Running {
    /// Replaces the generation in charge by a new one. Until the flip an error changes nothing of
    /// it; one that was watched is not watched any more.
    pub(super) fn update(&mut self, bake_ms: u64, wish: Wish<'_>) -> Result<(), ApplyError> {
        // The one in charge is timed while the next one is loaded: both are compared then.
        self.time_runs();
        self.drive(Input::Update { bake_ms }, wish)
    }

    /// Puts the generation of before in charge again, which is still loaded.
    pub(super) fn flip_back(&mut self, back: Back) -> Result<(), ApplyError> {
        self.back_by(Input::RollBack, back)
    }

    pub(super) fn back_by(&mut self, input: Input, back: Back) -> Result<(), ApplyError> {
        let wish = Wish {
            back: Some(back),
            ..Wish::default()
        };
        self.drive(input, wish)
    }

    pub(super) fn drive(&mut self, input: Input, wish: Wish<'_>) -> Result<(), ApplyError> {
        let mut change = Change {
            wish,
            ..Change::default()
        };
        let mut input = input;
        loop {
            let (state, action) = step(self.state, input, self.clock.ms());
            self.state = state;
            let done = match action {
                Action::Rest => break,
                Action::Refuse => return Err(ApplyError::Unfinished),
                Action::Prepare => self.prepare(&mut change),
                Action::Arm => self.arm(&mut change),
                Action::Flip => self.flip(&mut change),
                // No program has been replaced.
                Action::Grace if change.alone => Ok(()),
                Action::Grace => self.settle().map(|grace| change.times.grace = grace),
                Action::Drain => self.drain(&mut change),
                Action::Retire => {
                    self.retire(&mut change);
                    Ok(())
                }
            };
            fault::at(action.word());
            input = match done {
                Ok(()) => Input::Done,
                Err(error) => {
                    change.failure.get_or_insert(error);
                    Input::Failed
                }
            };
        }
        if let Some(flipped) = change.flipped.take() {
            self.prove(&mut change, &flipped);
        }
        self.time_if_compared();
        change.failure.map_or(Ok(()), Err)
    }

    fn prepare(&self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        let prepare = change.wish.prepare.take().ok_or(ApplyError::Unfinished)?;
        let prepared = prepare(self.before(), self.last_number + 1)?;
        let written = self.charge.written();
        change.pause = self.pauses.expected();
        let needed = prepared.shown.buffers.iter().map(|ring| {
            let bytes = room::needed_bytes(&written, &ring.map, change.pause);
            (ring.map.clone(), bytes)
        });
        change.needed = needed.collect();
        change.steps = prepared.steps;
        change.prepared = Some(prepared);
        change.loaded = true;
        Ok(())
    }

    fn arm(&mut self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        if self.is_rehandling(change) {
            return self.rehandle(change);
        }
        let old = &self.charge;
        let before = Some((old.hooks.as_slice(), &*old.loaded));
        let Some(prepared) = change.prepared.take() else {
            // Its programs are in their lane still.
            let started = Instant::now();
            let back = self.beside.as_ref().ok_or(ApplyError::Unfinished)?;
            self.intend(Some(back), None)?;
            if !self.paused {
                advance(&back.seats, &back.hooks, &back.loaded, before)?;
            }
            change.next = self.beside.take();
            change.times.armed = started.elapsed();
            return Ok(());
        };
        let lane = old.lane.other();
        let armed = arm((&self.gate, self.place()), &old.seats, &prepared, lane)?;
        change.times.armed = armed.took;
        let original = change.wish.original.clone();
        let mut next = Generation::armed(prepared, lane, armed.seats, original);
        next.feed = self.noted(lane, std::mem::take(&mut next.feed));
        let mut ready = self.place().map_or(Ok(()), |place| next.pin(place));
        fault::at("armed");
        ready = ready.and_then(|()| self.intend(Some(&next), change.wish.file.clone()));
        fault::at("intended");
        ready = ready.and_then(|()| order::wait(change.wish.hold.take()));
        if !self.paused {
            ready = ready.and_then(|()| advance(&next.seats, &next.hooks, &next.loaded, before));
        }
        if let Err(error) = ready {
            next.seats.iter().for_each(|seat| seat.clear(lane));
            return Err(error);
        }
        change.next = Some(next);
        Ok(())
    }

    fn flip(&mut self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        let mut next = change.next.take().ok_or(ApplyError::Unfinished)?;
        for gone in self.charge.seats_without(&next.seats) {
            gone.excuse();
        }
        let through = next.seats.iter().map(|seat| seat.falls_through()).sum();
        self.compare_speeds(&mut next);
        let at = Instant::now();
        if !self.paused && !change.alone {
            change.times.flip = flip(&self.gate, next.lane);
        }
        let at_us = (self.clock.wall_us)();
        self.last_number = self.last_number.max(next.number);
        let mut left = std::mem::replace(&mut self.charge, next);
        if change.alone {
            self.charge.take_pins(&mut left);
        } else {
            confirm(&self.charge.seats, &left);
        }
        change.flipped = Some(Flipped {
            at,
            at_us,
            through,
            left: Left {
                shown: left.shown.clone(),
                hooks: left.hooks.clone(),
                maps: left.maps.clone(),
            },
            events: left.events,
        });
        self.beside = Some(left);
        Ok(())
    }

    fn drain(&mut self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        let mut drained = match change.replaced.take() {
            Some(replaced) => replaced.into(),
            None => self.reader.adopt(std::mem::take(&mut self.charge.feed))?,
        };
        let flipped = change.flipped.as_mut().ok_or(ApplyError::Unfinished)?;
        change.times.drain = drained.drain;
        change.times.pause = drained.pause_since(flipped.at);
        if !change.alone {
            self.pauses.add(change.times.pause);
        }
        let now = self.tally();
        let perf_lost = Measured::Known(self.counters.perf_lost());
        if let Some(left) = &mut self.beside {
            left.events += drained.events;
            flipped.events = left.events;
            left.feed = std::mem::take(&mut drained.released);
            let lost = plus(left.loss.read(), perf_lost);
            left.did = Tally {
                lost,
                ..now.clone()
            }
            .since(&left.mark);
        }
        self.charge.mark = Tally {
            falls_through: flipped.through,
            // What its rings refused during the pause is its own already, where they are new.
            lost: if change.wish.back.is_some() || change.alone {
                now.lost
            } else {
                perf_lost
            },
            ..now
        };
        change.drained = Some(drained);
        fault::at("drained");
        let joined = self.join(change);
        self.note();
        joined
    }

    /// Lets go of the generation beside the one in charge: empties its lane where the hook stays,
    /// detaches the hooks that the other lacks, keeps what it had counted.
    fn retire(&mut self, change: &mut Change<'_>) {
        let started = Instant::now();
        let Some(gone) = self.beside.take() else {
            return;
        };
        if change.flipped.is_none() {
            // It was watched: from here on the next daemon can't go back to it. Where the disk does not
            // take that, its pins are gone all the same, which says enough.
            let _written = self.intend(None, None);
            fault::at("watch over");
        }
        if gone.shares_all_with(&self.charge) {
            self.reader.forget();
            return;
        }
        for seat in &gone.seats {
            if is_among(seat, &self.charge.seats) {
                seat.clear(gone.lane);
            } else {
                seat.remove();
                self.through_before += seat.falls_through();
                let missed = Measured::Known(seat.missed());
                self.loss_before = plus(self.loss_before, missed);
            }
        }
        self.loss_before = plus(self.loss_before, gone.loss.read());
        drop(gone);
        let retire = started.elapsed();
        if change.flipped.is_some() {
            change.times.retire = retire;
        } else if let Some(proof) = Arc::make_mut(&mut self.history).last_proof_mut() {
            proof.steps.retire_us = micros(retire);
        }
    }

    /// Makes the proof and keeps it.
    fn prove(&mut self, change: &mut Change<'_>, flipped: &Flipped) {
        let back = change.wish.back.take();
        let way = if change.loaded {
            Way::Reload
        } else {
            Way::Flip
        };
        let (now, left) = (&self.charge, &flipped.left);
        let maps = change.maps_again.take().unwrap_or_else(|| now.maps.clone());
        let mut proof = proof::update(
            (&left.shown, &left.hooks),
            (&now.shown, &now.hooks),
            maps,
            flipped.at_us,
        );
        proof.steps = change.times.added_to(change.steps);
        proof.events_before = flipped.events;
        if let Some(drained) = change.drained.take() {
            proof.drained = drained.after_flip;
            proof.rings = drained.rings;
            proof.handler = proof::handler(&drained.turned, change.alone);
            if change.alone {
                (proof.duplicated, proof.lost) = (Measured::Known(0), Measured::Known(0));
            }
        }
        for ring in &mut proof.rings {
            let needed = change.needed.iter().find(|(map, _)| *map == ring.map);
            ring.needed_bytes = needed.and_then(|(_, bytes)| *bytes);
        }
        proof.room = room::lacking(&proof.rings, change.pause);
        let went_back = back.is_some();
        proof.rolled_back = back.map(|back| RolledBack {
            reason: back.reason,
            automatic: back.automatic,
            way,
            only_new: flipped.events,
        });
        self.complete(&mut proof);
        let (payload, link) = (self.charge.shown.payload.clone(), self.link());
        let history = Arc::make_mut(&mut self.history);
        if went_back {
            history.go_back(&payload, link, proof);
        } else {
            history.follow(&payload, link, proof);
        }
    }
}
