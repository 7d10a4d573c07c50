//! The machine: every state with every input, each bound from both sides, and laws under stories drawn
//! at random.

use api::registry::{OnFailure, RolloutPhase, RolloutPlan, Wave};

use super::*;
use crate::cohort::Place;
use crate::seen::Staged;

mod ends;
mod gates;
mod laws;
mod limits;
mod table;

const PREFLIGHT_MS: u64 = 30_000;
const DEADLINE_MS: u64 = 60_000;
const BAKE_MS: u64 = 10_000;

fn plan(reaches: &[Reach]) -> RolloutPlan {
    let wave = |reach: &Reach| Wave {
        reach: *reach,
        bake_ms: BAKE_MS,
        deadline_ms: DEADLINE_MS,
        approval: false,
    };
    RolloutPlan {
        waves: reaches.iter().map(wave).collect(),
        preflight_ms: PREFLIGHT_MS,
        ..RolloutPlan::default()
    }
}

/// A node that is online and has loaded and verified the release.
fn node(name: &str) -> Seen<'_> {
    Seen {
        node: name,
        place: Place::of("salt", name),
        online: true,
        heard_ms: 0,
        joined_ms: None,
        staged: Staged::Passed,
        runs: Runs::Other,
        keeps: false,
        sample: None,
    }
}

/// A rollout, its nodes and the time.
struct Story {
    state: State,
    plan: RolloutPlan,
    nodes: Vec<Seen<'static>>,
    now_ms: u64,
}

impl Story {
    /// In the preflight, with nodes by their places.
    fn new(reaches: &[Reach]) -> Self {
        let mut nodes = ["a", "b", "c", "d", "e"].map(node).to_vec();
        nodes.sort_by_key(|one| one.place);
        let mut story = Self {
            state: State::new(0, None),
            plan: plan(reaches),
            nodes,
            now_ms: 0,
        };
        story.tick();
        story
    }

    /// In the first wave: its nodes may run it and do not yet.
    fn deploying(reaches: &[Reach]) -> Self {
        let mut story = Self::new(reaches);
        assert_eq!(story.tick(), "deploying 1");
        story
    }

    /// At the end of the bake, all nodes of the wave having taken it over and watched it.
    fn baked(reaches: &[Reach]) -> Self {
        let mut story = Self::deploying(reaches);
        story.offered_run(Runs::Committed);
        assert_eq!(story.tick(), "baking 1");
        story.now_ms += BAKE_MS;
        story
    }

    fn offered_run(&mut self, runs: Runs) {
        let bound = self.state.bound;
        let offered = self.nodes.iter_mut().filter(|one| one.is_offered(bound));
        offered.for_each(|one| one.runs = runs);
    }

    fn tick(&mut self) -> String {
        self.ask(Input::Tick)
    }

    fn tick_at(&mut self, now_ms: u64) -> String {
        self.now_ms = now_ms;
        self.tick()
    }

    /// Where it stands then, or that it is refused.
    fn ask(&mut self, input: Input) -> String {
        match step(&self.state, &self.plan, &self.nodes, input, self.now_ms) {
            Ok(next) => {
                self.state = next;
                stands(&self.state)
            }
            Err(_) => "refused".to_owned(),
        }
    }

    /// Why it is paused.
    fn paused(&self) -> &str {
        self.state
            .paused
            .as_ref()
            .map_or("", |pause| &pause.because)
    }
}

fn stands(state: &State) -> String {
    let paused = if state.paused.is_some() {
        ", paused"
    } else {
        ""
    };
    match state.wave() {
        0 => format!("{}{paused}", state.phase.word()),
        wave => format!("{} {wave}{paused}", state.phase.word()),
    }
}
