//! What is loaded and verified beside what runs before it is to run: what is being done about each
//! instance, what each end of that changes, what is next. A part of the machine; pure.
//! Must never have a job where the instance has another, nor keep loaded what nobody wants any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use payload::name::InstanceName;

use super::super::target::Target;
use super::input::{Action, Failure, Prepare, Prepared};
use super::work::Work;
use super::{JOBS_MAX, State};

/// What is being done about staging under a name, or what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Staging {
    /// Its file is on the way.
    Fetching(Arc<Target>, u32),
    /// It is being checked, loaded and verified.
    Loading(Arc<Target>, u32),
    /// It went well.
    Ready {
        /// What is staged.
        target: Arc<Target>,
        /// Whether it stays loaded beside what runs; else it was let go of again.
        held: bool,
        /// Whether other keys are trusted by now: then it is judged anew.
        stale: bool,
    },
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
    /// It is being let go of.
    LettingGo(Arc<Target>),
}

impl Staging {
    /// Whether somebody is at it.
    pub(crate) fn is_under_way(&self) -> bool {
        match self {
            Self::Fetching(..) | Self::Loading(..) | Self::LettingGo(_) => true,
            Self::Ready { .. } | Self::Resting { .. } | Self::Refused(_) => false,
        }
    }

    /// What it is about.
    pub(crate) fn target(&self) -> &Arc<Target> {
        match self {
            Self::Fetching(target, _)
            | Self::Loading(target, _)
            | Self::Ready { target, .. }
            | Self::Resting { target, .. }
            | Self::Refused(target)
            | Self::LettingGo(target) => target,
        }
    }

    pub(super) fn until_ms(&self) -> Option<u64> {
        match self {
            Self::Resting { until_ms, .. } => Some(*until_ms),
            _ => None,
        }
    }

    /// Whether something stays loaded for it.
    fn holds(&self) -> bool {
        matches!(self, Self::Ready { held: true, .. })
    }
}

/// Takes in how a job went.
pub(super) fn absorb(
    state: &mut State,
    name: InstanceName,
    prepared: Prepared,
    now_ms: u64,
    actions: &mut Vec<Action>,
) {
    match (state.staging.get(&name).cloned(), prepared) {
        (Some(Staging::Fetching(target, failures)), Prepared::Fetched) => {
            state.staging.remove(&name);
            if is_meant(state, &target) {
                actions.push(Action::Stage(Arc::clone(&target), Prepare::Load));
                let loading = Staging::Loading(target, failures);
                state.staging.insert(name, loading);
            } else {
                state.attempts.ended(&target);
            }
        }
        (Some(Staging::Fetching(target, failures)), Prepared::FetchFailed(failure)) => {
            rest(state, &target, failures, failure, now_ms);
        }
        (Some(Staging::Loading(target, _)), Prepared::Loaded { held }) => {
            ready(state, name, target, held, now_ms);
        }
        (Some(Staging::Loading(target, failures)), Prepared::LoadFailed { again: true }) => {
            let failure = Failure::Again {
                retry_after_ms: None,
            };
            rest(state, &target, failures, failure, now_ms);
        }
        (Some(Staging::Loading(target, _)), Prepared::LoadFailed { again: false }) => {
            state.attempts.ended(&target);
            state.staging.insert(name, Staging::Refused(target));
        }
        (Some(Staging::LettingGo(_)), Prepared::LetGo) => {
            state.staging.remove(&name);
        }
        // A job that has not begun does not end.
        (_, _) => {}
    }
}

/// Whether what was fetched is still to be staged.
fn is_meant(state: &State, target: &Target) -> bool {
    let wanted = wanted(state, &target.instance);
    wanted.is_some_and(|wanted| wanted.asks_as(target)) && state.below_floor(target).is_none()
}

fn ready(state: &mut State, name: InstanceName, target: Arc<Target>, held: bool, now_ms: u64) {
    state.attempts.ended(&target);
    let ready = Staging::Ready {
        target,
        held,
        stale: false,
    };
    state.staging.insert(name, ready);
    state.link.news(now_ms);
}

fn rest(state: &mut State, target: &Arc<Target>, failures: u32, failure: Failure, now_ms: u64) {
    state.attempts.ended(target);
    let resting = Staging::Resting {
        until_ms: now_ms.saturating_add(state.link.rest_ms(failure, failures)),
        failures: failures.saturating_add(1),
        target: Arc::clone(target),
    };
    state.staging.insert(target.instance.clone(), resting);
}

/// Other keys are trusted: what was refused may pass, what is staged may not any more.
pub(super) fn judge_anew(state: &mut State) {
    state
        .staging
        .retain(|_, staging| staging.is_under_way() || staging.holds());
    for staging in state.staging.values_mut() {
        if let Staging::Ready { stale, .. } = staging {
            *stale = true;
        }
    }
}

/// What was staged runs now, or the instance is gone and all that was loaded for it.
pub(super) fn used(state: &mut State, name: &InstanceName, by: Option<&Target>) {
    if let Some(Staging::Ready { target, held, .. }) = state.staging.get_mut(name)
        && by.is_none_or(|by| by.runs_as(target))
    {
        *held = false;
    }
}

/// What should be staged under a name: what the registry says so of, or what is to take over at a
/// time that has not come.
fn wanted<'a>(state: &'a State, name: &InstanceName) -> Option<&'a Arc<Target>> {
    let waits = |target: &&Arc<Target>| {
        state.waits_until_ms(target).is_some() && !state.runs(target.as_ref())
    };
    let at_its_time = state.desired.get(name).filter(waits);
    at_its_time.or_else(|| state.staged.get(name))
}

/// What is next about one instance.
enum Next {
    Nothing,
    Bring(Arc<Target>, u32),
    Refuse(Arc<Target>),
    /// The daemon died of it too often.
    GiveUp(Arc<Target>),
    /// It runs already.
    Runs(Arc<Target>),
    LetGo(Arc<Target>),
    Forget,
}

/// Begins whatever is to be done and has a place.
pub(super) fn plan(state: &mut State, now_ms: u64, actions: &mut Vec<Action>) {
    let mut names: BTreeSet<InstanceName> = state.staged.keys().cloned().collect();
    names.extend(state.desired.keys().cloned());
    names.extend(state.staging.keys().cloned());
    let mut under_way = state.jobs();
    for name in names {
        let next = next(state, &name, now_ms);
        let takes_a_place = matches!(next, Next::Bring(..) | Next::LetGo(_));
        if takes_a_place && under_way >= JOBS_MAX {
            continue;
        }
        under_way += usize::from(takes_a_place);
        begin(state, name, next, now_ms, actions);
    }
}

fn next(state: &State, name: &InstanceName, now_ms: u64) -> Next {
    let staging = state.staging.get(name);
    // What ran in the life before comes first.
    if state.is_at(name) || state.comes_back(name) {
        return Next::Nothing;
    }
    let Some(wanted) = wanted(state, name) else {
        return match staging {
            None => Next::Nothing,
            // It is about to run.
            Some(staging) if staging.holds() && is_to_run(state, staging.target()) => Next::Nothing,
            Some(staging) if staging.holds() => Next::LetGo(Arc::clone(staging.target())),
            Some(_) => Next::Forget,
        };
    };
    let same = staging.filter(|staging| staging.target().asks_as(wanted));
    if state.below_floor(wanted).is_some() {
        return match (staging, same) {
            (_, Some(Staging::Refused(_))) => Next::Nothing,
            (Some(staging), _) if staging.holds() => Next::LetGo(Arc::clone(staging.target())),
            _ => Next::Refuse(Arc::clone(wanted)),
        };
    }
    match same {
        Some(Staging::Ready { stale: false, .. } | Staging::Refused(_)) => Next::Nothing,
        Some(Staging::Resting { until_ms, .. }) if *until_ms > now_ms => Next::Nothing,
        Some(Staging::Resting { failures, .. }) => Next::Bring(Arc::clone(wanted), *failures),
        _ => match staging {
            Some(staging) if staging.holds() => Next::LetGo(Arc::clone(staging.target())),
            _ if state.runs(wanted) => Next::Runs(Arc::clone(wanted)),
            _ if state.attempts.are_too_many(wanted) => Next::GiveUp(Arc::clone(wanted)),
            _ => Next::Bring(Arc::clone(wanted), 0),
        },
    }
}

/// Whether it is what should run, does not yet, and still may.
fn is_to_run(state: &State, target: &Target) -> bool {
    let refused = |work: &Work| matches!(work, Work::Refused(refused) if refused.runs_as(target));
    let wanted = state.desired.get(&target.instance);
    wanted.is_some_and(|wanted| wanted.runs_as(target))
        && !state.runs(target)
        && state.below_floor(target).is_none()
        && !state.work.get(&target.instance).is_some_and(refused)
}

fn begin(
    state: &mut State,
    name: InstanceName,
    next: Next,
    now_ms: u64,
    actions: &mut Vec<Action>,
) {
    match next {
        Next::Nothing => {}
        Next::Bring(target, failures) => {
            state.attempts.begins(&target);
            actions.push(Action::Stage(Arc::clone(&target), Prepare::Fetch));
            state
                .staging
                .insert(name, Staging::Fetching(target, failures));
        }
        Next::Refuse(target) => {
            if let Some(floor) = state.below_floor(&target).cloned() {
                let refuse = Prepare::Refuse { floor };
                actions.push(Action::Stage(Arc::clone(&target), refuse));
            }
            state.staging.insert(name, Staging::Refused(target));
        }
        Next::GiveUp(target) => {
            actions.push(Action::Stage(Arc::clone(&target), Prepare::GiveUp));
            state.staging.insert(name, Staging::Refused(target));
        }
        Next::Runs(target) => {
            actions.push(Action::Stage(Arc::clone(&target), Prepare::Tell));
            ready(state, name, target, false, now_ms);
        }
        Next::LetGo(target) => {
            actions.push(Action::Stage(Arc::clone(&target), Prepare::LetGo));
            state.staging.insert(name, Staging::LettingGo(target));
        }
        Next::Forget => {
            state.staging.remove(&name);
        }
    }
}
