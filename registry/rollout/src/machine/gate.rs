//! The gate of a wave. A part of the machine.
//! Must never pass a wave whose figures are beyond their bounds, unless somebody says so.

use api::registry::{RolloutPhase, RolloutPlan};

use super::State;
use super::waves::{begin_next, fail, has_failed, is_untrusted};
use crate::compare::{Verdict, compare, verdict};
use crate::count::{Census, sides};
use crate::seen::Seen;

pub(super) fn gate(
    state: &mut State,
    plan: &RolloutPlan,
    seen: &[Seen<'_>],
    census: &Census,
    now_ms: u64,
) {
    if is_untrusted(state, census, now_ms) || has_failed(state, plan, census, now_ms) {
        return;
    }
    // Before the first wave there is nothing that figures could say.
    let Some(wave) = state
        .wave()
        .checked_sub(1)
        .and_then(|at| plan.waves.get(at))
    else {
        return begin_next(state, plan, seen, now_ms);
    };
    match figures(state, plan, seen, census) {
        Verdict::Fails(why) => fail(state, plan, &why, now_ms),
        Verdict::Inconclusive(why) => {
            if state.lasted_ms(now_ms) >= plan.compare.wait_ms {
                let because = format!("the gate of wave {} can't be decided: {why}", state.wave());
                state.pause(now_ms, because);
            }
        }
        Verdict::Passes if wave.approval => {
            state.because = format!(
                "wave {} is well; it waits for somebody to promote it",
                state.wave()
            );
        }
        Verdict::Passes => begin_next(state, plan, seen, now_ms),
    }
}

/// What nobody has run proves nothing.
fn figures(state: &State, plan: &RolloutPlan, seen: &[Seen<'_>], census: &Census) -> Verdict {
    if census.proven == 0 && census.counts.nodes > 0 {
        let why = "no node that is online has run it through its watch";
        return Verdict::Inconclusive(why.to_owned());
    }
    let (new, others) = sides(state, seen);
    verdict(&compare(new, others, &plan.compare))
}

/// Whether somebody may pass it.
pub(super) fn may_be_passed(state: &State) -> bool {
    match state.phase {
        RolloutPhase::Baking | RolloutPhase::Gate => true,
        RolloutPhase::Preflight | RolloutPhase::Deploying => state.paused.is_some(),
        RolloutPhase::Scheduled
        | RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => false,
    }
}
