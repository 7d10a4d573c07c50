//! Puts an instance together again from what is pinned. A part of `resume`.
//! Must never let a record of the newer generation overtake one of the older.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::node::Measured;
use payload::name::InstanceName;
use payload::object::MapKind;

use super::super::generation::Generation;
use super::super::keeping::{From, Keeping, PINS};
use super::super::prepare::{self, PlannedHook};
use super::super::record::{Laid, Record, Stands};
use super::super::running::Running;
use super::super::{ApplyError, Engine, Notice, buffers, proof};
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
        let older = match left.older {
            Some(older) => {
                let sources = sources_of(name, older, &left.place, &*payload_of(older)?)?;
                // Its handler's state went with the daemon: what is left is decoded plainly.
                let feed = Feed::new(name.as_str(), older.id.generation, sources, None);
                keeping.noted(Lane::at(older.lane), feed, From::Left)
            }
            None => Feed::default(),
        };
        let feed = std::mem::take(&mut charge.feed);
        charge.feed = keeping.noted(charge.lane, feed, From::Left);
        let Left {
            laid, gate, place, ..
        } = left;
        let loss_before = missed(&charge, paused);
        let mut beginning = self.beginning(name, &record.owner)?;
        beginning.identity.id = record.id;
        beginning.identity.started_ms = record.started_ms;
        beginning.keeping = Some(keeping);
        let mut running = beginning.with(gate, charge, older, metrics)?;
        running.loss_before = loss_before;
        running.last_number = running.last_number.max(record.last_number);
        running.paused = paused;
        running.charge.timed_from = running
            .charge
            .seats
            .iter()
            .map(|seat| seat.timed())
            .collect();
        running.take_over()?;
        fault::at("resume read");
        running.catch_up();
        place.keep_only(|pin| laid.owns(pin));
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
            let taken_up = seat.take_up(lane, planned.member(&charge.loaded), paused);
            taken_up.map_err(|source| planned.refused(source))?;
        }
        Ok((charge, metrics))
    }
}

impl Running {
    /// Has the history know what is in charge, where the daemon was killed before it did.
    fn catch_up(&mut self) {
        let link = self.link();
        let charge = &self.charge;
        let at_us = (self.clock.wall_us)();
        let mut proof = proof::start(&charge.shown, &charge.hooks, charge.maps.clone(), at_us);
        proof.instance = self.identity.name.to_string();
        // What the update that was cut short had counted is not known.
        proof.lost = Measured::Unknown;
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
        for seat in &self.charge.seats {
            seat.clear(other);
        }
        self.note();
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
    /// The one before it, whose rings may not be read to their end.
    pub(super) older: Option<&'a Laid>,
    /// Whether it has just followed another one.
    pub(super) is_newer: bool,
    pub(super) gate: Gate,
    pub(super) place: Arc<Place>,
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

fn shares_of(laid: &Laid, place: &Place) -> Result<Vec<Share>, ApplyError> {
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
fn sources_of(
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
