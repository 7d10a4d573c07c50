//! The gate of a wave. A part of the machine.
//! Must never pass a wave whose figures are beyond their bounds, unless somebody says so.

use api::registry::{RolloutPhase, RolloutPlan};

use super::State;
use super::waves::{begin_next, fail, has_failed, is_untrusted, wave};
use crate::compare::{Verdict, figures, verdict};
use crate::count::Census;
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
    match verdict(&figures(&census.new, &census.others, &plan.compare)) {
        Verdict::Fails(why) => fail(state, plan, &why, now_ms),
        Verdict::Inconclusive(why) => {
            if state.lasted_ms(now_ms) >= plan.compare.wait_ms {
                let because = format!("the gate of wave {} can't be decided: {why}", state.wave());
                state.pause(now_ms, because);
            }
        }
        Verdict::Passes if wave(state, plan).approval => {
            state.because = format!(
                "wave {} is well; it waits for somebody to promote it",
                state.wave()
            );
        }
        Verdict::Passes => begin_next(state, plan, seen, now_ms),
    }
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
