//! What outlives the daemon of an instance: its pins, and the record of what it is about to be. Used by
//! `running` and `course` before and behind each step.
//! Must never flip a gate to a generation that no record on disk knows.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::ApplyError;
use super::generation::Generation;
use super::keeper::{File, Keeper};
use super::machine::{Course, State};
use super::record::{Record, Stands, WatchStage, Watched};
use super::running::Running;
use crate::instance::feed::Feed;
use crate::instance::source::Source;
use crate::kernel::cursors::{self, Cursors};
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::pins::{Pinned, Place};

/// The names of the pins of the gate and of the readers' cursors.
pub(super) const GATE: &str = "gate";
const CURSORS: &str = "cursors";
/// Slots of cursors that one lane has.
const SLOTS_OF_LANE: u32 = cursors::SLOTS / 2;

/// What outlives the daemon of an instance.
pub(super) struct Keeping {
    keeper: Keeper,
    /// Where it is pinned; nothing without a bpffs.
    place: Option<Arc<Place>>,
    pins: Vec<Pinned>,
    /// How far the readers are.
    cursors: Option<Cursors>,
}

/// From where a ring is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// It is new.
    Beginning,
    /// From where another daemon was.
    Left,
}

impl Keeping {
    /// What an instance that starts is kept by.
    pub(super) fn new(keeper: Keeper, place: Option<Arc<Place>>) -> Self {
        Self {
            keeper,
            place,
            pins: Vec::new(),
            cursors: None,
        }
    }

    /// Takes over the pins of another daemon.
    pub(super) fn found(keeper: Keeper, place: Arc<Place>) -> Result<Self, ApplyError> {
        let cursors = place.map(CURSORS).and_then(Cursors::open);
        Ok(Self {
            cursors: Some(cursors.map_err(|source| ApplyError::machine(PINS, source))?),
            pins: [GATE, CURSORS]
                .map(|name| place.owned(name.to_owned()))
                .into(),
            keeper,
            place: Some(place),
        })
    }

    /// Makes the place of an instance that starts, and pins its gate and its cursors.
    pub(super) fn begin(&mut self, gate: &Gate) -> Result<(), ApplyError> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let begin = || {
            place.begin()?;
            let cursors = Cursors::new()?;
            let pins = [
                place.pin(gate.as_fd(), GATE.to_owned())?,
                place.pin(cursors.as_fd(), CURSORS.to_owned())?,
            ];
            Ok((cursors, pins))
        };
        let (cursors, pins) = begin().map_err(|source| ApplyError::machine(PINS, source))?;
        self.cursors = Some(cursors);
        self.pins = pins.into();
        Ok(())
    }

    /// The feed of a generation in this lane, whose sources note how far they are read: from the
    /// beginning, or from where another daemon was.
    pub(super) fn noted(&self, lane: Lane, feed: Feed, from: From) -> Feed {
        let Some(cursors) = &self.cursors else {
            return feed;
        };
        let first = lane.index() * SLOTS_OF_LANE;
        let noted = (first..first + SLOTS_OF_LANE)
            .map(Some)
            .chain(std::iter::repeat(None));
        let note = |(source, slot): (Source, Option<u32>)| {
            let cursor = slot.and_then(|slot| match from {
                From::Beginning => cursors.fresh(slot),
                From::Left => cursors.slot(slot),
            });
            match cursor {
                Some(cursor) => source.with_cursor(cursor),
                None => source,
            }
        };
        feed.with_sources(|sources| sources.into_iter().zip(noted).map(note).collect())
    }

    /// Where the instance is pinned.
    pub(super) fn place(&self) -> Option<&Arc<Place>> {
        self.place.as_ref()
    }
}

/// What the machine did not give, in errors.
pub(super) const PINS: &str = "the instance's pins in bpffs";
const RECORD: &str = "the instance's record in the state folder";

impl Running {
    /// Writes that this generation is about to follow the one in charge, and its file, before anything
    /// is moved.
    pub(super) fn intend(
        &self,
        next: Option<&Generation>,
        file: Option<File>,
    ) -> Result<(), ApplyError> {
        self.intend_as(self.stands(), next, file)
    }

    /// The same for what the whole instance is about to be.
    pub(super) fn intend_as(
        &self,
        stands: Stands,
        next: Option<&Generation>,
        file: Option<File>,
    ) -> Result<(), ApplyError> {
        let Some(keeping) = &self.keeping else {
            return Ok(());
        };
        let written = keeping
            .keeper
            .intend(&self.identity.name, self.record(stands, next), file);
        written.map_err(|source| ApplyError::machine(RECORD, source))
    }

    /// Has written what the instance is now. Until the disk has it, what was intended says enough.
    pub(super) fn note(&self) {
        if let Some(keeping) = &self.keeping {
            let record = self.record(self.stands(), None);
            keeping.keeper.note(&self.identity.name, Some(record));
        }
    }

    /// The feed of a new generation in this lane, whose sources note how far they are read.
    pub(super) fn noted(&self, lane: Lane, feed: Feed) -> Feed {
        match &self.keeping {
            Some(keeping) => keeping.noted(lane, feed, From::Beginning),
            None => feed,
        }
    }

    fn stands(&self) -> Stands {
        if self.paused {
            Stands::Paused
        } else {
            Stands::Running
        }
    }

    /// Has written that the watch is left to the next daemon, which goes on with it.
    pub(super) fn note_left(&self) {
        let mut record = self.record(self.stands(), None);
        if let (Some(keeping), Some(watch)) = (&self.keeping, &mut record.watch) {
            watch.stage = WatchStage::Left;
            keeping.keeper.note(&self.identity.name, Some(record));
        }
    }

    fn record(&self, stands: Stands, next: Option<&Generation>) -> Record {
        let watch = self.watched();
        let mut generations = vec![self.charge.laid()];
        match (next, &self.beside, watch.map(|watch| watch.stage)) {
            // Gone back to: it is in charge as soon as the gate is moved, or where nobody comes to that.
            (Some(next), _, Some(WatchStage::Begun)) => generations.insert(0, next.laid()),
            (Some(next), ..) => generations.push(next.laid()),
            (None, Some(beside), Some(WatchStage::Begun)) => {
                generations.insert(0, beside.laid_beside(&self.charge));
            }
            (None, ..) => {}
        }
        Record {
            id: self.identity.id,
            started_ms: self.identity.started_ms,
            owner: self.identity.owner.clone(),
            stands,
            last_number: self.last_number,
            generations,
            watch,
            tries: 0,
        }
    }

    /// The watch that there is to be, or is, by the state between two generations.
    fn watched(&self) -> Option<Watched> {
        let (left_ms, stage) = match self.state {
            State::Arming(Course::Forward { bake_ms })
            | State::Flipping(Course::Forward { bake_ms })
            | State::Waiting(Course::Forward { bake_ms }) => (bake_ms, WatchStage::Coming),
            State::Draining(Course::Forward { bake_ms }) if bake_ms > 0 => {
                (bake_ms, WatchStage::Begun)
            }
            State::Arming(Course::Back(watch))
            | State::Flipping(Course::Back(watch))
            | State::Waiting(Course::Back(watch))
            | State::Watching(watch)
            | State::Preparing {
                watch: Some(watch), ..
            } => {
                let until_ms = watch.paused_ms.unwrap_or_else(|| self.clock.ms());
                (watch.until_ms.saturating_sub(until_ms), WatchStage::Begun)
            }
            State::Draining(_)
            | State::Preparing { watch: None, .. }
            | State::Clearing { .. }
            | State::Retiring
            | State::Steady => return None,
        };
        (left_ms > 0 || stage == WatchStage::Begun).then_some(Watched { left_ms, stage })
    }
}
