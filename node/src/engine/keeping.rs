//! What outlives the daemon of an instance: its pins, and the record of what it is about to be. Used by
//! `running` and `course` before and behind each step.
//! Must never flip a gate to a generation that no record on disk knows.

use std::sync::Arc;

use payload::name::InstanceName;

use super::ApplyError;
use super::generation::Generation;
use super::keeper::{File, Keeper};
use super::record::{Record, Stands};
use super::running::Running;
use crate::kernel::gate::Gate;
use crate::kernel::pins::{Pinned, Place};

/// The name of the gate's pin.
pub(super) const GATE: &str = "gate";

/// What outlives the daemon of an instance.
pub(super) struct Keeping {
    keeper: Keeper,
    /// Where it is pinned; nothing without a bpffs.
    place: Option<Arc<Place>>,
    gate: Option<Pinned>,
}

/// Removes what outlives the daemon.
pub(super) struct Removal {
    name: InstanceName,
    keeper: Keeper,
    place: Option<Arc<Place>>,
}

impl Keeping {
    /// What an instance that starts is kept by.
    pub(super) fn new(keeper: Keeper, place: Option<Arc<Place>>) -> Self {
        Self {
            keeper,
            place,
            gate: None,
        }
    }

    /// Takes over the gate's pin of another daemon.
    pub(super) fn found(keeper: Keeper, place: Arc<Place>) -> Self {
        Self {
            gate: Some(place.owned(GATE.to_owned())),
            keeper,
            place: Some(place),
        }
    }

    /// Makes the place of an instance that starts, and pins its gate.
    pub(super) fn begin(&mut self, gate: &Gate) -> Result<(), ApplyError> {
        use std::os::fd::AsFd;

        let Some(place) = &self.place else {
            return Ok(());
        };
        let pinned = place
            .begin()
            .and_then(|()| place.pin(gate.as_fd(), GATE.to_owned()));
        self.gate = Some(pinned.map_err(|source| ApplyError::machine(PINS, source))?);
        Ok(())
    }

    /// Where the instance is pinned.
    pub(super) fn place(&self) -> Option<&Arc<Place>> {
        self.place.as_ref()
    }

    /// What removes all of it.
    pub(super) fn removal(&self, name: &InstanceName) -> Removal {
        Removal {
            name: name.clone(),
            keeper: self.keeper.clone(),
            place: self.place.clone(),
        }
    }
}

/// What the machine did not give, in errors.
pub(super) const PINS: &str = "the instance's pins in bpffs";
const RECORD: &str = "the instance's record in the state folder";

impl Removal {
    /// Of an instance that is about to start.
    pub(super) fn new(name: &InstanceName, keeper: Keeper, place: Option<Arc<Place>>) -> Self {
        Self {
            name: name.clone(),
            keeper,
            place,
        }
    }

    /// Does it: first the pins, so that none is left of which nothing is known.
    pub(super) fn remove(self) {
        if let Some(place) = self.place {
            place.remove();
        }
        self.keeper.note(&self.name, None);
    }
}

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

    fn stands(&self) -> Stands {
        if self.paused {
            Stands::Paused
        } else {
            Stands::Running
        }
    }

    fn record(&self, stands: Stands, next: Option<&Generation>) -> Record {
        Record {
            id: self.identity.id,
            started_ms: self.identity.started_ms,
            owner: self.identity.owner.clone(),
            stands,
            generations: std::iter::once(&self.charge)
                .chain(next)
                .map(Generation::laid)
                .collect(),
        }
    }
}
