//! What was started for the registry, what is being done about each instance, and what each input
//! changes of that. A part of the machine; pure.
//! Must never forget what runs.

use std::sync::Arc;

use payload::name::InstanceName;

use super::super::target::Target;
use super::State;
use super::input::{Action, Failure, Input};

/// What ran last under a name because the registry wanted it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Managed {
    /// What it is.
    pub(crate) target: Arc<Target>,
    /// What ran there before, for a way back.
    pub(crate) previous: Option<Arc<Target>>,
    /// Whether it runs in this life of the daemon.
    pub(crate) live: bool,
    /// Whether this life has tried to start it and could not.
    pub(super) tried: bool,
}

impl Managed {
    /// What a former life left.
    pub(super) fn kept(target: Arc<Target>, previous: Option<Arc<Target>>) -> Self {
        Self {
            target,
            previous,
            live: false,
            tried: false,
        }
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
            targets,
            unread,
        } => {
            state.link.remember(etag, poll_ms);
            state.link.heard(now_ms);
            let named = |target: Target| (target.instance.clone(), Arc::new(target));
            // What can't be read neither starts nor stops anything.
            state.desired.retain(|name, _| unread.may_be(name));
            state.desired.extend(targets.into_iter().map(named));
        }
        Input::Unchanged => state.link.heard(now_ms),
        Input::PollFailed(failure) => state.link.poll_failed(failure, now_ms),
        Input::Rang { spread_ms } => state.link.rang(spread_ms, now_ms),
        Input::BellClosed(failure) => state.link.bell_closed(failure, now_ms),
        Input::Fetched(name) => {
            if let Some(Work::Fetching(target, failures)) = state.work.remove(&name)
                && still_meant(state, &target)
            {
                actions.push(Action::Apply(Arc::clone(&target)));
                state.work.insert(name, Work::Applying(target, failures));
            }
        }
        Input::FetchFailed(name, failure) => {
            if let Some(Work::Fetching(target, failures)) = state.work.get(&name).cloned() {
                rest(state, &target, failures, failure, now_ms);
            }
        }
        Input::Applied(name) => {
            if let Some(Work::Applying(target, _)) = state.work.remove(&name) {
                took_over(state, target);
                actions.push(Action::Save);
                state.link.news(now_ms);
            }
        }
        Input::ApplyFailed { instance, again } => apply_failed(state, instance, again, now_ms),
        Input::RolledBack(name) => rolled_back(state, name, now_ms, actions),
        Input::Stopped(name) => {
            if state.work.get(&name) == Some(&Work::Stopping) {
                state.work.remove(&name);
                state.managed.remove(&name);
                actions.push(Action::Save);
                state.link.news(now_ms);
            }
        }
        Input::Reported { more } => state.link.reported(more, now_ms),
        Input::ReportFailed(failure) => state.link.report_failed(failure, now_ms),
        Input::News => state.link.news(now_ms),
        Input::Trust => {
            state.work.retain(|_, work| work.is_under_way());
            // A floor that came with the answer may be trusted now.
            state.link.forget_answer();
        }
        Input::Floors(floors) => state.floors = floors,
    }
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
    let retry_after_ms = match failure {
        // A blob that this node may not have today: the next poll may name another.
        Failure::Denied => None,
        Failure::Again { retry_after_ms } => retry_after_ms,
    };
    let wait_ms = state.link.pace().back_off_ms(failures, retry_after_ms);
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
        gave_up(state, &target);
        state.work.insert(instance, Work::Refused(target));
    }
}

/// What failed is not tried again until something changes; what runs again is what is kept.
fn rolled_back(state: &mut State, name: InstanceName, now_ms: u64, actions: &mut Vec<Action>) {
    if state.work.get(&name).is_some_and(Work::is_under_way) {
        return;
    }
    let Some(managed) = state.managed.get_mut(&name) else {
        return;
    };
    let Some(previous) = managed.previous.take() else {
        return;
    };
    let failed = std::mem::replace(&mut managed.target, previous);
    state.work.insert(name, Work::Refused(failed));
    actions.push(Action::Save);
    state.link.news(now_ms);
}

/// What ran last did not start in this life: what is wanted may go ahead of it.
fn gave_up(state: &mut State, target: &Target) {
    if let Some(managed) = state.managed.get_mut(&target.instance)
        && managed.target.runs_as(target)
    {
        managed.tried = true;
    }
}

fn took_over(state: &mut State, target: Arc<Target>) {
    let name = target.instance.clone();
    let previous = match state.managed.remove(&name) {
        Some(before) if before.target.runs_as(&target) => before.previous,
        Some(before) => Some(before.target),
        None => None,
    };
    let managed = Managed {
        target,
        previous,
        live: true,
        tried: false,
    };
    state.managed.insert(name, managed);
}
