//! Preflight, waves, and the way back, when time passes. A part of the machine.
//! Must never go on while more nodes failed than may.

use api::registry::{OnFailure, Reach, RolloutPhase, RolloutPlan, Wave};

use super::{RETURN_MS, State, Then, bound_of_wave};
use crate::cohort::NOWHERE;
use crate::count::{Census, Names};
use crate::seen::Seen;

pub(super) fn scheduled(state: &mut State, now_ms: u64) {
    if now_ms >= state.since_ms {
        let because = "every node loads and verifies the release, and none runs it";
        state.enter(RolloutPhase::Preflight, now_ms, because);
    }
}

pub(super) fn preflight(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    census: &Census,
    now_ms: u64,
) {
    if is_untrusted(state, census, now_ms) {
        return;
    }
    let counts = &census.counts;
    if counts.nodes == 0 {
        return state.end(RolloutPhase::Succeeded, now_ms, "no node is meant");
    }
    let refused = &census.failed;
    if refused.count > failures_max(state, plan) {
        let because = format!("{} nodes refused it: {refused}", refused.count);
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    let is_late = state.lasted_ms(now_ms) >= plan.preflight_ms;
    let silent = &census.unstaged;
    if silent.count > 0 && !is_late {
        return;
    }
    if refused.count + silent.count > failures_max(state, plan) {
        let because = format!("{} nodes said nothing in time: {silent}", silent.count);
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    let able = counts.staged + counts.offered + counts.live + counts.committed;
    if able == 0 && counts.incompatible == counts.nodes {
        let because = format!("none of the {} nodes can run it", counts.nodes);
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    if able == 0 {
        // It is not known of any node that it can run it.
        if is_late {
            state.pause(now_ms, "no node was there to load and verify it");
        }
        return;
    }
    if plan.flip_at_ms.is_some_and(|flip_ms| flip_ms <= now_ms) {
        let because = "the time to flip had come before every node was ready";
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    begin_next(state, plan, seen, now_ms);
}

/// Begins the next wave, or ends well where there is none.
pub(super) fn begin_next(state: &mut State, plan: &RolloutPlan, seen: &[Seen<'_>], now_ms: u64) {
    let index = state.wave();
    let waves = plan.waves.len();
    if index >= waves {
        return state.end(
            RolloutPhase::Succeeded,
            now_ms,
            "every wave passed its gate",
        );
    }
    state.bound = bound_of_wave(state, plan, seen, index);
    state.bounds.push(state.bound);
    state.wave_since_ms = now_ms;
    let because = format!("nodes of wave {} of {waves} take it over", index + 1);
    state.enter(RolloutPhase::Deploying, now_ms, because);
}

pub(super) fn deploying(state: &mut State, plan: &RolloutPlan, census: &Census, now_ms: u64) {
    if is_untrusted(state, census, now_ms) || has_failed(state, plan, census, now_ms) {
        return;
    }
    let wave = wave(state, plan);
    // All at one time: nobody is late before it.
    let begun_ms = plan.flip_at_ms.unwrap_or(0).max(state.since_ms);
    if is_silent(
        state,
        plan,
        census,
        &census.pending,
        begun_ms + wave.deadline_ms,
        now_ms,
    ) {
        return;
    }
    if census.pending.count == 0 || now_ms >= begun_ms + wave.deadline_ms {
        let because = format!("wave {} runs it and is watched", state.wave());
        state.enter(RolloutPhase::Baking, now_ms, because);
    }
}

pub(super) fn baking(state: &mut State, plan: &RolloutPlan, census: &Census, now_ms: u64) {
    if is_untrusted(state, census, now_ms) || has_failed(state, plan, census, now_ms) {
        return;
    }
    let wave = wave(state, plan);
    if state.lasted_ms(now_ms) < wave.bake_ms {
        return;
    }
    let late_ms = state.since_ms + wave.bake_ms + wave.deadline_ms;
    if is_silent(state, plan, census, &census.uncommitted, late_ms, now_ms) {
        return;
    }
    if census.uncommitted.count == 0 || now_ms >= late_ms {
        let because = format!("the gate of wave {} is decided", state.wave());
        state.enter(RolloutPhase::Gate, now_ms, because);
    }
}

pub(super) fn rolling_back(state: &mut State, census: &Census, now_ms: u64) {
    let left = &census.to_go_back;
    if left.count > 0 && state.lasted_ms(now_ms) < RETURN_MS {
        return;
    }
    match (state.then, left.count) {
        (Then::End, 0) => {
            let because = state.because.clone();
            state.end(RolloutPhase::RolledBack, now_ms, because);
        }
        (Then::End, 1..) => {
            let because = format!(
                "{}; {} nodes are not back: {left}",
                state.because, left.count
            );
            state.end(RolloutPhase::Incomplete, now_ms, because);
        }
        (Then::Pause, _) => {
            let because = match left.count {
                0 => state.because.clone(),
                count => format!("{}; {count} nodes are not back: {left}", state.because),
            };
            state.then = Then::End;
            state.enter(RolloutPhase::Gate, now_ms, because.clone());
            state.pause(now_ms, because);
        }
    }
}

/// The wave that began last.
pub(super) fn wave(state: &State, plan: &RolloutPlan) -> Wave {
    let index = state.wave().saturating_sub(1);
    let last = plan.waves.last();
    plan.waves.get(index).or(last).copied().unwrap_or(Wave {
        reach: Reach::Percent(100),
        bake_ms: 0,
        deadline_ms: 0,
        approval: false,
    })
}

/// Keys that do not vouch for a release are nobody's slow network: everything waits for a person.
pub(super) fn is_untrusted(state: &mut State, census: &Census, now_ms: u64) -> bool {
    let untrusted = &census.untrusted;
    if untrusted.count == 0 {
        return false;
    }
    let because = format!(
        "{} nodes do not trust its signatures: {untrusted}",
        untrusted.count
    );
    state.pause(now_ms, because);
    true
}

fn failures_max(state: &State, plan: &RolloutPlan) -> u64 {
    u64::from(plan.failures_max).max(state.borne)
}

pub(super) fn has_failed(
    state: &mut State,
    plan: &RolloutPlan,
    census: &Census,
    now_ms: u64,
) -> bool {
    let failed = &census.failed;
    if failed.count <= failures_max(state, plan) {
        return false;
    }
    let because = format!(
        "{} nodes refused it or went back from it: {failed}",
        failed.count
    );
    fail(state, plan, &because, now_ms);
    true
}

/// Who says nothing in time has failed.
fn is_silent(
    state: &mut State,
    plan: &RolloutPlan,
    census: &Census,
    silent: &Names,
    late_ms: u64,
    now_ms: u64,
) -> bool {
    if now_ms < late_ms || silent.count + census.failed.count <= failures_max(state, plan) {
        return false;
    }
    let because = format!("{} nodes said nothing in time: {silent}", silent.count);
    fail(state, plan, &because, now_ms);
    true
}

/// What the plan says is to be done about a wave that failed.
pub(super) fn fail(state: &mut State, plan: &RolloutPlan, because: &str, now_ms: u64) {
    let wave = state.wave();
    let because = format!("wave {wave} failed: {because}");
    match plan.on_failure {
        OnFailure::All => go_back(state, Then::End, because, now_ms),
        OnFailure::Wave => go_back(state, Then::Pause, because, now_ms),
        OnFailure::Pause => state.pause(now_ms, because),
    }
}

/// Nodes go back: all, or those of the last wave.
pub(super) fn go_back(state: &mut State, then: Then, because: String, now_ms: u64) {
    state.paused = None;
    state.then = then;
    match then {
        Then::End => state.bound = NOWHERE,
        Then::Pause => {
            state.bounds.pop();
            state.bound = state.bounds.last().copied().unwrap_or(NOWHERE);
        }
    }
    state.enter(RolloutPhase::RollingBack, now_ms, because);
}
