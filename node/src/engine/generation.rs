//! One loaded generation of an instance, in charge or beside the one that is.
//! Used by `running`. Must never be dropped while the gate points at its lane.

use std::sync::Arc;

use api::node::{MapProof, Measured};
use payload::digest::Digest;
use payload::object::Object;

use super::ApplyError;
use super::handover::Previous;
use super::history::Original;
use super::keeping::PINS;
use super::migrate::{Migration, way_back};
use super::prepare::{PlannedHook, Prepared};
use super::record::Laid;
use super::room::Written;
use super::view::Shown;
use super::watch::Tally;
use crate::instance::feed::Feed;
use crate::instance::loss::GenerationLoss;
use crate::instance::rate::Peak;
use crate::instance::source::Source;
use crate::instance::told::Told;
use crate::kernel::gate::Lane;
use crate::kernel::load::Loaded;
use crate::kernel::pins::{Pinned, Place};
use crate::kernel::seat::Seat;
use crate::kernel::timing::Timed;

/// A generation whose programs are in a lane.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) lane: Lane,
    pub(super) shown: Shown,
    pub(super) object: Arc<Object>,
    pub(super) hooks: Vec<PlannedHook>,
    pub(super) seats: Vec<Arc<Seat>>,
    /// Keeps its programs and maps.
    pub(super) loaded: Arc<Loaded>,
    pub(super) loss: Arc<GenerationLoss>,
    /// How its maps came to it.
    pub(super) maps: Vec<MapProof>,
    /// Maps into which the generation before may have written since they were copied.
    pub(super) migrations: Vec<Migration>,
    /// The way back of those of the generation that followed it.
    pub(super) ways_back: Vec<Migration>,
    /// Its rings and perf buffers with its handler, while the reader does not have them.
    pub(super) feed: Feed,
    /// What is told of its handler.
    pub(super) told: Option<Arc<Told>>,
    peaks: Vec<(String, Peak)>,
    /// Records of it that were read, but for those that the reader has not told yet.
    pub(super) events: u64,
    /// The instance's sums when it took over.
    pub(super) mark: Tally,
    /// The timed runs at its hooks when it took over, in their order; none where they were new.
    pub(super) timed_from: Vec<Timed>,
    /// What happened while it was in charge, once it was left.
    pub(super) did: Tally,
    /// What it was made from, where that is kept.
    pub(super) original: Option<Original>,
    /// A digest of what is set in it.
    set: String,
    /// The digest of its object.
    elf: Option<Digest>,
    /// Its maps in bpffs, by their names in its object.
    pub(super) pins: Vec<(String, Pinned)>,
    /// The generation whose number those pins' names have, where it took the maps over with them.
    pinned_as: Option<u64>,
}

impl Generation {
    /// A prepared one that has been put in its lane.
    pub(super) fn armed(
        prepared: Prepared,
        lane: Lane,
        seats: Vec<Arc<Seat>>,
        original: Option<Original>,
    ) -> Self {
        let peaks = prepared.feed.sources().iter().filter_map(Source::peak);
        Self {
            number: prepared.generation,
            lane,
            shown: prepared.shown,
            object: prepared.object,
            hooks: prepared.hooks,
            seats,
            loaded: prepared.loaded,
            loss: prepared.loss,
            maps: prepared.maps,
            migrations: prepared.migrations,
            ways_back: Vec::new(),
            peaks: peaks.collect(),
            feed: prepared.feed,
            told: prepared.told,
            elf: prepared.elf,
            events: 0,
            mark: Tally {
                lost: Measured::Known(0),
                ..Tally::default()
            },
            timed_from: Vec::new(),
            did: Tally::default(),
            original,
            set: prepared.set,
            pins: Vec::new(),
            pinned_as: None,
        }
    }

    /// One whose programs and maps are those of this one, which has another handler.
    pub(super) fn rehandled(&self, prepared: Prepared, original: Option<Original>) -> Self {
        let seats = self.seats.clone();
        let mut next = Self::armed(prepared, self.lane, seats, original);
        next.peaks.clone_from(&self.peaks);
        next
    }

    /// Takes over the pins of another one on the same maps.
    pub(super) fn take_pins(&mut self, other: &mut Self) {
        self.pins = std::mem::take(&mut other.pins);
        self.pinned_as = other.pinned_as.take().or(Some(other.number));
        if self.pinned_as == Some(self.number) {
            self.pinned_as = None;
        }
    }

    /// Whether its programs and maps are the very same as those of another one.
    pub(super) fn shares_all_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.loaded, &other.loaded)
    }

    /// Whether a payload with this object and this set in it would load the very same.
    pub(super) fn is_loaded_as(&self, elf: Option<&Digest>, set: &str) -> bool {
        elf.is_some() && self.elf.as_ref() == elf && self.set == set
    }

    /// Pins its maps, so that they outlive the daemon.
    pub(super) fn pin(&mut self, place: &Arc<Place>) -> Result<(), ApplyError> {
        let pins = self.loaded.pin(place, &Laid::begins(self.number));
        self.pins = pins.map_err(|source| ApplyError::machine(PINS, source))?;
        Ok(())
    }

    /// Takes over the pins of its maps that another daemon made.
    pub(super) fn own_pins(&mut self, place: &Arc<Place>, laid: &Laid) {
        self.pinned_as = laid.pinned_as;
        let own = |(name, pin): (&String, String)| (name.clone(), place.owned(pin));
        self.pins = laid.maps.iter().zip(laid.pins()).map(own).collect();
    }

    /// Where its parts are.
    pub(super) fn laid(&self) -> Laid {
        Laid {
            id: self.shown.id.clone(),
            lane: self.lane.index(),
            original: self.original.clone(),
            set: self.set.clone(),
            seats: self.seats.iter().filter_map(|seat| seat.number()).collect(),
            maps: self.pins.iter().map(|(name, _)| name.clone()).collect(),
            pinned_as: self.pinned_as,
        }
    }

    /// The same of one beside that in charge, which has taken over its pins where only the handler is
    /// another.
    pub(super) fn laid_beside(&self, charge: &Self) -> Laid {
        let laid = self.laid();
        if !self.shares_all_with(charge) {
            return laid;
        }
        let of_charge = charge.laid();
        let pinned_as = of_charge.pinned_as.unwrap_or(charge.number);
        Laid {
            maps: of_charge.maps,
            pinned_as: (pinned_as != self.number).then_some(pinned_as),
            ..laid
        }
    }

    /// As what the next one takes its maps from.
    pub(super) fn previous(&self) -> Previous<'_> {
        Previous {
            object: &self.object,
            loaded: &self.loaded,
        }
    }

    /// How fast its rings were written to until now.
    pub(super) fn written(&self) -> Vec<Written> {
        let peaks = self.peaks.iter().map(|(map, peak)| Written {
            map: map.clone(),
            bytes_per_s: peak.bytes_per_s(),
        });
        peaks.collect()
    }

    /// Its seats that `other` has not.
    pub(super) fn seats_without<'a>(
        &'a self,
        other: &'a [Arc<Seat>],
    ) -> impl Iterator<Item = &'a Arc<Seat>> {
        let lacks = |seat: &&Arc<Seat>| !is_among(seat, other);
        self.seats.iter().filter(lacks)
    }

    /// How its maps are found again when it is gone back to from the one that followed it, whose
    /// maps came as `followed` says.
    pub(super) fn maps_again(&self, followed: &[MapProof]) -> Vec<MapProof> {
        let again = self.object.maps.iter().map(|map| {
            let came = followed.iter().find(|came| came.map == map.name);
            let shared = came.is_some_and(|came| came.hand_over == "shared");
            let migration = self.ways_back.iter().find(|way| way.is_of(&map.name));
            let hand_over = match (shared, migration) {
                (true, _) => "shared",
                (false, Some(_)) => "migrated",
                (false, None) => "kept",
            };
            MapProof {
                map: map.name.clone(),
                hand_over: hand_over.to_owned(),
                migrated: migration.map(way_back),
                reason: None,
            }
        });
        again.collect()
    }
}

/// Whether a seat is one of these.
pub(super) fn is_among(seat: &Arc<Seat>, seats: &[Arc<Seat>]) -> bool {
    seats.iter().any(|other| Arc::ptr_eq(other, seat))
}
