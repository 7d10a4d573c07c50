//! How a watch ends, by how the rollout stands.

use super::*;
use crate::rollout::example::detail;

#[test]
fn every_phase_leads_to_its_exit_code() {
    let code = |phase: RolloutPhase| {
        let mut detail = detail();
        detail.rollout.phase = phase;
        match ended(&detail, true) {
            Ok(ended) => (ended, 0),
            Err(error) => (true, Failure::from(error).exit_code()),
        }
    };
    for phase in [
        RolloutPhase::Scheduled,
        RolloutPhase::Preflight,
        RolloutPhase::Deploying,
        RolloutPhase::Baking,
        RolloutPhase::Gate,
        RolloutPhase::RollingBack,
    ] {
        assert_eq!(code(phase), (false, 0), "{phase:?}");
    }
    for (phase, exit) in [
        (RolloutPhase::Succeeded, 0),
        (RolloutPhase::Rejected, 5),
        (RolloutPhase::RolledBack, 5),
        (RolloutPhase::Incomplete, 6),
        (RolloutPhase::Aborted, 6),
        (RolloutPhase::Superseded, 6),
    ] {
        assert_eq!(code(phase), (true, exit), "{phase:?}");
    }
}

#[test]
fn who_waits_for_nobody_is_told_when_somebody_has_to_act() {
    let mut paused = detail();
    paused.rollout.paused = Some("alice paused it".to_owned());
    assert!(matches!(ended(&paused, false), Ok(false)));
    let error = ended(&paused, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rollout 12 waits for somebody: alice paused it"
    );
    assert_eq!(Failure::from(error).exit_code(), 7);
    let mut gate = detail();
    gate.rollout.phase = RolloutPhase::Gate;
    gate.plan.waves[1].approval = true;
    assert!(matches!(ended(&gate, true), Err(WatchError::Paused { .. })));
    gate.compared[0].passes = None;
    assert!(matches!(ended(&gate, true), Ok(false)));
}
