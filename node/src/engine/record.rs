//! What is written of an instance before a step, so that the next daemon goes on with it, and what that
//! makes of it. Pure; `keeper` has it on disk, `resume` carries it out.
//! Must never put a generation in charge that the gate does not point at, nor start what was stopped.

use api::node::{GenerationId, Owner};
use serde::{Deserialize, Serialize};

use super::history::Original;
use super::keeping::GATE;

/// An instance as it stands, or is about to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its number among those of the daemon.
    pub(super) id: u64,
    /// When it was started.
    pub(super) started_ms: u64,
    /// Whose it is.
    pub(super) owner: Owner,
    /// What was asked for.
    pub(super) stands: Stands,
    /// The highest number that a generation had.
    pub(super) last_number: u64,
    /// The one in charge, and behind it the one that is about to be.
    pub(super) generations: Vec<Laid>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stands {
    /// Its programs run.
    Running,
    /// Its hooks are attached, its programs do not run.
    Paused,
    /// It is being stopped.
    Stopping,
}

/// A generation and where its parts are pinned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Laid {
    /// The generation.
    pub(super) id: GenerationId,
    /// Its lane.
    pub(super) lane: u32,
    /// What it was made from; nothing where somebody else keeps that.
    pub(super) original: Option<Original>,
    /// A digest of what is set in it.
    pub(super) set: String,
    /// Numbers of the places of its hooks' seats, in their order.
    pub(super) seats: Vec<u64>,
    /// Names of its maps, in the order of their pins.
    pub(super) maps: Vec<String>,
    /// The generation that had pinned them, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pinned_as: Option<u64>,
}

impl Laid {
    /// What the names of the pins of its maps begin with.
    pub(super) fn begins(generation: u64) -> String {
        format!("g{generation}_")
    }

    fn own_begins(&self) -> String {
        Self::begins(self.pinned_as.unwrap_or(self.id.generation))
    }

    /// Whether a pin of this name is its own, or the instance's.
    pub(super) fn owns(&self, pin: &str) -> bool {
        let seat = |number: &u64| pin.starts_with(&format!("s{number}_"));
        !pin.starts_with(['g', 's'])
            || pin == GATE
            || pin.starts_with(&self.own_begins())
            || self.seats.iter().any(seat)
    }

    /// The names of the pins of its maps, in their order.
    pub(super) fn pins(&self) -> impl Iterator<Item = String> {
        let begins = self.own_begins();
        (0..self.maps.len()).map(move |index| format!("{begins}{index}"))
    }
}

/// What the next daemon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Goes on with the generation of this index, which is in charge.
    GoOn(usize),
    /// Starts the generation of this index anew: nothing of it is left in the kernel.
    Start(usize),
    /// Removes what is left of it.
    Remove,
}

impl Record {
    /// What the next daemon does. `gate` is the lane in charge, where the gate is still pinned; `is_whole`
    /// says whether all maps of a generation are.
    pub(super) fn fate(
        &self,
        gate: Option<u32>,
        empty: u32,
        is_whole: impl Fn(&Laid) -> bool,
    ) -> Fate {
        if self.stands == Stands::Stopping || self.generations.is_empty() {
            return Fate::Remove;
        }
        let Some(lane) = gate else {
            // The machine was started anew, or there is no bpffs. A change that was under way had not
            // been answered: what ran before is known to run.
            return Fate::Start(0);
        };
        let found = if lane == empty && self.stands == Stands::Paused {
            // The gate says nothing; the first one goes only after the other has taken over.
            self.generations.iter().position(is_whole)
        } else {
            let in_charge = |laid: &Laid| laid.lane == lane && is_whole(laid);
            self.generations.iter().position(in_charge)
        };
        match found {
            Some(index) => Fate::GoOn(index),
            // A start that never came to its flip.
            None if lane == empty => Fate::Remove,
            None => Fate::Start(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: u32 = 3;

    fn laid(generation: u64, lane: u32) -> Laid {
        Laid {
            id: GenerationId {
                generation,
                digest: String::new(),
                version: None,
            },
            lane,
            original: None,
            set: String::new(),
            seats: Vec::new(),
            maps: Vec::new(),
            pinned_as: None,
        }
    }

    fn record(stands: Stands, generations: Vec<Laid>) -> Record {
        Record {
            id: 1,
            started_ms: 1,
            owner: Owner::Local,
            stands,
            last_number: 5,
            generations,
        }
    }

    /// Every way in which a daemon can have been killed, and what comes of it.
    #[test]
    fn the_gate_says_who_is_in_charge_and_the_record_who_that_is() {
        let one = || vec![laid(4, 0)];
        let two = || vec![laid(4, 0), laid(5, 1)];
        let (running, paused, stopping) = (Stands::Running, Stands::Paused, Stands::Stopping);
        let cases = [
            (running, one(), Some(0), Fate::GoOn(0)),
            // Before and behind the flip of an update.
            (running, two(), Some(0), Fate::GoOn(0)),
            (running, two(), Some(1), Fate::GoOn(1)),
            // Before the flip of a start.
            (running, one(), Some(EMPTY), Fate::Remove),
            // Before and behind the store of a pause, or of its end.
            (paused, one(), Some(0), Fate::GoOn(0)),
            (paused, one(), Some(EMPTY), Fate::GoOn(0)),
            // In an update of one that is paused.
            (paused, two(), Some(EMPTY), Fate::GoOn(0)),
            (stopping, one(), Some(0), Fate::Remove),
            (stopping, one(), Some(EMPTY), Fate::Remove),
            (stopping, one(), None, Fate::Remove),
            // The machine was started anew.
            (running, one(), None, Fate::Start(0)),
            (running, two(), None, Fate::Start(0)),
            (paused, one(), None, Fate::Start(0)),
            // A lane that the record does not know.
            (running, one(), Some(1), Fate::Start(0)),
            (running, Vec::new(), Some(0), Fate::Remove),
        ];
        for (stands, generations, gate, fate) in cases {
            let record = record(stands, generations);
            assert_eq!(
                record.fate(gate, EMPTY, |_| true),
                fate,
                "{record:?} {gate:?}"
            );
        }
    }

    #[test]
    fn a_generation_that_is_not_whole_is_not_gone_on_with() {
        let two = record(Stands::Paused, vec![laid(4, 0), laid(5, 1)]);
        let newer = |laid: &Laid| laid.id.generation == 5;
        assert_eq!(two.fate(Some(EMPTY), EMPTY, newer), Fate::GoOn(1));
        let one = record(Stands::Running, vec![laid(4, 0)]);
        assert_eq!(one.fate(Some(0), EMPTY, |_| false), Fate::Start(0));
    }
}
