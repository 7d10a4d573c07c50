//! The registry as the machine sees it: what is kept, and what is made of that after a crash. Called
//! by the run. Must never know what a node does, only what it told.

use std::sync::LazyLock;

use api::registry::{RolloutPhase, RolloutPlan};
use rollout::{Input, Place, Refused, Runs, Sample, Seen, Staged, State, step};

use super::story::NODES;

/// A node that was not heard for so long is offline, milliseconds.
pub(crate) const SILENCE_MS: u64 = 45_000;

static NAMES: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..NODES).map(|node| format!("node-{node}")).collect());

/// What a node is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The release that ran before.
    Old,
    /// That, and the new one to stage.
    Stage,
    /// The new one.
    New,
}

/// Something that a node told. Serials count up on the node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) serial: u32,
    pub(crate) staged: Option<Staged>,
    pub(crate) runs: Option<Runs>,
    pub(crate) sample: Sample,
}

/// What is kept of a node: each with the serial that it came with.
#[derive(Debug, Clone, Copy)]
struct Marks {
    staged: (u32, Staged),
    runs: (u32, Runs),
    sample: (u32, Sample),
    heard_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) state: State,
    pub(crate) seen: Vec<Seen<'static>>,
    kept: String,
    marks: Vec<Marks>,
    up_ms: u64,
}

impl Registry {
    pub(crate) fn new(salt: &str, samples: &dyn Fn(usize) -> Sample, now_ms: u64) -> Self {
        let state = State::new(now_ms, None);
        let marks: Vec<Marks> = (0..NODES)
            .map(|node| Marks {
                staged: (0, Staged::NotYet),
                runs: (0, Runs::Other),
                sample: (0, samples(node)),
                heard_ms: now_ms,
            })
            .collect();
        let seen = NAMES.iter().zip(&marks).map(|(name, marks)| Seen {
            node: name,
            place: Place::of(salt, name),
            online: true,
            heard_ms: now_ms,
            joined_ms: None,
            staged: marks.staged.1,
            runs: marks.runs.1,
            keeps: false,
            sample: Some(marks.sample.1),
        });
        Self {
            kept: serde_json::to_string(&state).unwrap(),
            seen: seen.collect(),
            state,
            marks,
            // It has been there for long.
            up_ms: now_ms - SILENCE_MS,
        }
    }

    /// Nodes, those that waves reach first before the others.
    pub(crate) fn by_place(&self) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..NODES).collect();
        nodes.sort_unstable_by_key(|node| self.seen[*node].place);
        nodes
    }

    /// What a node is given.
    pub(crate) fn order(&self, node: usize) -> Order {
        match self.state.phase {
            RolloutPhase::Succeeded => Order::New,
            RolloutPhase::Rejected | RolloutPhase::RolledBack | RolloutPhase::Incomplete => {
                Order::Old
            }
            RolloutPhase::Scheduled
            | RolloutPhase::Preflight
            | RolloutPhase::Deploying
            | RolloutPhase::Baking
            | RolloutPhase::Gate
            | RolloutPhase::RollingBack
            | RolloutPhase::Aborted
            | RolloutPhase::Superseded => {
                if self.seen[node].is_given(&self.state) {
                    Order::New
                } else if self.state.is_staging() {
                    Order::Stage
                } else {
                    Order::Old
                }
            }
        }
    }

    /// A node called, whatever it said.
    pub(crate) fn hears(&mut self, node: usize, now_ms: u64) {
        let seen = &mut self.seen[node];
        let known_ms = seen.heard_ms.max(self.up_ms);
        if seen.heard_ms < self.state.wave_since_ms
            && now_ms > known_ms + SILENCE_MS
            && !seen.online
        {
            seen.joined_ms = Some(now_ms);
        }
        seen.online = true;
        seen.heard_ms = now_ms;
        self.marks[node].heard_ms = now_ms;
    }

    /// Keeps what is newer than what is kept.
    pub(crate) fn keep(&mut self, node: usize, told: &Told, now_ms: u64) {
        self.hears(node, now_ms);
        let marks = &mut self.marks[node];
        if let Some(staged) = told.staged.filter(|_| told.serial > marks.staged.0) {
            marks.staged = (told.serial, staged);
        }
        if let Some(runs) = told.runs.filter(|_| told.serial > marks.runs.0) {
            marks.runs = (told.serial, runs);
        }
        if told.serial > marks.sample.0 {
            marks.sample = (told.serial, told.sample);
        }
        self.see(node);
    }

    fn see(&mut self, node: usize) {
        let (seen, marks) = (&mut self.seen[node], &self.marks[node]);
        seen.staged = marks.staged.1;
        seen.runs = marks.runs.1;
        seen.sample = Some(marks.sample.1);
        seen.heard_ms = marks.heard_ms;
    }

    /// A node that is away was heard last, or is missed.
    pub(crate) fn misses(&mut self, node: usize, now_ms: u64) {
        let seen = &mut self.seen[node];
        if now_ms >= seen.heard_ms.max(self.up_ms) + SILENCE_MS {
            seen.online = false;
        }
    }

    /// A node that was away before the story began.
    pub(crate) fn is_away(&mut self, node: usize) {
        self.seen[node].online = false;
        self.seen[node].heard_ms = 0;
        self.marks[node].heard_ms = 0;
    }

    /// A step that is thought of, and not kept.
    pub(crate) fn step(
        &self,
        plan: &RolloutPlan,
        input: Input,
        now_ms: u64,
    ) -> Result<State, Refused> {
        step(&self.state, plan, &self.seen, input, now_ms)
    }

    pub(crate) fn commit(&mut self, next: State) {
        self.kept = serde_json::to_string(&next).unwrap();
        if next.wave_since_ms != self.state.wave_since_ms {
            self.seen.iter_mut().for_each(|one| one.joined_ms = None);
        }
        self.state = next;
    }

    /// Dies, and is there again later with nothing but what was kept.
    pub(crate) fn crash(&mut self, up_ms: u64) {
        let state: State = serde_json::from_str(&self.kept).unwrap();
        assert_eq!(state, self.state, "what is kept is what is known");
        self.state = state;
        self.up_ms = up_ms;
        for node in 0..NODES {
            self.see(node);
            self.seen[node].joined_ms = None;
        }
    }
}
