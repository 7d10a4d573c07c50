//! Puts an instance together again from what is pinned. A part of `resume`.
//! Must never let a record of the newer generation overtake one of the older.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::node::{Measured, RolledBack, Way};
use payload::name::InstanceName;
use payload::object::MapKind;

use super::super::generation::Generation;
use super::super::keeping::{From, Keeping, PINS};
use super::super::prepare::{self, PlannedHook};
use super::super::record::{Fate, Laid, Record, Stands, WatchStage, Watched};
use super::super::running::Running;
use super::super::{ApplyError, Engine, Notice, buffers, proof};
use super::back::reason;
use super::{PayloadOf, ResumeError};
use crate::admit::Admitted;
use crate::fault;
use crate::instance::feed::Feed;
use crate::instance::metrics::Metrics;
use crate::instance::source::Source;
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::load::{MapHandle, Share};
use crate::kernel::pins::Place;
use crate::kernel::seat::Seat;
use crate::kernel::seat_place::SeatPlace;

impl Engine {
    pub(super) fn go_on(
        &self,
        name: &InstanceName,
        record: &Record,
        left: Left<'_>,
        payload_of: &PayloadOf<'_>,
    ) -> Result<Running, ResumeError> {
        let paused = record.stands == Stands::Paused;
        let keeper = self.shared.config.keeper.clone();
        let keeper = keeper.ok_or(ApplyError::Unfinished)?;
        let (mut charge, metrics) = self.charge(name, &left, paused, &*payload_of(left.laid)?)?;
        let keeping = Keeping::found(keeper, Arc::clone(&left.place))?;
        let unread = match left.unread() {
            Some(other) => self.unread(name, other, (&left.place, &keeping), payload_of),
            None => Feed::default(),
        };
        let feed = std::mem::take(&mut charge.feed);
        charge.feed = keeping.noted(charge.lane, feed, From::Left);
        let beside = self.beside(name, &left, (&charge, &keeping), payload_of);
        let Left {
            laid, gate, place, ..
        } = left;
        let (behind, watch) = (left.behind, left.watch);
        let loss_before = missed(&charge, paused);
        let mut beginning = self.beginning(name, &record.owner)?;
        beginning.identity.id = record.id;
        beginning.identity.started_ms = record.started_ms;
        beginning.keeping = Some(keeping);
        let mut running = beginning.with(gate, charge, unread, metrics)?;
        running.loss_before = loss_before;
        running.last_number = running.last_number.max(record.last_number);
        running.paused = paused;
        running.charge.timed_from = running
            .charge
            .seats
            .iter()
            .map(|seat| seat.timed())
            .collect();
        running.beside = beside;
        running.take_over()?;
        fault::at("resume read");
        running.catch_up(behind);
        let other = running.beside.as_ref().map(Generation::laid);
        place
            .keep_only(|pin| laid.owns(pin) || other.as_ref().is_some_and(|other| other.owns(pin)));
        running.watch_on(watch);
        running.note();
        self.shared.last_id.fetch_max(record.id, Ordering::Relaxed);
        self.tell(&Notice::Resumed(&running.view().instance()));
        Ok(running)
    }

    /// The generation in charge, loaded once more over its maps, its programs in their places.
    fn charge(
        &self,
        name: &InstanceName,
        left: &Left<'_>,
        paused: bool,
        payload: &Admitted,
    ) -> Result<(Generation, Arc<Metrics>), ApplyError> {
        let Left {
            laid,
            is_newer,
            gate,
            place,
            ..
        } = left;
        let shares = shares_of(laid, place)?;
        let means = &self.shared.means;
        let prepared = prepare::again(means, name, laid.id.generation, payload, shares)?;
        let seats = found_seats(&prepared.hooks, laid, (gate, place), *is_newer)?;
        fault::at("resume found");
        let lane = Lane::at(laid.lane);
        let metrics = Arc::clone(&prepared.metrics);
        let mut charge = Generation::armed(prepared, lane, seats, laid.original.clone());
        charge.own_pins(place, laid);
        for (seat, planned) in charge.seats.iter().zip(&charge.hooks) {
            let member = planned.member(&charge.loaded);
            let taken_up = seat.take_up(lane, member, paused);
            taken_up.map_err(|source| planned.refused(source))?;
            if left.behind.is_some() && !paused {
                // What no switch serves is the other one's still.
                let again = seat.advance(member);
                again.map_err(|source| planned.refused(source))?;
                seat.confirm();
            }
        }
        Ok((charge, metrics))
    }
}

impl Running {
    /// Has the history know what is in charge, where the daemon was killed before it did.
    fn catch_up(&mut self, behind: Option<&Laid>) {
        let link = self.link();
        let charge = &self.charge;
        let at_us = (self.clock.wall_us)();
        let mut proof = proof::start(&charge.shown, &charge.hooks, charge.maps.clone(), at_us);
        proof.instance = self.identity.name.to_string();
        // What the update that was cut short had counted is not known.
        proof.lost = Measured::Unknown;
        proof.rolled_back = behind.map(|watched| RolledBack {
            reason: reason(watched),
            automatic: true,
            way: Way::Flip,
            only_new: 0,
        });
        let payload = charge.shown.payload.clone();
        Arc::make_mut(&mut self.history).catch_up(&payload, link, proof);
    }

    /// Once nothing can write to the rings of the generation before, they are read to their end, and its
    /// lane is emptied.
    fn take_over(&mut self) -> Result<(), ApplyError> {
        if self.paused {
            self.gate.flip(Lane::EMPTY);
        }
        self.settle()?;
        let feed = std::mem::take(&mut self.charge.feed);
        self.reader.adopt(feed)?;
        let other = self.charge.lane.other();
        // What is watched has the one before it in the other lane.
        for seat in self.charge.seats.iter().filter(|_| self.beside.is_none()) {
            seat.clear(other);
        }
        Ok(())
    }
}

/// What was lost while there was no daemon: perf buffers ended with it, and some links, and nobody counts
/// what they missed.
fn missed(charge: &Generation, paused: bool) -> Measured {
    let perf = MapKind::PERF_EVENT_ARRAY.to_string();
    let mut buffers = charge.shown.buffers.iter();
    let was_away = !paused && charge.seats.iter().any(|seat| seat.was_away());
    if was_away || buffers.any(|buffer| buffer.kind == perf) {
        Measured::Unknown
    } else {
        Measured::Known(0)
    }
}

/// What is left of an instance in the kernel.
pub(super) struct Left<'a> {
    /// In charge.
    pub(super) laid: &'a Laid,
    /// The other one that is there.
    pub(super) other: Option<&'a Laid>,
    /// Whether the one in charge has just followed the other.
    pub(super) is_newer: bool,
    /// The other one, where it was left behind.
    pub(super) behind: Option<&'a Laid>,
    /// The watch that goes on: then the other one stays loaded.
    pub(super) watch: Option<Watched>,
    pub(super) gate: Gate,
    pub(super) place: Arc<Place>,
}

impl<'a> Left<'a> {
    pub(super) fn of(
        record: &'a Record,
        index: usize,
        fate: Fate,
        (gate, place): (Gate, Arc<Place>),
    ) -> Result<Self, ApplyError> {
        let names = place.names();
        let is_whole = |laid: &&Laid| laid.pins().all(|pin| names.contains(&pin));
        let generations = &record.generations;
        let mut others = generations.iter().enumerate();
        let other = others.find(|(at, _)| *at != index).map(|(_, laid)| laid);
        let is_left = |watch: &Watched| watch.stage == WatchStage::Left;
        Ok(Self {
            laid: generations.get(index).ok_or(ApplyError::Unfinished)?,
            other: other.filter(is_whole),
            is_newer: index == 1,
            behind: record.left_behind(fate),
            watch: record.watch.filter(is_left).filter(|_| index == 1),
            gate,
            place,
        })
    }

    /// One that was in charge just before, whose rings may not be read to their end.
    fn unread(&self) -> Option<&'a Laid> {
        let was_in_charge = self.is_newer && self.watch.is_none() || self.behind.is_some();
        // Where only the handler is another the rings are the same.
        let other = self.other.filter(|other| other.lane != self.laid.lane);
        other.filter(|_| was_in_charge)
    }
}

/// A payload that may be somebody else's.
pub(super) enum Lent<'a> {
    Own(Box<Admitted>),
    Of(&'a Admitted),
}

impl std::ops::Deref for Lent<'_> {
    type Target = Admitted;

    fn deref(&self) -> &Admitted {
        match self {
            Self::Own(payload) => payload,
            Self::Of(payload) => payload,
        }
    }
}

pub(super) fn shares_of(laid: &Laid, place: &Place) -> Result<Vec<Share>, ApplyError> {
    let share = |(map, pin): (&String, String)| {
        let handle = place.map(&pin);
        Ok(Share {
            map: map.clone(),
            is_section: false,
            handle: handle.map_err(|source| ApplyError::machine(PINS, source))?,
        })
    };
    laid.maps.iter().zip(laid.pins()).map(share).collect()
}

/// The rings of a generation that was left.
pub(super) fn sources_of(
    name: &InstanceName,
    laid: &Laid,
    place: &Place,
    payload: &Admitted,
) -> Result<Vec<Source>, ApplyError> {
    let (_, object) = prepare::for_this_machine(payload)?;
    let decoders = buffers::decoders(&payload.contents().manifest, object, false)?;
    let map_of = |map: &str| -> std::io::Result<MapHandle> {
        let mut pins = laid.maps.iter().zip(laid.pins());
        let pin = pins.find(|(name, _)| *name == map);
        place.map(&pin.ok_or(std::io::ErrorKind::NotFound)?.1)
    };
    let (sources, _) = buffers::open(name, laid.id.generation, map_of, decoders)?;
    Ok(sources)
}

fn found_seats(
    hooks: &[PlannedHook],
    laid: &Laid,
    (gate, place): (&Gate, &Arc<Place>),
    is_newer: bool,
) -> Result<Vec<Arc<Seat>>, ApplyError> {
    if hooks.len() != laid.seats.len() {
        let (found, needed) = (laid.seats.len(), hooks.len());
        let source =
            std::io::Error::other(format!("{found} hooks are pinned, {needed} are needed"));
        return Err(ApplyError::machine(PINS, source));
    }
    let found = |(planned, number): (&PlannedHook, &u64)| {
        let place = SeatPlace::at(place, *number);
        let seat = Seat::found(&planned.hook, gate, place, is_newer);
        seat.map(Arc::new).map_err(|source| planned.refused(source))
    };
    hooks.iter().zip(&laid.seats).map(found).collect()
}
