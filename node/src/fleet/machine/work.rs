//! What was started for the registry, what is being done about each instance, and what each input
//! changes of that. A part of the machine; pure.
//! Must never forget what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use payload::name::InstanceName;

use super::super::target::{Asked, Target};
use super::input::{Action, Failure, Input};
use super::{State, staging};

/// What ran last under a name because the registry wanted it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Managed {
    /// What it is.
    pub(crate) target: Arc<Target>,
    /// What ran there before, for a way back.
    pub(crate) previous: Option<Arc<Target>>,
    /// What failed its watch here, as long as it is asked for: it is not tried again.
    pub(crate) failed: Option<Arc<Target>>,
    /// Whether it runs in this life of the daemon.
    pub(crate) live: bool,
    /// Whether this life has tried to start it and could not.
    pub(super) tried: bool,
    /// Whether it is to be told when its watch has ended well.
    pub(crate) to_commit: bool,
}

/// What a former life of the daemon had started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Former {
    /// What ran last.
    pub(crate) target: Target,
    /// What ran there before.
    pub(crate) previous: Option<Target>,
    /// What failed its watch there.
    pub(crate) failed: Option<Target>,
    /// Whether it was not told yet that its watch had ended well.
    pub(crate) to_commit: bool,
}

impl Managed {
    pub(super) fn of(former: Former) -> Self {
        Self {
            target: Arc::new(former.target),
            previous: former.previous.map(Arc::new),
            failed: former.failed.map(Arc::new),
            live: false,
            tried: false,
            to_commit: former.to_commit,
        }
    }

    /// What runs failed its watch: what ran before does again. Whether there is such a thing.
    pub(super) fn go_back(&mut self) -> bool {
        let left = self.watch_anew();
        let is_left = left.is_some();
        self.failed = left.or(self.failed.take());
        is_left
    }

    /// What ran before comes first again; nothing is held against what followed it, which is given.
    pub(super) fn watch_anew(&mut self) -> Option<Arc<Target>> {
        let previous = self.previous.take()?;
        self.to_commit = false;
        Some(std::mem::replace(&mut self.target, previous))
    }
}

/// What is being done about an instance, or why nothing is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Work {
    /// Its file is on the way.
    Fetching(Arc<Target>, u32),
    /// It is being checked and loaded.
    Applying(Arc<Target>, u32),
    /// It is being stopped.
    Stopping,
    /// It failed and is tried again.
    Resting {
        /// What failed.
        target: Arc<Target>,
        /// Until when to leave it, in the machine's time.
        until_ms: u64,
        /// How often it failed in a row.
        failures: u32,
    },
    /// It was refused; the same is not tried again.
    Refused(Arc<Target>),
}

impl Work {
    /// Whether somebody is at it.
    pub(crate) fn is_under_way(&self) -> bool {
        match self {
            Self::Fetching(..) | Self::Applying(..) | Self::Stopping => true,
            Self::Resting { .. } | Self::Refused(_) => false,
        }
    }

    /// What it is about; nothing for a stop.
    pub(crate) fn target(&self) -> Option<&Arc<Target>> {
        match self {
            Self::Fetching(target, _)
            | Self::Applying(target, _)
            | Self::Resting { target, .. }
            | Self::Refused(target) => Some(target),
            Self::Stopping => None,
        }
    }

    pub(super) fn until_ms(&self) -> Option<u64> {
        match self {
            Self::Resting { until_ms, .. } => Some(*until_ms),
            Self::Fetching(..) | Self::Applying(..) | Self::Stopping | Self::Refused(_) => None,
        }
    }
}

/// Takes in what happened.
pub(super) fn absorb(state: &mut State, input: Input, now_ms: u64, actions: &mut Vec<Action>) {
    match input {
        Input::Tick => {}
        Input::Enrolled => state.link.enrolled(now_ms),
        Input::EnrolFailed(failure) => state.link.enrol_failed(failure, now_ms),
        Input::Desired {
            etag,
            poll_ms,
            instances,
            staged,
        } => {
            state.link.remember(etag, poll_ms);
            state.link.heard(now_ms);
            heard(&mut state.desired, instances);
            heard(&mut state.staged, staged);
            forget_what_failed(state);
            forget_attempts(state);
        }
        Input::Unchanged => state.link.heard(now_ms),
        Input::PollFailed(failure) => state.link.poll_failed(failure, now_ms),
        Input::Rang { spread_ms } => state.link.rang(spread_ms, now_ms),
        Input::BellClosed(failure) => state.link.bell_closed(failure, now_ms),
        Input::Fetched(name) => fetched(state, name, actions),
        Input::FetchFailed(name, failure) => {
            if let Some(Work::Fetching(target, failures)) = state.work.get(&name).cloned() {
                rest(state, &target, failures, failure, now_ms);
            }
        }
        Input::Applied {
            instance,
            to_commit,
        } => applied(state, &instance, to_commit, (now_ms, actions)),
        Input::ApplyFailed { instance, again } => apply_failed(state, instance, again, now_ms),
        Input::TooEarly(name) => too_early(state, &name),
        Input::Committed(name) => committed(state, &name, (now_ms, actions)),
        Input::Staging(name, prepared) => staging::absorb(state, name, prepared, now_ms, actions),
        Input::RolledBack(name) => rolled_back(state, &name, now_ms, actions),
        Input::Stopped(name) => stopped(state, &name, (now_ms, actions)),
        Input::Reported { more } => state.link.reported(more, now_ms),
        Input::ReportFailed(failure) => state.link.report_failed(failure, now_ms),
        Input::News => state.link.news(now_ms),
        Input::Trust => {
            state.work.retain(|_, work| work.is_under_way());
            staging::judge_anew(state);
            // A floor that came with the answer may be trusted now.
            state.link.forget_answer();
        }
        Input::Floors(floors) => state.floors = floors,
    }
}

fn fetched(state: &mut State, name: InstanceName, actions: &mut Vec<Action>) {
    let Some(Work::Fetching(target, failures)) = state.work.remove(&name) else {
        return;
    };
    if still_meant(state, &target) {
        actions.push(Action::Apply {
            at_ms: at_ms(state, &target),
            beside: beside(state, &target),
            target: Arc::clone(&target),
        });
        state.work.insert(name, Work::Applying(target, failures));
    } else {
        state.attempts.ended(&target);
    }
}

fn applied(state: &mut State, name: &InstanceName, to_commit: bool, changed: Changed<'_>) {
    if let Some(Work::Applying(target, _)) = state.work.remove(name) {
        state.attempts.ended(&target);
        staging::used(state, name, Some(&target));
        took_over(state, target, to_commit);
        save_and_tell(state, changed);
    }
}

fn too_early(state: &mut State, name: &InstanceName) {
    if let Some(Work::Applying(target, _)) = state.work.get(name) {
        state.attempts.ended(target);
        state.work.remove(name);
    }
}

fn committed(state: &mut State, name: &InstanceName, changed: Changed<'_>) {
    if let Some(managed) = state.managed.get_mut(name) {
        managed.to_commit = false;
        save_and_tell(state, changed);
    }
}

fn stopped(state: &mut State, name: &InstanceName, changed: Changed<'_>) {
    if state.work.get(name) == Some(&Work::Stopping) {
        state.work.remove(name);
        state.managed.remove(name);
        staging::used(state, name, None);
        save_and_tell(state, changed);
    }
}

/// The time, and what is to be done.
type Changed<'a> = (u64, &'a mut Vec<Action>);

/// What runs has changed.
fn save_and_tell(state: &mut State, (now_ms, actions): Changed<'_>) {
    actions.push(Action::Save);
    state.link.news(now_ms);
}

/// Takes in one list of an answer. What can't be read neither begins nor ends anything.
fn heard(wanted: &mut BTreeMap<InstanceName, Arc<Target>>, asked: Asked) {
    let named = |target: Target| (target.instance.clone(), Arc::new(target));
    wanted.retain(|name, _| asked.unread.may_be(name));
    wanted.extend(asked.targets.into_iter().map(named));
}

/// What failed its watch may be tried again once something else was asked for.
fn forget_what_failed(state: &mut State) {
    for (name, managed) in &mut state.managed {
        let wanted = state.desired.get(name);
        let failed = managed.failed.as_ref().zip(wanted);
        if failed.is_some_and(|(failed, wanted)| !wanted.asks_as(failed)) {
            managed.failed = None;
        }
    }
}

fn forget_attempts(state: &mut State) {
    let State {
        desired,
        staged,
        managed,
        attempts,
        ..
    } = state;
    let managed = managed.values().map(|managed| &managed.target);
    let spoken_of = desired.values().chain(staged.values()).chain(managed);
    attempts.keep_only(spoken_of.map(AsRef::as_ref));
}

/// When what was fetched is to take over. What ran last comes back at once, whatever the clock says.
fn at_ms(state: &State, target: &Target) -> Option<u64> {
    let wanted = state.desired.get(&target.instance)?;
    let comes_back = state.comes_back(&target.instance);
    wanted
        .flip_at_ms()
        .filter(|_| !comes_back && wanted.runs_as(target))
}

/// What may be loaded beside what ran last, where another daemon left both: what it followed and is
/// watched against, or what it is gone back to from.
fn beside(state: &State, target: &Target) -> Option<Arc<Target>> {
    let managed = state.managed.get(&target.instance)?;
    let comes_back = !managed.live && managed.target.runs_as(target);
    let other = managed.failed.as_ref().or(managed.previous.as_ref());
    other.filter(|_| comes_back).cloned()
}

/// Whether what was fetched is still to run: the registry, or a floor, may have gone on meanwhile.
fn still_meant(state: &State, target: &Target) -> bool {
    let wanted = state.desired.get(&target.instance);
    let kept = state
        .managed
        .get(&target.instance)
        .filter(|managed| !managed.live && !managed.tried);
    let meant = wanted.is_some_and(|wanted| {
        wanted.runs_as(target) || kept.is_some_and(|kept| kept.target.runs_as(target))
    });
    meant && state.below_floor(target).is_none()
}

fn rest(state: &mut State, target: &Arc<Target>, failures: u32, failure: Failure, now_ms: u64) {
    let wait_ms = state.link.rest_ms(failure, failures);
    state.attempts.ended(target);
    gave_up(state, target);
    let resting = Work::Resting {
        until_ms: now_ms.saturating_add(wait_ms),
        failures: failures.saturating_add(1),
        target: Arc::clone(target),
    };
    state.work.insert(target.instance.clone(), resting);
}

fn apply_failed(state: &mut State, instance: InstanceName, again: bool, now_ms: u64) {
    let Some(Work::Applying(target, failures)) = state.work.get(&instance).cloned() else {
        return;
    };
    if again {
        let failure = Failure::Again {
            retry_after_ms: None,
        };
        rest(state, &target, failures, failure, now_ms);
    } else {
        state.attempts.ended(&target);
        gave_up(state, &target);
        state.work.insert(instance, Work::Refused(target));
    }
}

/// What failed is not tried again until something changes; what runs again is what is kept.
fn rolled_back(state: &mut State, name: &InstanceName, now_ms: u64, actions: &mut Vec<Action>) {
    if state.work.get(name).is_some_and(Work::is_under_way) {
        return;
    }
    let managed = state.managed.get_mut(name);
    if !managed.is_some_and(Managed::go_back) {
        return;
    }
    state.work.remove(name);
    save_and_tell(state, (now_ms, actions));
}

/// What ran last did not start in this life: what is wanted may go ahead of it.
fn gave_up(state: &mut State, target: &Target) {
    if let Some(managed) = state.managed.get_mut(&target.instance)
        && managed.target.runs_as(target)
    {
        managed.tried = true;
    }
}

fn took_over(state: &mut State, target: Arc<Target>, to_commit: bool) {
    let name = target.instance.clone();
    let (previous, failed, to_commit) = match state.managed.remove(&name) {
        // It is gone on with.
        Some(before) if before.target.runs_as(&target) => {
            (before.previous, before.failed, before.to_commit)
        }
        Some(before) => (Some(before.target), None, to_commit),
        None => (None, None, to_commit),
    };
    let managed = Managed {
        target,
        previous,
        failed,
        live: true,
        tried: false,
        to_commit,
    };
    state.managed.insert(name, managed);
}
