//! One story from its begin to its end: events by two seconds, a tick whenever something was told and
//! after a while in any case. Called once a seed. Must never look at more than one clock.

use std::collections::{BTreeMap, VecDeque};

use api::registry::RolloutPhase;
use rollout::{Input, Runs, Staged, State};

use super::dice::Dice;
use super::laws::Laws;
use super::node::{Has, Node, sample};
use super::registry::{Order, Registry, SILENCE_MS, Told};
use super::story::{BEGIN_MS, Fault, NODES, Release, Story};

/// Where nothing happens for so long nothing will: longer than any time of a plan, milliseconds.
const SETTLED_MS: u64 = 3_000_000;
/// Between two ticks, milliseconds: where nodes tell something, at most, and where nothing is about to
/// happen.
const TICK_MS: u64 = 2_000;
const TICK_MS_MAX: u64 = 20_000;
const IDLE_MS_MAX: u64 = 700_000;

/// What happens to a node.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Asks,
    Told(Told),
    /// These are for the order with this number.
    Stages(u32),
    TakesOver(u32),
    HasWatched(u32),
    GoesBack(u32),
    Vanishes,
    Returns,
    IsMissed,
    /// So many times.
    Flaps(u8),
    Lies(u8),
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) dice: Dice,
    pub(crate) story: Story,
    pub(crate) registry: Registry,
    pub(crate) nodes: Vec<Node>,
    pub(crate) laws: Laws,
    pub(crate) now_ms: u64,
    events: BTreeMap<u64, Vec<(usize, What)>>,
    up_ms: u64,
    /// Whether the registry was away, and has not stepped since.
    is_back: bool,
}

/// Runs a story; says how it ended.
pub(crate) fn run(seed: u64) -> (Release, State) {
    let mut dice = Dice::new(seed);
    let salt = format!("trace/1.0.{seed}");
    let measured = |node| sample(node, None);
    let mut registry = Registry::new(&salt, &measured, BEGIN_MS);
    let story = Story::of(&mut dice, &registry.by_place());
    registry.commit(State::new(BEGIN_MS, story.start_ms));
    let mut run = Run {
        registry,
        nodes: story.faults.iter().map(|fault| Node::new(*fault)).collect(),
        laws: Laws::default(),
        now_ms: BEGIN_MS,
        events: BTreeMap::new(),
        up_ms: BEGIN_MS,
        is_back: false,
        dice,
        story,
    };
    run.draw_faults();
    run.go();
    run.laws
        .end(&run.registry, &run.nodes, &run.story, run.now_ms);
    (run.story.release, run.registry.state)
}

impl Run {
    pub(crate) fn after(&mut self, ms: u64, node: usize, what: What) {
        let at = (self.now_ms + ms).div_ceil(TICK_MS);
        self.events.entry(at).or_default().push((node, what));
    }

    pub(crate) fn soon(&mut self, from_ms: u64, to_ms: u64, node: usize, what: What) {
        let ms = self.dice.within(from_ms, to_ms);
        self.after(ms, node, what);
    }

    fn go(&mut self) {
        let mut asked: VecDeque<_> = std::mem::take(&mut self.story.asked).into();
        let mut crashes: VecDeque<_> = std::mem::take(&mut self.story.crashes).into();
        let mut answers: VecDeque<_> = std::mem::take(&mut self.story.answers).into();
        let (mut gap_ms, mut changed_ms) = (TICK_MS, BEGIN_MS);
        loop {
            let event_ms = self.events.first_key_value().map(|(at, _)| at * TICK_MS);
            let next = [
                event_ms,
                asked.front().map(|one| one.0.max(self.up_ms)),
                crashes.front().map(|one| one.0),
            ];
            let due_ms = next.into_iter().flatten().min();
            gap_ms = gap_ms.min(if due_ms.is_some() {
                TICK_MS_MAX
            } else {
                IDLE_MS_MAX
            });
            self.now_ms = due_ms
                .unwrap_or(u64::MAX)
                .min(self.now_ms + gap_ms)
                .max(self.now_ms);
            gap_ms *= 2;
            let mut moved = self.happen();
            if let Some((_, down_ms)) = crashes.pop_front_if(|one| one.0 <= self.now_ms) {
                self.crash(down_ms);
            }
            if self.now_ms < self.up_ms {
                continue;
            }
            if std::mem::take(&mut self.is_back) {
                moved |= self.step(&Input::Started);
            }
            while let Some((_, input)) = asked.pop_front_if(|one| one.0 <= self.now_ms) {
                moved |= self.step(&input);
            }
            moved |= self.step(&Input::Tick);
            if moved {
                (gap_ms, changed_ms) = (TICK_MS, self.now_ms);
            }
            let is_quiet = due_ms.is_none() && self.now_ms > changed_ms + SETTLED_MS;
            if self.registry.state.phase == RolloutPhase::Superseded {
                return;
            }
            if !is_quiet {
                continue;
            }
            let waits = Laws::waits(&self.registry.state, &self.story.plan);
            let Some(input) = answers.pop_front().filter(|_| waits) else {
                return;
            };
            self.step(&input);
            (gap_ms, changed_ms) = (TICK_MS, self.now_ms);
        }
    }

    /// Everything up to now; whether somebody told something.
    fn happen(&mut self) -> bool {
        let mut told = false;
        while let Some(entry) = self.events.first_entry() {
            if *entry.key() * TICK_MS > self.now_ms {
                break;
            }
            for (node, what) in entry.remove() {
                told |= matches!(what, What::Told(_));
                self.happens(node, what);
            }
        }
        told
    }

    /// One step, kept, and told to nodes; whether it changed anything.
    fn step(&mut self, input: &Input) -> bool {
        let Ok(next) = self
            .registry
            .step(&self.story.plan, input.clone(), self.now_ms)
        else {
            assert_ne!(*input, Input::Tick, "a tick is never refused");
            return false;
        };
        self.laws.step(
            &self.registry,
            &self.nodes,
            &self.story,
            input,
            &next,
            self.now_ms,
        );
        if next == self.registry.state {
            return false;
        }
        self.registry.commit(next);
        for node in 0..NODES {
            self.rings(node, 3_000);
        }
        true
    }

    /// Tells a node that there is something new for it.
    pub(crate) fn rings(&mut self, node: usize, spread_ms: u64) {
        let one = &mut self.nodes[node];
        if one.is_there && !one.is_asking && self.registry.order(node) != one.told {
            one.is_asking = true;
            self.soon(0, spread_ms, node, What::Asks);
        }
    }

    /// The registry dies: at any point of a step.
    fn crash(&mut self, down_ms: u64) {
        if self.dice.once_in(2) {
            // It was thought of, and never kept.
            let lost = self
                .registry
                .step(&self.story.plan, Input::Tick, self.now_ms);
            assert!(lost.is_ok());
        }
        self.up_ms = self.up_ms.max(self.now_ms + down_ms);
        self.is_back = true;
        self.registry.crash(self.up_ms);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.now_ms >= self.up_ms
    }

    /// When it comes back, and a bit.
    pub(crate) fn retry(&mut self, node: usize, what: What) {
        let ms = self.up_ms - self.now_ms;
        self.soon(ms, ms + 5_000, node, what);
    }

    fn draw_faults(&mut self) {
        for node in 0..NODES {
            // Many early, while waves are small.
            let at_ms = |dice: &mut Dice| {
                let until_ms = dice.pick(&[40_000, 120_000, 1_200_000]);
                dice.within(0, until_ms)
            };
            match self.nodes[node].fault {
                Fault::None | Fault::Refuses | Fault::Repeats | Fault::TellsLate => {}
                Fault::Vanishes => {
                    for _ in 0..2 {
                        let ms = at_ms(&mut self.dice);
                        self.after(ms, node, What::Vanishes);
                        self.soon(ms + 10_000, ms + 900_000, node, What::Returns);
                    }
                }
                Fault::VanishesForEver => {
                    let ms = at_ms(&mut self.dice);
                    self.after(ms, node, What::Vanishes);
                }
                Fault::ComesLate => {
                    self.nodes[node].is_there = false;
                    self.registry.is_away(node);
                    let ms = at_ms(&mut self.dice);
                    self.after(ms, node, What::Returns);
                }
                Fault::Flaps => {
                    let ms = at_ms(&mut self.dice);
                    self.after(ms, node, What::Flaps(4));
                }
                Fault::LiesThatItRuns
                | Fault::LiesThatItFailed
                | Fault::LiesThatItIsUntrusted
                | Fault::LiesInFigures
                | Fault::LiesAtRandom => {
                    let ms = at_ms(&mut self.dice);
                    self.after(ms, node, What::Lies(6));
                }
            }
        }
    }

    /// How long nodes watch, milliseconds: the same in all waves of these plans.
    pub(crate) fn bake_ms(&self) -> u64 {
        self.story.plan.waves[0].bake_ms
    }
}

/// What a node's own watch says in the end, where it is let.
pub(crate) fn watch(release: Release, bake_ms: u64) -> Runs {
    match release {
        Release::Faults if bake_ms > 0 => Runs::Failed,
        _ => Runs::Committed,
    }
}

/// Whether a node that was given the release in the end runs it.
pub(crate) fn should_run(node: &Node, number: usize, release: Release, order: Order) -> bool {
    order == Order::New && node.has != Has::Failed && node.stages(number, release) == Staged::Passed
}

pub(crate) const MISSED_MS: u64 = SILENCE_MS + 1_000;
