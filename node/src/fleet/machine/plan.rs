//! The difference between what is wanted and what runs, as the next thing to do for each instance.
//! A part of the machine; pure.
//! Must never start what is below a floor, nor leave it running once nothing better is to come.

use std::collections::BTreeSet;
use std::sync::Arc;

use payload::name::InstanceName;

use super::super::target::Target;
use super::input::{Action, Why};
use super::work::{Managed, Work};
use super::{JOBS_MAX, State};

/// What to do about one instance.
enum Next {
    Nothing,
    /// What runs is what is wanted, by another name of its deployment or with more signatures.
    Adopt(Arc<Target>),
    Bring(Arc<Target>, u32),
    Refuse(Arc<Target>),
    /// The daemon died of it too often.
    GiveUp(Arc<Target>),
    Stop(Arc<Target>, Why),
    /// It does not run and is not wanted.
    Forget,
}

/// Begins whatever is to be done and has a place.
pub(super) fn plan(state: &mut State, now_ms: u64, actions: &mut Vec<Action>) {
    let mut names: BTreeSet<InstanceName> = state.desired.keys().cloned().collect();
    names.extend(state.managed.keys().cloned());
    forget_what_is_past(state);
    let mut under_way = state.jobs();
    for name in names {
        loop {
            let next = next(state, &name, now_ms);
            let takes_a_place = matches!(next, Next::Bring(..) | Next::Stop(..));
            if takes_a_place && under_way >= JOBS_MAX {
                break;
            }
            under_way += usize::from(takes_a_place);
            let goes_on = matches!(next, Next::Refuse(_) | Next::GiveUp(_));
            begin(state, &name, next, actions);
            // A refusal may be followed by stopping what runs; anything else ends here.
            if !goes_on {
                break;
            }
        }
    }
}

/// A refusal or a failure counts for as long as the same is wanted.
fn forget_what_is_past(state: &mut State) {
    let State {
        desired,
        managed,
        work,
        ..
    } = state;
    work.retain(|name, work| {
        let wanted = desired.get(name);
        let kept = managed.get(name).filter(|managed| !managed.live);
        work.is_under_way()
            || work
                .target()
                .is_some_and(|target| wanted.is_some_and(|wanted| wanted.asks_as(target)))
            || kept.is_some_and(|kept| !kept.tried && work.target() == Some(&kept.target))
    });
}

fn begin(state: &mut State, name: &InstanceName, next: Next, actions: &mut Vec<Action>) {
    match next {
        Next::Nothing => {}
        Next::Adopt(target) => {
            if let Some(managed) = state.managed.get_mut(name) {
                managed.target = target;
                actions.push(Action::Save);
            }
            state.work.remove(name);
        }
        Next::GiveUp(target) => give_up(state, name, target, actions),
        Next::Bring(target, failures) => {
            state.attempts.begins(&target);
            actions.push(Action::Fetch(Arc::clone(&target)));
            state
                .work
                .insert(name.clone(), Work::Fetching(target, failures));
        }
        Next::Refuse(target) => {
            if let Some(floor) = state.below_floor(&target).cloned() {
                let target = Arc::clone(&target);
                actions.push(Action::Refuse { target, floor });
            }
            state.work.insert(name.clone(), Work::Refused(target));
        }
        Next::Stop(target, why) => {
            actions.push(Action::Stop { target, why });
            state.work.insert(name.clone(), Work::Stopping);
        }
        Next::Forget => {
            state.managed.remove(name);
            state.work.remove(name);
            actions.push(Action::Save);
        }
    }
}

/// What the daemon died of too often is as good as failed: what ran before it is started, where it ran
/// last itself.
fn give_up(state: &mut State, name: &InstanceName, target: Arc<Target>, actions: &mut Vec<Action>) {
    let comes_back = state.comes_back(name);
    let managed = state.managed.get_mut(name);
    let mut back = false;
    if let Some(managed) = managed {
        back = comes_back && managed.go_back();
        if !back {
            managed.tried |= comes_back;
            managed.failed = Some(Arc::clone(&target));
        }
    } else {
        let refused = Work::Refused(Arc::clone(&target));
        state.work.insert(name.clone(), refused);
    }
    actions.push(Action::GiveUp { target, back });
}

fn next(state: &State, name: &InstanceName, now_ms: u64) -> Next {
    let work = state.work.get(name);
    if state.is_at(name) {
        return Next::Nothing;
    }
    match (state.desired.get(name), state.managed.get(name)) {
        (None, None) => Next::Nothing,
        (None, Some(managed)) if managed.live => {
            Next::Stop(Arc::clone(&managed.target), Why::Unwanted)
        }
        (None, Some(_)) => Next::Forget,
        (Some(wanted), Some(managed)) if managed.live && managed.target.runs_as(wanted) => {
            keep(state, wanted, managed)
        }
        (Some(_), Some(managed)) if state.comes_back(name) => {
            begin_or_give_up(state, &managed.target, bring(work, &managed.target, now_ms))
        }
        (Some(wanted), managed) => {
            let next = if state.below_floor(wanted).is_some() {
                match work {
                    Some(Work::Refused(refused)) if refused.asks_as(wanted) => Next::Nothing,
                    _ => Next::Refuse(Arc::clone(wanted)),
                }
            } else if state.waits_until_ms(wanted).is_some() || has_failed(managed, wanted) {
                Next::Nothing
            } else {
                begin_or_give_up(state, wanted, bring(work, wanted, now_ms))
            };
            match (next, managed) {
                // Nothing better is to come soon.
                (Next::Nothing, Some(managed)) if managed.live => leave_below_floor(state, managed),
                (next, _) => next,
            }
        }
    }
}

fn begin_or_give_up(state: &State, target: &Arc<Target>, next: Next) -> Next {
    match next {
        Next::Bring(..) if state.attempts.are_too_many(target) => Next::GiveUp(Arc::clone(target)),
        next => next,
    }
}

/// Whether this failed its watch here.
pub(crate) fn has_failed(managed: Option<&Managed>, wanted: &Target) -> bool {
    let failed = managed.and_then(|managed| managed.failed.as_ref());
    failed.is_some_and(|failed| failed.asks_as(wanted))
}

/// What runs is what is wanted.
fn keep(state: &State, wanted: &Arc<Target>, managed: &Managed) -> Next {
    match leave_below_floor(state, managed) {
        Next::Nothing if *wanted != managed.target => Next::Adopt(Arc::clone(wanted)),
        next => next,
    }
}

fn leave_below_floor(state: &State, managed: &Managed) -> Next {
    match state.below_floor(&managed.target) {
        Some(floor) => Next::Stop(Arc::clone(&managed.target), Why::BelowFloor(floor.clone())),
        None => Next::Nothing,
    }
}

/// Brings up a target, unless the same was refused or failed a moment ago.
fn bring(work: Option<&Work>, target: &Arc<Target>, now_ms: u64) -> Next {
    match work {
        Some(Work::Refused(refused)) if refused.asks_as(target) => Next::Nothing,
        Some(Work::Resting {
            target: failed,
            until_ms,
            failures,
        }) if failed.asks_as(target) => {
            if *until_ms > now_ms {
                Next::Nothing
            } else {
                Next::Bring(Arc::clone(target), *failures)
            }
        }
        _ => Next::Bring(Arc::clone(target), 0),
    }
}
