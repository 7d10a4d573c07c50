//! A rollout as a pure machine: from a state, what is seen of its nodes and an input to the next
//! state. Called by the registry, which keeps each transition in one transaction.
//! Must never let a node run the release before its wave began, nor begin a wave whose gate before
//! has not passed.

mod asked;
mod gate;
mod waves;

use api::registry::{Reach, RolloutPhase, RolloutPlan};
use serde::{Deserialize, Serialize};

use crate::cohort::{EVERYWHERE, NOWHERE, Place, bound_of_percent};
use crate::count::{Census, count};
use crate::seen::{Runs, Seen, Staged};

/// How long nodes have to go back, milliseconds.
const RETURN_MS: u64 = 600_000;

/// Where a rollout stands. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What is being done.
    pub phase: RolloutPhase,
    /// Why nothing is done for now, and since when.
    pub paused: Option<Pause>,
    /// The bound of each wave that began; see `cohort`.
    pub bounds: Vec<u64>,
    /// Places below this may run the release.
    pub bound: u64,
    /// Since when the phase lasts; pauses do not count.
    pub since_ms: u64,
    /// Since when the wave lasts, or the preflight before the first; pauses count.
    pub wave_since_ms: u64,
    /// Failures that somebody said are to be borne, where those are more than the plan's.
    pub borne: u64,
    /// Nodes without trust in its signatures that somebody said are to be borne.
    pub untrusted_borne: u64,
    /// Whether the wave that would be next was taken back.
    pub taken_back: bool,
    /// What follows once nodes are back.
    pub then: Then,
    /// A sentence: what it waits for, or why it ended.
    pub because: String,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub because: String,
    /// Since when.
    pub since_ms: u64,
}

/// What follows once nodes are back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The end.
    #[default]
    End,
    /// A pause behind the waves that are left.
    Pause,
}

/// What happened, or is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed, or nodes have told something.
    Tick,
    /// The registry has started: while it was away nobody could tell it anything.
    Started,
    /// To do nothing for now.
    Pause {
        /// Why.
        because: String,
    },
    /// To go on.
    Resume,
    /// To pass the gate, and to bear the failures that are there.
    Promote,
    /// To end; nodes stay with what they run.
    Abort,
    /// To take it back from every node.
    RollBack {
        /// Why.
        because: String,
    },
    /// Another rollout takes its place.
    Supersede {
        /// Which.
        by: String,
    },
}

/// What is asked for is not possible where the rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rollout is {stands}: {rule}")]
pub struct Refused {
    /// Its phase, and whether it is paused.
    pub stands: String,
    /// What would have to be so.
    pub rule: &'static str,
}

impl State {
    /// A rollout that has just been made, and begins at `start_ms` or at once.
    #[must_use]
    pub fn new(now_ms: u64, start_ms: Option<u64>) -> Self {
        Self {
            phase: RolloutPhase::Scheduled,
            paused: None,
            bounds: Vec::new(),
            bound: NOWHERE,
            since_ms: start_ms.unwrap_or(now_ms),
            wave_since_ms: now_ms,
            borne: 0,
            untrusted_borne: 0,
            taken_back: false,
            then: Then::End,
            because: "it waits for its time".to_owned(),
        }
    }

    /// The wave it is at, from 1; 0 before the first.
    #[must_use]
    pub fn wave(&self) -> usize {
        self.bounds.len()
    }

    /// Whether no further node is to run the release: those that do keep it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let is_left = matches!(self.phase, RolloutPhase::Aborted | RolloutPhase::Superseded);
        is_left || self.paused.is_some()
    }

    /// Whether a node at this place is given the release, where it can run it: while nothing goes on, only
    /// one that runs it already.
    #[must_use]
    pub fn gives(&self, place: Place, runs: bool) -> bool {
        place.is_below(self.bound) && (runs || !self.is_held())
    }

    /// Whether nodes are to stage the release: those that it does not reach yet.
    #[must_use]
    pub fn is_staging(&self) -> bool {
        match self.phase {
            RolloutPhase::Preflight
            | RolloutPhase::Deploying
            | RolloutPhase::Baking
            | RolloutPhase::Gate => true,
            RolloutPhase::RollingBack => self.then == Then::Pause,
            RolloutPhase::Scheduled
            | RolloutPhase::Succeeded
            | RolloutPhase::Rejected
            | RolloutPhase::RolledBack
            | RolloutPhase::Incomplete
            | RolloutPhase::Aborted
            | RolloutPhase::Superseded => false,
        }
    }

    /// The bounds of waves that began, then those that the others would have by their percentage
    /// alone.
    #[must_use]
    pub fn bounds_of(&self, plan: &RolloutPlan) -> Vec<u64> {
        let mut bounds = self.bounds.clone();
        for wave in plan.waves.iter().skip(bounds.len()) {
            let before = bounds.last().copied().unwrap_or(NOWHERE);
            bounds.push(match wave.reach {
                Reach::Percent(percent) => bound_of_percent(percent).max(before),
                Reach::Nodes(_) => before,
            });
        }
        bounds
    }

    fn enter(&mut self, phase: RolloutPhase, now_ms: u64, because: impl Into<String>) {
        self.phase = phase;
        self.since_ms = now_ms;
        self.because = because.into();
    }

    fn end(&mut self, phase: RolloutPhase, now_ms: u64, because: impl Into<String>) {
        self.paused = None;
        self.enter(phase, now_ms, because);
    }

    fn pause(&mut self, now_ms: u64, because: impl Into<String>) {
        let because = because.into();
        self.paused = Some(Pause {
            because,
            since_ms: now_ms,
        });
    }

    /// How long the phase lasts.
    fn lasted_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.since_ms)
    }
}

/// One step. Where nothing is to be done the state comes back as it was.
///
/// # Errors
/// What is asked for is not possible; a tick and a start always are.
pub fn step(
    state: &State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    input: Input,
    now_ms: u64,
) -> Result<State, Refused> {
    let mut next = state.clone();
    match input {
        Input::Tick if next.paused.is_none() => {
            let census = count(&next, seen);
            tick(&mut next, plan, seen, &census, now_ms);
        }
        Input::Tick => {}
        Input::Started => started(&mut next, now_ms),
        Input::Pause { because } => asked::pause(&mut next, because, now_ms)?,
        Input::Resume => asked::resume(&mut next, now_ms)?,
        Input::Promote => asked::promote(&mut next, plan, seen, now_ms)?,
        Input::Abort => asked::abort(&mut next, now_ms)?,
        Input::RollBack { because } => asked::roll_back(&mut next, because, now_ms)?,
        Input::Supersede { by } => asked::supersede(&mut next, &by, now_ms)?,
    }
    Ok(next)
}

/// Whoever is waited for has the whole time again. What is paused waits for nobody, and what is to
/// begin at a time of day begins then.
fn started(state: &mut State, now_ms: u64) {
    let is_waiting = state.paused.is_none() && !state.phase.is_end();
    if is_waiting && state.phase != RolloutPhase::Scheduled {
        state.since_ms = now_ms;
    }
}

fn tick(state: &mut State, plan: &RolloutPlan, seen: &[Seen<'_>], census: &Census, now_ms: u64) {
    match state.phase {
        RolloutPhase::Scheduled => waves::scheduled(state, now_ms),
        RolloutPhase::Preflight => waves::preflight(state, plan, seen, census, now_ms),
        RolloutPhase::Deploying => waves::deploying(state, plan, seen, census, now_ms),
        RolloutPhase::Baking => waves::baking(state, plan, seen, census, now_ms),
        RolloutPhase::Gate => gate::gate(state, plan, seen, census, now_ms),
        RolloutPhase::RollingBack => waves::rolling_back(state, census, now_ms),
        RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => {}
    }
}

/// The bound of a wave, at least as wide as the one before. A wave reaches somebody where anybody can
/// be reached.
fn bound_of_wave(state: &State, plan: &RolloutPlan, seen: &[Seen<'_>], index: usize) -> u64 {
    if index + 1 >= plan.waves.len() {
        return EVERYWHERE;
    }
    let reachable = seen.iter().filter(|one| {
        one.online
            && one.staged == Staged::Passed
            && !matches!(one.runs, Runs::Failed | Runs::Untrusted)
    });
    let mut bounds: Vec<u64> = reachable.map(|one| one.place.bound()).collect();
    let (floor, count) = match plan.waves.get(index).map(|wave| wave.reach) {
        Some(Reach::Percent(percent)) => (bound_of_percent(percent), 1),
        Some(Reach::Nodes(count)) => (NOWHERE, usize::try_from(count).unwrap_or(usize::MAX)),
        None => return EVERYWHERE,
    };
    let nth = match bounds.len() {
        0 => NOWHERE,
        len => {
            *bounds
                .select_nth_unstable(count.min(len).saturating_sub(1))
                .1
        }
    };
    floor.max(nth).max(state.bound)
}

/// The bounds that waves would have, if they began one after the other with these nodes.
#[must_use]
pub fn preview(plan: &RolloutPlan, seen: &[Seen<'_>]) -> Vec<u64> {
    let mut state = State::new(0, None);
    let waves = 0..plan.waves.len();
    let bounds = waves.map(|index| {
        state.bound = bound_of_wave(&state, plan, seen, index);
        state.bound
    });
    bounds.collect()
}

#[cfg(test)]
mod tests;
