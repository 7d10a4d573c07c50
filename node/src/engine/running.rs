//! A running instance: its gate, its switches, the generation in charge, and the steps by which
//! one generation follows another. Used by the engine under the instance's lock.
//! Must never leave two generations, or none, in charge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::node::{InstanceState, Measured, Owner, Proof};
use payload::object::Object;

use super::arm::{advance, arm};
use super::handover::Previous;
use super::migrate;
use super::prepare::{PlannedHook, Prepared};
use super::proof;
use super::view::{Identity, Shown, View};
use super::{ApplyError, NotYours};
use crate::instance::counters::Counters;
use crate::instance::loss::{GenerationLoss, plus};
use crate::instance::reader::{Drained, Reader, ReaderDead};
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::grace;
use crate::kernel::hook::Strategy;
use crate::kernel::load::Loaded;
use crate::kernel::seat::Seat;
use crate::sink::hub::Hub;
use crate::sink::{SinkTally, Sinks};

/// Proofs an instance keeps; the oldest goes first.
const PROOFS_MAX: usize = 64;

/// An instance and the generation in charge of it.
pub(crate) struct Running {
    pub(super) generation: u64,
    identity: Identity,
    paused: bool,
    shown: Shown,
    object: Arc<Object>,
    hooks: Vec<PlannedHook>,
    seats: Vec<Arc<Seat>>,
    gate: Gate,
    reader: Reader,
    /// Keeps the programs and maps of the generation in charge.
    loaded: Arc<Loaded>,
    loss: Arc<GenerationLoss>,
    /// What generations that are gone lost.
    loss_before: Measured,
    /// What fell through at hooks that are gone.
    through_before: u64,
    counters: Arc<Counters>,
    sinks: SinkTally,
    hub: Arc<Hub>,
    proofs: Vec<Proof>,
}

impl Running {
    /// Starts an instance: every hook is attached to the empty lane, then one store puts them all
    /// in charge at once.
    pub(super) fn start(
        identity: Identity,
        prepared: Prepared<'_>,
        hub: Arc<Hub>,
        sinks: Sinks,
        now_us: fn() -> u64,
    ) -> Result<Self, ApplyError> {
        let gate =
            Gate::new().map_err(|source| ApplyError::machine("the instance's gate", source))?;
        let lane = Lane::of_generation(prepared.generation);
        let armed = arm(&gate, &[], &prepared, lane)?;
        let counters = Arc::new(Counters::default());
        let tally = sinks.tally();
        let name = identity.name.as_str();
        let counting = Arc::clone(&counters);
        let reader = Reader::start(name, prepared.sources, sinks, counting, now_us)
            .map_err(|source| ApplyError::machine("the instance's reader", source))?;
        advance(&armed.seats, &prepared.hooks, &prepared.loaded, None)?;
        let flip = flip(&gate, lane);
        let at_us = now_us();
        let mut running = Self {
            generation: prepared.generation,
            identity,
            paused: false,
            shown: prepared.shown,
            object: Arc::new(prepared.object.clone()),
            hooks: prepared.hooks,
            seats: armed.seats,
            gate,
            reader,
            loaded: Arc::new(prepared.loaded),
            loss: Arc::new(prepared.loss),
            loss_before: Measured::Known(0),
            through_before: 0,
            counters,
            sinks: tally,
            hub,
            proofs: Vec::new(),
        };
        let waited = running.settle()?;
        let times = proof::Times {
            armed: armed.took,
            flip,
            grace: waited,
            ..Default::default()
        };
        let mut proof = proof::start(&running.shown, &running.hooks, prepared.maps, at_us);
        proof.steps = times.added_to(prepared.steps);
        running.keep(proof);
        Ok(running)
    }

    /// Replaces the generation in charge by the prepared one. Until the flip an error changes
    /// nothing.
    pub(super) fn update(
        &mut self,
        prepared: Prepared<'_>,
        now_us: fn() -> u64,
    ) -> Result<(), ApplyError> {
        let lane = Lane::of_generation(prepared.generation);
        let armed = arm(&self.gate, &self.seats, &prepared, lane)?;
        if !self.paused {
            let before = Some((self.hooks.as_slice(), &*self.loaded));
            if let Err(error) = advance(&armed.seats, &prepared.hooks, &prepared.loaded, before) {
                armed.seats.iter().for_each(|seat| seat.clear(lane));
                return Err(error);
            }
        }
        let gone = self.seats.iter();
        for gone in gone.filter(|seat| !is_among(seat, &armed.seats)) {
            gone.excuse();
        }
        let flipping = Instant::now();
        let flip = if self.paused {
            Duration::ZERO
        } else {
            flip(&self.gate, lane)
        };
        let at_us = now_us();
        let old_seats = std::mem::replace(&mut self.seats, armed.seats);
        self.confirm(&old_seats);
        let graced = self.settle();
        let drained = self.reader.adopt(prepared.sources);
        let mut maps = prepared.maps;
        let joined = migrate::end(&prepared.migrations, &mut maps);
        self.retire(&old_seats);
        let mut proof = proof::update(
            (&self.shown, &self.hooks),
            (&prepared.shown, &prepared.hooks),
            maps,
            at_us,
        );
        self.generation = prepared.generation;
        self.shown = prepared.shown;
        self.object = Arc::new(prepared.object.clone());
        self.hooks = prepared.hooks;
        self.loss = Arc::new(prepared.loss);
        self.loaded = Arc::new(prepared.loaded);
        let (grace, drained) = (graced?, drained?);
        joined?;
        let times = proof::Times {
            armed: armed.took,
            flip,
            grace,
            drain: drained.drain,
            pause: drained.ended_at.saturating_duration_since(flipping),
            retire: drained.ended_at.elapsed(),
        };
        proof.steps = times.added_to(prepared.steps);
        proof.rings = drained.rings;
        proof.events_before = drained.events;
        proof.drained = drained.after_flip;
        self.keep(proof);
        Ok(())
    }

    /// Waits until no run can still see the gate as it was; then an empty lane counts again.
    fn settle(&self) -> Result<Duration, ApplyError> {
        let started = Instant::now();
        grace::wait()
            .map_err(|source| ApplyError::machine("the grace period after the flip", source))?;
        if !self.paused {
            self.seats.iter().for_each(|seat| seat.hold_to_account());
        }
        Ok(started.elapsed())
    }

    /// Detaches the programs that no switch serves and that have been replaced, or whose hook is
    /// gone: from here on they would see what the new ones see too.
    fn confirm(&self, old_seats: &[Arc<Seat>]) {
        let overlaps_on_return = |seat: &Arc<Seat>| {
            let hook = seat.hook();
            hook.strategy() == Strategy::Overlap && hook.fires_on_return()
        };
        if self.seats.iter().any(overlaps_on_return) {
            // Functions that had been entered before are seen by the old program alone. Those that
            // take longer than this are what the proof calls unknown.
            let _waited = grace::wait();
        }
        self.seats.iter().for_each(|seat| seat.confirm());
        let gone = old_seats.iter().filter(|seat| !is_among(seat, &self.seats));
        gone.for_each(|seat| seat.detach());
    }

    /// Forgets the old generation's programs: empties its lane where the hook stays, detaches the
    /// hooks that the new one lacks, keeps what both had counted.
    fn retire(&mut self, old_seats: &[Arc<Seat>]) {
        let old_lane = Lane::of_generation(self.generation);
        for seat in old_seats {
            if is_among(seat, &self.seats) {
                seat.clear(old_lane);
            } else {
                self.through_before += seat.falls_through();
                self.loss_before = plus(self.loss_before, Measured::Known(seat.missed()));
            }
        }
        self.loss_before = plus(self.loss_before, self.loss.read());
    }

    /// Whether `owner` may change it.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn check_owner(&self, owner: &Owner) -> Result<(), NotYours> {
        let own = &self.identity.owner;
        if std::mem::discriminant(own) == std::mem::discriminant(owner) {
            return Ok(());
        }
        Err(NotYours {
            instance: self.identity.name.to_string(),
            owner: own.clone(),
        })
    }

    /// Says whose it is now.
    pub(super) fn adopt(&mut self, owner: &Owner) {
        self.identity.owner = owner.clone();
    }

    /// Detaches every hook and reads the events to their end.
    pub(super) fn stop(self) {
        let Self {
            gate,
            seats,
            reader,
            loaded,
            hub,
            ..
        } = self;
        for seat in &seats {
            seat.excuse();
            seat.detach();
        }
        gate.flip(Lane::EMPTY);
        drop(seats);
        // Without a grace period the last runs may still write; what they write is not read.
        let _waited = grace::wait();
        // A dead reader has nothing left to read.
        let _drained: Result<Drained, ReaderDead> = reader.finish();
        drop(loaded);
        hub.close();
    }

    /// Points the gate at the empty lane, or back; a program that no switch serves is detached, or
    /// attached again.
    pub(super) fn set_paused(&mut self, paused: bool) -> Result<(), ApplyError> {
        if paused == self.paused {
            return Ok(());
        }
        if paused {
            for seat in &self.seats {
                seat.excuse();
                seat.detach();
            }
            self.gate.flip(Lane::EMPTY);
        } else {
            advance(&self.seats, &self.hooks, &self.loaded, None)?;
            self.gate.flip(Lane::of_generation(self.generation));
        }
        self.paused = paused;
        self.settle().map(|_waited| ())
    }

    /// Attaches hooks again whose target had gone away and is back.
    pub(super) fn mend(&self) {
        for (seat, planned) in self.seats.iter().zip(&self.hooks) {
            seat.mend(planned.member(&self.loaded));
        }
    }

    /// The generation in charge, whose maps the next one may go on using.
    pub(super) fn previous(&self) -> Previous<'_> {
        Previous {
            object: &self.object,
            loaded: &self.loaded,
        }
    }

    /// What can be told of the instance without its lock.
    pub(super) fn view(&self) -> View {
        View {
            identity: self.identity.clone(),
            state: if self.paused {
                InstanceState::Paused
            } else {
                InstanceState::Running
            },
            shown: self.shown.clone(),
            object: Arc::clone(&self.object),
            loaded: Arc::downgrade(&self.loaded),
            hooks: self.hooks.clone(),
            seats: self.seats.clone(),
            loss: Arc::clone(&self.loss),
            loss_before: self.loss_before,
            counters: Arc::clone(&self.counters),
            sinks: self.sinks.clone(),
            hub: Arc::clone(&self.hub),
            proofs: self.proofs.clone(),
        }
    }

    /// Completes a proof with the sums until now and keeps it.
    fn keep(&mut self, mut proof: Proof) {
        let through: u64 = self.seats.iter().map(|seat| seat.falls_through()).sum();
        proof.instance = self.identity.name.to_string();
        proof.falls_through = self.through_before + through;
        if proof.lost == Measured::Known(0) {
            proof.lost = self.view().kernel_lost();
        }
        if self.proofs.len() == PROOFS_MAX {
            self.proofs.remove(0);
        }
        self.proofs.push(proof);
    }
}

fn is_among(seat: &Arc<Seat>, seats: &[Arc<Seat>]) -> bool {
    seats.iter().any(|other| Arc::ptr_eq(other, seat))
}

/// Stores the lane and tells how long the store took.
fn flip(gate: &Gate, lane: Lane) -> Duration {
    let started = Instant::now();
    gate.flip(lane);
    started.elapsed()
}
