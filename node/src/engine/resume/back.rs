//! Leaving a generation with which the daemon died while it was watched. A part of `resume`, done before
//! anything is loaded.
//! Must never move a gate before the record on disk says why.

use payload::name::InstanceName;

use super::super::ApplyError;
use super::super::keeping::{GATE, PINS};
use super::super::record::{Fate, Laid, Record, WatchStage};
use super::super::{Engine, Notice, locked};
use super::{Found, ResumeError};
use crate::fault;
use crate::kernel::gate::{Gate, Lane};
use crate::kernel::grace;

/// A registry's generation that was left so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    /// The instance.
    pub(crate) instance: InstanceName,
    /// `sha256:<hex>` of its file.
    pub(crate) digest: String,
    /// Why.
    pub(crate) reason: String,
}

/// Why a generation is left with which the daemon died.
pub(super) fn reason(watched: &Laid) -> String {
    let generation = watched.id.generation;
    format!("the daemon died while generation {generation} was watched")
}

impl Engine {
    /// What became of an instance, and what is left of it in the kernel.
    pub(super) fn find(
        &self,
        name: &InstanceName,
        record: &Record,
    ) -> Result<(Fate, Option<Found>), ResumeError> {
        let lost = |source| ApplyError::machine(PINS, source);
        let place = self.place(name);
        let gate = place.as_ref().and_then(|place| place.map(GATE).ok());
        let gate = gate.map(Gate::found).transpose().map_err(lost)?;
        let names = place.as_ref().map(|place| place.names());
        let is_whole = |laid: &Laid| {
            let names = names.as_deref().unwrap_or_default();
            laid.pins().all(|pin| names.contains(&pin))
        };
        let lane = gate.as_ref().map(|gate| gate.lane().index());
        let fate = record.fate(lane, Lane::EMPTY.index(), is_whole);
        Ok((fate, gate.zip(place)))
    }

    /// Puts the generation before in charge where the daemon died in the watch of the one that followed
    /// it: one store, its programs are in their lane still. Gives the record as it is then.
    pub(super) fn leave_what_daemons_die_of(
        &self,
        name: &InstanceName,
        mut record: Record,
    ) -> Record {
        let found = self.find(name, &record);
        let Ok((fate, found)) = found else {
            // Whoever goes on with it meets the same, and tells it.
            return record;
        };
        let Some(watched) = record.left_behind(fate).cloned() else {
            return record;
        };
        if let (Fate::GoBack(index), Some((gate, _)), Some(watch)) =
            (fate, found, &mut record.watch)
        {
            watch.stage = WatchStage::Begun;
            let keeper = self.shared.config.keeper.as_ref();
            let intended = keeper.map(|keeper| keeper.intend(name, record.clone(), None));
            if let Some(Err(error)) = intended {
                self.failed(name.as_str(), "that it is gone back is not written", &error);
            }
            fault::at("back intended");
            if let Some(laid) = record.generations.get(index)
                && gate.lane() != Lane::EMPTY
            {
                gate.flip(Lane::at(laid.lane));
                // What was running writes behind what is read of the newer ring, and what follows in
                // the older one would be read before it.
                if let Err(error) = grace::wait() {
                    self.failed(name.as_str(), "what ran is not awaited", &error);
                }
            }
            fault::at("back flip");
        }
        let left = LeftBehind {
            instance: name.clone(),
            digest: watched.id.digest.clone(),
            reason: reason(&watched),
        };
        self.tell(&Notice::LeftBehind(&left));
        locked(&self.shared.left_behind).push(left);
        record
    }

    /// Takes what was left behind when the engine went on with what another daemon had left.
    pub(crate) fn take_left_behind(&self) -> Vec<LeftBehind> {
        std::mem::take(&mut *locked(&self.shared.left_behind))
    }
}
