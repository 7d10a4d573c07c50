//! What a node does about what its registry wants: one pure step from a state and an input to the
//! next state and what is to be done. Driven by `driver`, which does it and tells how it went.
//! Must never touch what the registry did not start, nor let one instance hold up another.

mod input;
mod link;
mod plan;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use payload::name::{InstanceName, PayloadName, Version};

pub(crate) use input::{Action, Failure, Input, Why};
pub(crate) use link::{Link, Phase};
pub(crate) use work::{Managed, Work};

use super::pace::Pace;
use super::target::Target;

/// Fetches, loads and stops that are under way at a time.
const JOBS_MAX: usize = 4;

/// All that decides what a node does next.
#[derive(Debug, Clone)]
pub(crate) struct State {
    link: Link,
    desired: BTreeMap<InstanceName, Arc<Target>>,
    managed: BTreeMap<InstanceName, Managed>,
    work: BTreeMap<InstanceName, Work>,
    floors: BTreeMap<PayloadName, Version>,
}

impl State {
    /// The state of a node that has just begun. What ran last is what it wants until a registry
    /// says otherwise.
    pub(crate) fn new(
        phase: Phase,
        pace: Pace,
        kept: Vec<(Target, Option<Target>)>,
        floors: BTreeMap<PayloadName, Version>,
    ) -> Self {
        let mut state = Self {
            link: Link::new(phase, pace),
            desired: BTreeMap::new(),
            managed: BTreeMap::new(),
            work: BTreeMap::new(),
            floors,
        };
        for (target, previous) in kept {
            let target = Arc::new(target);
            let name = target.instance.clone();
            state.desired.insert(name.clone(), Arc::clone(&target));
            let previous = previous.map(Arc::new);
            state.managed.insert(name, Managed::kept(target, previous));
        }
        state
    }

    /// What the registry had started here, and what ran there before: to be kept on disk.
    pub(crate) fn managed(&self) -> &BTreeMap<InstanceName, Managed> {
        &self.managed
    }

    /// What is being done, or was refused, by instance.
    pub(crate) fn work(&self) -> &BTreeMap<InstanceName, Work> {
        &self.work
    }

    /// How the node stands with its registry.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// What should run.
    pub(crate) fn desired(&self) -> &BTreeMap<InstanceName, Arc<Target>> {
        &self.desired
    }

    /// When `Input::Tick` is needed at the latest, in the machine's time.
    pub(crate) fn wake_ms(&self) -> u64 {
        // While all places are taken it is the end of a job that is waited for.
        let resting = self.work.values().filter_map(Work::until_ms);
        let resting = resting.filter(|_| self.jobs() < JOBS_MAX);
        resting.fold(self.link.wake_ms(), u64::min)
    }

    /// How many jobs are under way.
    fn jobs(&self) -> usize {
        let jobs = self.work.values().filter(|work| work.is_under_way());
        jobs.count()
    }

    fn below_floor(&self, target: &Target) -> Option<&Version> {
        let floor = self.floors.get(&target.payload)?;
        (target.version < *floor).then_some(floor)
    }
}

/// One step. `now_ms` only grows.
pub(crate) fn step(mut state: State, input: Input, now_ms: u64) -> (State, Vec<Action>) {
    let mut actions = Vec::new();
    work::absorb(&mut state, input, now_ms, &mut actions);
    plan::plan(&mut state, now_ms, &mut actions);
    state.link.due(now_ms, &mut actions);
    (state, actions)
}

#[cfg(test)]
mod tests;
