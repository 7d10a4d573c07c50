//! What a node does about what its registry wants: one pure step from a state and an input to the
//! next state and what is to be done. Driven by `driver`, which does it and tells how it went.
//! Must never touch what the registry did not start, nor let one instance hold up another.

mod attempts;
mod input;
mod link;
mod plan;
mod staging;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use payload::name::{InstanceName, PayloadName, Version};

pub(crate) use attempts::{ATTEMPTS_MAX, Attempt, Attempts};
pub(crate) use input::{Action, Failure, Input, Prepare, Prepared, Why};
pub(crate) use link::{Link, Phase};
pub(crate) use plan::has_failed;
pub(crate) use staging::Staging;
pub(crate) use work::{Former, Managed, Work};

use super::pace::Pace;
use super::target::Target;

/// Fetches, loads and stops that are under way at a time.
const JOBS_MAX: usize = 4;
/// What is to take over at a time is checked so long before, milliseconds; from then on its job waits.
pub(crate) const AHEAD_MS: u64 = 1_000;
/// How often a node reports at least while something is watched or staged, milliseconds.
const REPORT_BUSY_MS: u64 = 2_000;

/// All that decides what a node does next.
#[derive(Debug, Clone)]
pub(crate) struct State {
    link: Link,
    desired: BTreeMap<InstanceName, Arc<Target>>,
    managed: BTreeMap<InstanceName, Managed>,
    work: BTreeMap<InstanceName, Work>,
    staged: BTreeMap<InstanceName, Arc<Target>>,
    staging: BTreeMap<InstanceName, Staging>,
    attempts: Attempts,
    floors: BTreeMap<PayloadName, Version>,
    now: Now,
}

/// A moment, by both clocks, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// The machine's time, which only grows.
    pub(crate) ms: u64,
    /// The wall's, since 1970, which people and protocols set.
    pub(crate) wall_ms: u64,
}

impl State {
    /// The state of a node that has just begun. What ran last is what it wants until a registry
    /// says otherwise.
    pub(crate) fn new(
        phase: Phase,
        pace: Pace,
        (kept, attempts): (Vec<Former>, Attempts),
        floors: BTreeMap<PayloadName, Version>,
    ) -> Self {
        let mut state = Self {
            link: Link::new(phase, pace),
            desired: BTreeMap::new(),
            managed: BTreeMap::new(),
            work: BTreeMap::new(),
            staged: BTreeMap::new(),
            staging: BTreeMap::new(),
            attempts,
            floors,
            now: Now::default(),
        };
        for former in kept {
            let managed = Managed::of(former);
            let name = managed.target.instance.clone();
            state
                .desired
                .insert(name.clone(), Arc::clone(&managed.target));
            state.managed.insert(name, managed);
        }
        state
    }

    /// What ran last under a name failed its watch, and is not to be started in this life: what ran
    /// before it is.
    pub(crate) fn leave_behind(&mut self, name: &InstanceName) {
        if let Some(managed) = self.managed.get_mut(name) {
            managed.go_back();
        }
    }

    /// What ran last under a name was still watched when its daemon was told to end: what ran before it
    /// comes first in this life, and it follows that again, watched.
    pub(crate) fn watch_anew(&mut self, name: &InstanceName) {
        if let Some(managed) = self.managed.get_mut(name) {
            managed.watch_anew();
        }
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

    /// What should be staged.
    pub(crate) fn staged(&self) -> &BTreeMap<InstanceName, Arc<Target>> {
        &self.staged
    }

    /// What is being done about staging, or came of it, by instance.
    pub(crate) fn staging(&self) -> &BTreeMap<InstanceName, Staging> {
        &self.staging
    }

    /// What was begun and has not come to an end: to be kept on disk before it goes on.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// When `Input::Tick` is needed at the latest, in the machine's time.
    pub(crate) fn wake_ms(&self) -> u64 {
        // While all places are taken it is the end of a job that is waited for.
        let works = self.work.iter();
        let resting = works.filter_map(|(name, work)| Some((name, work.until_ms()?)));
        let staging = self.staging.iter();
        let staging = staging.filter_map(|(name, staging)| Some((name, staging.until_ms()?)));
        let resting = resting.chain(staging).filter(|_| self.jobs() < JOBS_MAX);
        let resting = resting.filter(|(name, _)| !self.is_at(name));
        let resting = resting.map(|(_, until_ms)| until_ms);
        let waiting = self.desired.values();
        let waiting = waiting.filter_map(|target| self.waits_until_ms(target));
        resting.chain(waiting).fold(self.link.wake_ms(), u64::min)
    }

    /// Until when, in the machine's time, this waits for the time at which it is to take over; nothing
    /// where that is not set, or is as good as there.
    fn waits_until_ms(&self, target: &Target) -> Option<u64> {
        let left_ms = target.flip_at_ms()?.checked_sub(self.now.wall_ms)?;
        let left_ms = left_ms
            .checked_sub(AHEAD_MS)
            .filter(|left_ms| *left_ms > 0)?;
        Some(self.now.ms.saturating_add(left_ms))
    }

    /// Whether a job of this instance is under way.
    fn is_at(&self, name: &InstanceName) -> bool {
        let staging = self.staging.get(name);
        self.work.get(name).is_some_and(Work::is_under_way)
            || staging.is_some_and(Staging::is_under_way)
    }

    /// Whether what ran under this name in the life before is still to be tried in this one: whatever
    /// is wanted by now may turn out not to run.
    fn comes_back(&self, name: &InstanceName) -> bool {
        let managed = self.managed.get(name);
        managed.is_some_and(|managed| {
            !managed.live && !managed.tried && self.below_floor(&managed.target).is_none()
        })
    }

    /// Whether this is what runs.
    fn runs(&self, target: &Target) -> bool {
        let managed = self.managed.get(&target.instance);
        managed.is_some_and(|managed| managed.live && managed.target.runs_as(target))
    }

    /// Whether somebody who decides about others waits for figures: something is watched or staged.
    fn is_busy(&self) -> bool {
        let watched = |managed: &Managed| managed.live && managed.to_commit;
        let staged = |staging: &Staging| !matches!(staging, Staging::Refused(_));
        self.managed.values().any(watched) || self.staging.values().any(staged)
    }

    /// How many jobs are under way.
    fn jobs(&self) -> usize {
        let jobs = self.work.values().filter(|work| work.is_under_way());
        let staging = self.staging.values();
        jobs.count() + staging.filter(|staging| staging.is_under_way()).count()
    }

    fn below_floor(&self, target: &Target) -> Option<&Version> {
        let floor = self.floors.get(&target.payload)?;
        (target.version < *floor).then_some(floor)
    }
}

/// One step.
pub(crate) fn step(mut state: State, input: Input, now: Now) -> (State, Vec<Action>) {
    let mut actions = Vec::new();
    let now_ms = now.ms;
    state.now = now;
    work::absorb(&mut state, input, now_ms, &mut actions);
    plan::plan(&mut state, now_ms, &mut actions);
    staging::plan(&mut state, now_ms, &mut actions);
    if state.is_busy() {
        state.link.report_within(REPORT_BUSY_MS);
    }
    state.link.due(now_ms, &mut actions);
    (state, actions)
}

#[cfg(test)]
mod tests;
