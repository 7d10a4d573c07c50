//! What must hold, whatever happens: looked at in each step, each order, and at the end. Called by the
//! run. Must never ask the machine what is right.

use api::registry::{OnFailure, Reach, RolloutPhase, RolloutPlan};
use rollout::{EVERYWHERE, Input, Runs, Seen, Staged, State};

use super::node::{Has, Node};
use super::registry::{Order, Registry};
use super::story::{BEGIN_MS, NODES, Story};

#[derive(Debug, Default)]
pub(crate) struct Laws {
    /// Failures that somebody bears.
    borne: u64,
    untrusted_borne: u64,
    /// How often somebody promoted it, and whether anybody did anything that it took.
    promoted: u32,
    meddled: bool,
    /// How often a wave was taken back, and how often it went on behind a pause; and of each node, how
    /// often both when it was given the release.
    taken_back: u32,
    went_on: u32,
    given: Vec<Option<u32>>,
    /// Whether a wave was taken back, and none began since.
    between: bool,
    /// When it began to bake, and the pauses since.
    baking_ms: u64,
    paused_ms: u64,
    /// Whether a wave failed since somebody did something.
    failed: bool,
}

/// What an honest look at the nodes says.
struct Tally {
    failed: u64,
    untrusted: u64,
    /// They have not come to the end of their watch, and were there from the beginning.
    uncommitted: u64,
    /// They did not do all that a rollout asks of them.
    open: u64,
    committed: u64,
}

fn tally(seen: &[Seen<'_>], state: &State) -> Tally {
    let mut tally = Tally {
        failed: 0,
        untrusted: 0,
        uncommitted: 0,
        open: 0,
        committed: 0,
    };
    for one in seen {
        let distrusts = one.runs == Runs::Untrusted || one.staged == Staged::Untrusted;
        let refuses = matches!(one.staged, Staged::Refused | Staged::Untrusted);
        let failed = matches!(one.runs, Runs::Failed | Runs::Untrusted)
            || (one.runs == Runs::Other && refuses);
        tally.failed += u64::from(failed);
        tally.untrusted += u64::from(distrusts);
        let may = one.staged == Staged::Passed && one.place.is_below(state.bound);
        let is_heard = one.online || one.heard_ms >= state.wave_since_ms;
        let is_open = matches!(one.runs, Runs::Other | Runs::Watched);
        tally.uncommitted += u64::from(may && is_heard && is_open && one.joined_ms.is_none());
        tally.open += u64::from(is_open && !failed);
        tally.committed += u64::from(may && one.online && one.runs == Runs::Committed);
    }
    tally
}

/// A wave reaches the nodes that the plan says.
fn reaches(registry: &Registry, plan: &RolloutPlan, next: &State) {
    let is_able = |one: &&Seen<'_>| {
        one.online
            && one.staged == Staged::Passed
            && !matches!(one.runs, Runs::Failed | Runs::Untrusted)
    };
    let below = |bound| move |one: &&Seen<'_>| one.place.is_below(bound);
    let able = registry.seen.iter().filter(is_able);
    let reached = able.clone().filter(below(next.bound)).count();
    let is_kept = next.bound == registry.state.bound;
    match plan.waves[next.wave() - 1].reach {
        Reach::Nodes(nodes) => {
            let nodes = able.count().min(usize::try_from(nodes).unwrap());
            assert!(
                reached == nodes || is_kept && reached > nodes,
                "{reached} of {nodes} nodes"
            );
        }
        Reach::Percent(percent) => {
            let floor = u128::from(EVERYWHERE) * u128::from(percent) / 100;
            assert!(
                u128::from(next.bound) >= floor,
                "fewer than {percent} hundredths"
            );
            assert!(reached > 0 || able.count() == 0, "nobody is reached");
            let is_wider = u128::from(next.bound) > floor;
            assert!(
                !is_wider || reached == 1 || is_kept,
                "more than {percent} hundredths"
            );
        }
    }
}

impl Laws {
    /// A node is given something else than before.
    pub(crate) fn gives(
        &mut self,
        registry: &Registry,
        node: usize,
        is_honest: bool,
        order: Order,
    ) {
        self.given.resize(NODES, None);
        let state = &registry.state;
        if order == Order::New {
            assert!(
                state.wave() > 0,
                "node {node} is offered it before any wave began"
            );
            let place = registry.seen[node].place;
            assert!(
                place.is_below(state.bound),
                "node {node} is outside of its wave"
            );
            assert!(
                state.bounds.iter().any(|bound| place.is_below(*bound)),
                "node {node} is in no wave that began"
            );
            let runs = registry.seen[node].is_running();
            let holds = state.paused.is_some()
                || matches!(
                    state.phase,
                    RolloutPhase::Aborted | RolloutPhase::Superseded
                );
            assert!(
                !holds || runs,
                "node {node} is offered it, and nothing goes on"
            );
            let times = self.taken_back + self.went_on;
            // One that had just taken it over when a pause began may say so behind that: it keeps it.
            if let Some(before) = self.given[node].filter(|_| is_honest && !runs) {
                assert!(
                    times > before,
                    "node {node} is offered it again, and no wave was taken back"
                );
            }
            self.given[node] = Some(times);
        }
    }

    pub(crate) fn step(
        &mut self,
        registry: &Registry,
        nodes: &[Node],
        story: &Story,
        input: &Input,
        next: &State,
        now_ms: u64,
    ) {
        let (state, plan) = (&registry.state, &story.plan);
        if *next == *state && (state.paused.is_some() || state.phase.is_end()) {
            return;
        }
        let tally = tally(&registry.seen, state);
        if !matches!(input, Input::Tick | Input::Started) {
            self.meddled = true;
            self.failed = false;
        }
        if *input == Input::Promote {
            self.promoted += 1;
            self.borne = self.borne.max(tally.failed + tally.open);
            assert!(next.borne <= self.borne, "what is not there is not borne");
            self.untrusted_borne = self.untrusted_borne.max(tally.untrusted);
        }
        self.pauses(state, next, now_ms);
        self.bounds(state, plan, input, next);
        if *input == Input::Tick {
            self.failures(state, plan, &tally, next);
        }
        if state.phase == RolloutPhase::Deploying && next.phase == RolloutPhase::Baking {
            (self.baking_ms, self.paused_ms) = (now_ms, 0);
        }
        let allowed = self.allowed(plan);
        if state.phase == RolloutPhase::Baking && next.phase == RolloutPhase::Gate {
            let baked_ms = now_ms - self.baking_ms - self.paused_ms;
            let before = state.bounds.iter().rev().nth(1).copied().unwrap_or(0);
            let adds = |one: &Seen<'_>| {
                one.staged == Staged::Passed
                    && one.place.is_below(state.bound)
                    && !one.place.is_below(before)
            };
            let watches = registry.seen.iter().any(adds);
            let least_ms = plan.waves[state.wave() - 1].bake_ms * u64::from(watches);
            assert!(baked_ms >= least_ms, "baked {baked_ms} ms of {least_ms}");
            let open = tally.failed + tally.uncommitted;
            assert!(
                open <= allowed,
                "{open} nodes did not commit, {allowed} may"
            );
        }
        let succeeds = next.phase == RolloutPhase::Succeeded && next != state;
        if succeeds {
            assert_eq!(state.wave(), plan.waves.len(), "waves are left");
        }
        if next.wave() > state.wave() || succeeds {
            self.begins(registry, nodes, story, &tally, (input, next), now_ms);
        }
        if next.phase == RolloutPhase::Rejected {
            assert!(self.given.iter().all(Option::is_none) && state.wave() == 0);
            assert!(
                nodes.iter().all(|one| !one.ran),
                "a preflight changes nothing"
            );
        }
    }

    fn allowed(&self, plan: &RolloutPlan) -> u64 {
        self.borne.max(plan.failures_max.into())
    }

    fn pauses(&mut self, state: &State, next: &State, now_ms: u64) {
        if let (Some(pause), None) = (&state.paused, &next.paused) {
            self.paused_ms += now_ms - pause.since_ms;
            self.went_on += 1;
        }
        if let Some(pause) = &next.paused {
            assert!(!pause.because.is_empty(), "a pause has a reason");
            assert!(!next.phase.is_end(), "what has ended is not paused");
        }
    }

    /// They only grow, but by going back.
    fn bounds(&mut self, state: &State, plan: &RolloutPlan, input: &Input, next: &State) {
        match next.bounds.len().cmp(&state.bounds.len()) {
            std::cmp::Ordering::Greater => {
                assert!(matches!(input, Input::Tick | Input::Promote));
                assert_eq!(next.bounds[..state.bounds.len()], state.bounds[..]);
                self.between = false;
                assert_eq!(next.bounds.len(), state.bounds.len() + 1);
                assert_eq!(next.bounds.last(), Some(&next.bound));
                assert!(next.bound >= state.bound && next.phase == RolloutPhase::Deploying);
                if next.wave() == plan.waves.len() {
                    assert_eq!(next.bound, EVERYWHERE);
                }
            }
            std::cmp::Ordering::Equal if next.bound == state.bound => {}
            std::cmp::Ordering::Equal => {
                assert!(next.bound == 0 && next.phase == RolloutPhase::RollingBack);
                self.taken_back += 1;
            }
            std::cmp::Ordering::Less => {
                assert_eq!(plan.on_failure, OnFailure::Wave);
                assert!(!self.between, "the wave before has passed its gate");
                self.between = true;
                assert_eq!(next.phase, RolloutPhase::RollingBack);
                assert_eq!(next.bounds[..], state.bounds[..state.bounds.len() - 1]);
                assert_eq!(next.bound, next.bounds.last().copied().unwrap_or(0));
                self.taken_back += 1;
            }
        }
    }

    /// More than may: it goes back or pauses, as the plan says; and keys that don't vouch pause it.
    fn failures(&mut self, state: &State, plan: &RolloutPlan, tally: &Tally, next: &State) {
        let is_at_wave = matches!(
            state.phase,
            RolloutPhase::Deploying | RolloutPhase::Baking | RolloutPhase::Gate
        );
        if state.paused.is_some() || !is_at_wave {
            return;
        }
        if tally.untrusted > self.untrusted_borne {
            assert!(next.paused.is_some(), "untrusted nodes pause it");
        } else if tally.failed > self.allowed(plan) {
            match plan.on_failure {
                OnFailure::All => {
                    assert_eq!((next.phase, next.bound), (RolloutPhase::RollingBack, 0));
                }
                OnFailure::Wave => assert!(
                    next.phase == RolloutPhase::RollingBack
                        || state.taken_back && next.paused.is_some()
                ),
                OnFailure::Pause => assert!(next.paused.is_some() && next.bound == state.bound),
            }
        }
        self.failed |= next.phase == RolloutPhase::RollingBack || next.paused.is_some();
    }

    /// A wave begins, or it ends well: the gate of the wave before has passed, or somebody said so.
    fn begins(
        &mut self,
        registry: &Registry,
        nodes: &[Node],
        story: &Story,
        tally: &Tally,
        (input, next): (&Input, &State),
        now_ms: u64,
    ) {
        let (state, plan) = (&registry.state, &story.plan);
        if next.phase == RolloutPhase::Deploying {
            reaches(registry, plan, next);
        }
        if *input != Input::Tick {
            return;
        }
        assert_eq!(state.paused, None, "a wave begins while it is paused");
        let allowed = self.allowed(plan);
        assert!(
            tally.failed <= allowed,
            "{} nodes failed, {allowed} may",
            tally.failed
        );
        let Some(before) = state.wave().checked_sub(1) else {
            return self.preflight(registry, story, allowed, now_ms);
        };
        assert_eq!(state.phase, RolloutPhase::Gate);
        assert!(!plan.waves[before].approval, "nobody promoted it");
        assert!(tally.committed > 0, "nobody has run it");
        if self.promoted == 0 {
            super::bad::stays_in_first_wave(registry, nodes, story);
        }
    }

    fn preflight(&self, registry: &Registry, story: &Story, allowed: u64, now_ms: u64) {
        let state = &registry.state;
        if state.phase == RolloutPhase::Gate {
            return;
        }
        assert_eq!(state.phase, RolloutPhase::Preflight);
        let is_open = |one: &&Seen<'_>| one.online && one.staged == Staged::NotYet;
        let open = registry.seen.iter().filter(is_open);
        let awaited = open.filter(|one| one.joined_ms.is_none()).count();
        let awaited = u64::try_from(awaited).unwrap();
        let is_late = now_ms >= state.since_ms + story.plan.preflight_ms;
        assert!(
            awaited == 0 || is_late && awaited <= allowed,
            "{awaited} nodes did not answer"
        );
        if self.promoted == 0 {
            super::bad::stays_in_preflight(registry, story);
        }
    }

    /// Whether it waits for somebody.
    pub(crate) fn waits(state: &State, plan: &RolloutPlan) -> bool {
        let approval = |wave: usize| plan.waves.get(wave).is_some_and(|wave| wave.approval);
        let at_gate = state.phase == RolloutPhase::Gate && approval(state.wave().wrapping_sub(1));
        state.paused.is_some() || at_gate
    }

    /// The end, or where it waits for somebody who does not come.
    pub(crate) fn end(&self, registry: &Registry, nodes: &[Node], story: &Story, now_ms: u64) {
        let (state, plan) = (&registry.state, &story.plan);
        let waits = Self::waits(state, plan);
        assert!(
            state.phase.is_end() || waits,
            "it hangs after {} ms",
            now_ms - BEGIN_MS
        );
        assert!(!state.because.is_empty(), "it says why");
        if self.failed {
            let is_back = matches!(
                state.phase,
                RolloutPhase::RolledBack | RolloutPhase::Incomplete
            );
            assert!(
                is_back || state.paused.is_some(),
                "a wave failed and it went on"
            );
        }
        if state.phase == RolloutPhase::Incomplete {
            let mut left = registry
                .seen
                .iter()
                .filter(|one| state.because.contains(one.node));
            assert!(left.next().is_some(), "nobody is named: {}", state.because);
        }
        if state.phase == RolloutPhase::Superseded {
            return;
        }
        for (number, node) in nodes.iter().enumerate() {
            if node.fault.is_honest() && node.is_there {
                let should = super::run::should_run(node, number, story.release, node.told);
                assert_eq!(node.told, registry.order(number), "node {number} was told");
                assert_eq!(
                    node.has == Has::Release,
                    should,
                    "node {number} runs what it should"
                );
            }
        }
        if !self.meddled {
            super::bad::good_succeeds(registry, story);
        }
    }
}
