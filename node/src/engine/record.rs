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
    /// The one in charge, and behind it the one that is about to be, or is and is watched.
    pub(super) generations: Vec<Laid>,
    /// The watch over the last of them, which followed the one before it or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) watch: Option<Watched>,
    /// How often a daemon has begun to go on with it and did not come to an end.
    #[serde(default)]
    pub(super) tries: u32,
}

/// A watch, as the next daemon finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watched {
    /// How long it is still to go on, milliseconds.
    pub(super) left_ms: u64,
    /// How far it is.
    pub(super) stage: WatchStage,
}

/// How far a watch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WatchStage {
    /// It begins behind the flip.
    Coming,
    /// It goes on, or has failed.
    Begun,
    /// The daemon has left it to the next one: that is no fault of what is watched.
    Left,
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
    /// Puts the generation of this index in charge again: the daemon died while the one that followed it
    /// was watched.
    GoBack(usize),
    /// Starts the generation of this index anew: nothing of it is left in the kernel.
    Start(usize),
    /// Removes what is left of it.
    Remove,
}

impl Fate {
    /// The index of the generation that is gone on with or started.
    pub(super) fn index(self) -> Option<usize> {
        match self {
            Self::GoOn(index) | Self::GoBack(index) | Self::Start(index) => Some(index),
            Self::Remove => None,
        }
    }
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
        let stage = self.watch.map(|watch| watch.stage);
        let is_left = stage == Some(WatchStage::Left);
        let Some(lane) = gate else {
            // The machine was started anew, or there is no bpffs. A change that was under way had not
            // been answered, and whoever died in a watch may have died of what was watched: what ran
            // before is known to run.
            let last = self.generations.len() - 1;
            return Fate::Start(if is_left { last } else { 0 });
        };
        let is_paused = lane == empty && self.stands == Stands::Paused;
        // Where all are paused the gate says nothing; the first one goes only after the other has taken
        // over.
        let may_be = |laid: &Laid| (is_paused || laid.lane == lane) && is_whole(laid);
        let found = if is_left {
            self.generations.iter().rposition(may_be)
        } else {
            self.generations.iter().position(may_be)
        };
        match found {
            Some(1) if stage.is_some() && !is_left && self.generations.iter().all(&is_whole) => {
                Fate::GoBack(0)
            }
            Some(index) => Fate::GoOn(index),
            // A start that never came to its flip.
            None if lane == empty => Fate::Remove,
            None => Fate::Start(0),
        }
    }
}

impl Record {
    /// The generation that was left because the daemon died while it was watched, or while it was gone
    /// back from, where this fate is to go on without it.
    pub(super) fn left_behind(&self, fate: Fate) -> Option<&Laid> {
        let is_first = matches!(fate, Fate::GoOn(0) | Fate::GoBack(0) | Fate::Start(0));
        let had_begun = self.watch.map(|watch| watch.stage) == Some(WatchStage::Begun);
        let watched = self.generations.get(1)?;
        (is_first && had_begun || fate == Fate::GoBack(0)).then_some(watched)
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
            watch: None,
            tries: 0,
        }
    }

    /// What becomes of two generations at each stage of a watch, and which is left behind.
    #[test]
    fn a_watched_generation_with_which_the_daemon_died_is_left_and_one_that_it_left_goes_on() {
        use WatchStage::{Begun, Coming, Left};
        let (running, paused) = (Stands::Running, Stands::Paused);
        let cases = [
            // Before and behind the flip.
            (running, Coming, Some(0), Fate::GoOn(0), None),
            (running, Coming, Some(1), Fate::GoBack(0), Some(5)),
            (running, Coming, None, Fate::Start(0), None),
            (running, Begun, Some(1), Fate::GoBack(0), Some(5)),
            // A way back that had not been told.
            (running, Begun, Some(0), Fate::GoOn(0), Some(5)),
            (running, Begun, None, Fate::Start(0), Some(5)),
            (paused, Begun, Some(EMPTY), Fate::GoOn(0), Some(5)),
            (running, Left, Some(1), Fate::GoOn(1), None),
            (running, Left, None, Fate::Start(1), None),
            (paused, Left, Some(EMPTY), Fate::GoOn(1), None),
        ];
        for (stands, stage, gate, fate, left) in cases {
            let mut two = record(stands, vec![laid(4, 0), laid(5, 1)]);
            two.watch = Some(Watched { left_ms: 1, stage });
            let found = two.fate(gate, EMPTY, |_| true);
            assert_eq!(found, fate, "{stage:?} {gate:?}");
            let behind = two.left_behind(found).map(|laid| laid.id.generation);
            assert_eq!(behind, left, "{stage:?} {gate:?}");
        }
        let mut two = record(running, vec![laid(4, 0), laid(5, 1)]);
        two.watch = Some(Watched {
            left_ms: 1,
            stage: Begun,
        });
        let newer = |laid: &Laid| laid.id.generation == 5;
        assert_eq!(
            two.fate(Some(1), EMPTY, newer),
            Fate::GoOn(1),
            "there is nothing to go back to"
        );
        // Only the handler is another: both are in the same lane.
        two.generations[1].lane = 0;
        assert_eq!(two.fate(Some(0), EMPTY, |_| true), Fate::GoOn(0));
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
