//! Preflight, waves, and the way back, when time passes. A part of the machine.
//! Must never go on while more nodes failed than may.

use api::registry::{OnFailure, Reach, RolloutPhase, RolloutPlan, Wave};

use super::{RETURN_MS, State, Then, bound_of_wave};
use crate::cohort::NOWHERE;
use crate::count::{Census, Due, Waiting, waiting};
use crate::seen::Seen;

pub(super) fn scheduled(state: &mut State, now_ms: u64) {
    if now_ms >= state.since_ms {
        state.wave_since_ms = now_ms;
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
        let because = format!("{} refused it: {refused}", refused.nodes());
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    let Waiting { awaited, silent } = in_phase(state, plan, seen, now_ms);
    if awaited > 0 {
        return;
    }
    if refused.count + silent.count > failures_max(state, plan) {
        let because = format!("{} said nothing in time: {silent}", silent.nodes());
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    if census.able == 0 && counts.outside == 0 {
        let because = match counts.nodes {
            1 => "the one node can't run it".to_owned(),
            nodes => format!("none of the {nodes} nodes can run it"),
        };
        return state.end(RolloutPhase::Rejected, now_ms, because);
    }
    if census.able == 0 {
        // It is not known of any node that it can run it.
        if state.lasted_ms(now_ms) >= plan.preflight_ms {
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
    state.taken_back = false;
    let because = match plan.flip_at_ms {
        None => format!("nodes of wave {} of {waves} take it over", index + 1),
        Some(_) => "all nodes take it over at the time to flip".to_owned(),
    };
    state.enter(RolloutPhase::Deploying, now_ms, because);
}

pub(super) fn deploying(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    census: &Census,
    now_ms: u64,
) {
    if is_untrusted(state, census, now_ms) || has_failed(state, plan, census, now_ms) {
        return;
    }
    // All at one time: nobody runs it before, and nobody is late.
    if plan.flip_at_ms.is_some_and(|flip_ms| now_ms < flip_ms) {
        return;
    }
    if !is_done(state, plan, seen, census, now_ms) {
        return;
    }
    let because = format!("wave {} runs it and is watched", state.wave());
    state.enter(RolloutPhase::Baking, now_ms, because);
}

pub(super) fn baking(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    census: &Census,
    now_ms: u64,
) {
    if is_untrusted(state, census, now_ms) || has_failed(state, plan, census, now_ms) {
        return;
    }
    if adds_somebody(state, seen) && state.lasted_ms(now_ms) < wave(state, plan).bake_ms {
        return;
    }
    if !is_done(state, plan, seen, census, now_ms) {
        return;
    }
    let because = format!("the gate of wave {} is decided", state.wave());
    state.enter(RolloutPhase::Gate, now_ms, because);
}

pub(super) fn rolling_back(state: &mut State, census: &Census, now_ms: u64) {
    let left = &census.to_go_back;
    if left.count > 0 && state.lasted_ms(now_ms) < RETURN_MS {
        return;
    }
    let because = match left.count {
        0 => state.because.clone(),
        _ => format!(
            "{}; {} {} not back: {left}",
            state.because,
            left.nodes(),
            left.verb("is", "are")
        ),
    };
    match (state.then, left.count) {
        (Then::End, 0) => state.end(RolloutPhase::RolledBack, now_ms, because),
        (Then::End, 1..) => state.end(RolloutPhase::Incomplete, now_ms, because),
        (Then::Pause, _) => {
            state.then = Then::End;
            state.taken_back = true;
            state.enter(RolloutPhase::Gate, now_ms, because.clone());
            state.pause(now_ms, because);
        }
    }
}

/// Whether the wave reaches a node that the one before it did not: else there is nobody to watch.
fn adds_somebody(state: &State, seen: &[Seen<'_>]) -> bool {
    let before = state.bounds.iter().rev().nth(1).copied();
    let before = before.unwrap_or(NOWHERE);
    seen.iter()
        .any(|one| one.is_offered(state.bound) && !one.place.is_below(before))
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
    if untrusted.count <= state.untrusted_borne {
        return false;
    }
    let because = format!(
        "{} {} not trust its signatures: {untrusted}",
        untrusted.nodes(),
        untrusted.verb("does", "do")
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
        "{} refused it or went back from it: {failed}",
        failed.nodes()
    );
    fail(state, plan, &because, now_ms);
    true
}

/// Who has not done what the phase is for.
pub(super) fn in_phase(
    state: &State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    now_ms: u64,
) -> Waiting {
    let wave = wave(state, plan);
    let (due, begun_ms, allowed_ms) = match state.phase {
        RolloutPhase::Preflight => (Due::Staging, state.since_ms, plan.preflight_ms),
        RolloutPhase::Deploying => {
            let begun_ms = state.since_ms.max(plan.flip_at_ms.unwrap_or(0));
            (Due::Running, begun_ms, wave.deadline_ms)
        }
        RolloutPhase::Baking => {
            let allowed_ms = wave.bake_ms.saturating_add(wave.deadline_ms);
            (Due::Committing, state.since_ms, allowed_ms)
        }
        RolloutPhase::Scheduled
        | RolloutPhase::Gate
        | RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => return Waiting::default(),
    };
    waiting(state, seen, due, (begun_ms, allowed_ms), now_ms)
}

/// Whether nobody is waited for any more; who says nothing in time has failed.
fn is_done(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    census: &Census,
    now_ms: u64,
) -> bool {
    let Waiting { awaited, silent } = in_phase(state, plan, seen, now_ms);
    if silent.count > 0 && silent.count + census.failed.count > failures_max(state, plan) {
        let because = format!("{} said nothing in time: {silent}", silent.nodes());
        fail(state, plan, &because, now_ms);
        return false;
    }
    awaited == 0
}

/// What the plan says is to be done about a wave that failed.
pub(super) fn fail(state: &mut State, plan: &RolloutPlan, because: &str, now_ms: u64) {
    let wave = state.wave() + usize::from(state.taken_back);
    let because = format!("wave {wave} failed: {because}");
    match plan.on_failure {
        // The wave before has passed its gate: it stays.
        OnFailure::Wave if state.taken_back => state.pause(now_ms, because),
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
