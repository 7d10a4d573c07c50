//! What people ask of a rollout. A part of the machine.
//! Must never let anything be asked of a rollout that has ended, but to take it back.

use api::registry::{RolloutPhase, RolloutPlan};

use super::waves::{begin_next, go_back, in_phase};
use super::{Refused, State, Then, gate};
use crate::count::count;
use crate::seen::Seen;

pub(super) fn pause(state: &mut State, because: String, now_ms: u64) -> Result<(), Refused> {
    not_ended(state)?;
    not_going_back(state)?;
    if state.paused.is_some() {
        return Err(refused(state, "it is paused already"));
    }
    state.pause(now_ms, because);
    Ok(())
}

pub(super) fn resume(state: &mut State, now_ms: u64) -> Result<(), Refused> {
    not_ended(state)?;
    let Some(pause) = state.paused.take() else {
        return Err(refused(state, "it goes on already"));
    };
    match state.phase {
        // Its time is a time of day.
        RolloutPhase::Scheduled => {}
        // Answers and figures are waited for anew.
        RolloutPhase::Preflight | RolloutPhase::Gate => state.since_ms = now_ms,
        // The time of the pause counts for nobody's deadline.
        RolloutPhase::Deploying
        | RolloutPhase::Baking
        | RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => {
            let paused_ms = now_ms.saturating_sub(pause.since_ms);
            state.since_ms = state.since_ms.saturating_add(paused_ms);
        }
    }
    Ok(())
}

pub(super) fn promote(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    now_ms: u64,
) -> Result<(), Refused> {
    not_ended(state)?;
    if !gate::may_be_passed(state) {
        return Err(refused(
            state,
            "promote passes the gate of a wave that is baking or at its gate, or goes on where a \
             failure paused it",
        ));
    }
    let census = count(state, seen);
    let silent = in_phase(state, plan, seen, now_ms).silent.count;
    state.borne = state.borne.max(census.failed.count + silent);
    state.untrusted_borne = state.untrusted_borne.max(census.untrusted.count);
    state.paused = None;
    begin_next(state, plan, seen, now_ms);
    Ok(())
}

pub(super) fn abort(state: &mut State, now_ms: u64) -> Result<(), Refused> {
    not_ended(state)?;
    not_going_back(state)?;
    state.end(
        RolloutPhase::Aborted,
        now_ms,
        "it was aborted; nodes stay with what they run",
    );
    Ok(())
}

/// Also one that succeeded or was aborted: its nodes run the release.
pub(super) fn roll_back(state: &mut State, because: String, now_ms: u64) -> Result<(), Refused> {
    match state.phase {
        RolloutPhase::Succeeded
        | RolloutPhase::Aborted
        | RolloutPhase::Scheduled
        | RolloutPhase::Preflight
        | RolloutPhase::Deploying
        | RolloutPhase::Baking
        | RolloutPhase::Gate => {
            go_back(state, Then::End, because, now_ms);
            Ok(())
        }
        RolloutPhase::RollingBack if state.then == Then::Pause => {
            go_back(state, Then::End, because, now_ms);
            Ok(())
        }
        RolloutPhase::RollingBack => Err(refused(state, "its nodes go back already")),
        RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Superseded => Err(refused(state, "there is nothing to take back")),
    }
}

pub(super) fn supersede(state: &mut State, by: &str, now_ms: u64) -> Result<(), Refused> {
    not_ended(state)?;
    state.end(
        RolloutPhase::Superseded,
        now_ms,
        format!("{by} took its place"),
    );
    Ok(())
}

fn not_ended(state: &State) -> Result<(), Refused> {
    if state.phase.is_end() {
        return Err(refused(state, "it has ended"));
    }
    Ok(())
}

fn not_going_back(state: &State) -> Result<(), Refused> {
    if state.phase == RolloutPhase::RollingBack {
        return Err(refused(state, "nodes that go back are not held up"));
    }
    Ok(())
}

fn refused(state: &State, rule: &'static str) -> Refused {
    let paused = if state.paused.is_some() {
        ", paused"
    } else {
        ""
    };
    Refused {
        stands: format!("{}{paused}", state.phase.phrase()),
        rule,
    }
}
