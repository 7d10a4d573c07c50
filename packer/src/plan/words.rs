//! Plans in words. Used by `deploy` and `rollout`.
//! Must never leave out a wave.

use api::registry::{OnFailure, Reach, RolloutPlan, Wave};

use crate::moment::span;
use crate::table::{grouped, nodes};

/// `10%`, `5 nodes`.
pub(crate) fn reach(reach: Reach) -> String {
    match reach {
        Reach::Percent(percent) => format!("{percent}%"),
        Reach::Nodes(count) => nodes(count.into()),
    }
}

/// A line for the waves, and one for each rule.
pub(crate) fn words(plan: &RolloutPlan) -> Vec<String> {
    let waves: Vec<String> = plan.waves.iter().map(wave).collect();
    let mut lines = vec![format!("waves: {}", waves.join("; "))];
    let times = |of: fn(&Wave) -> u64| {
        let mut times: Vec<String> = plan.waves.iter().map(|wave| span(of(wave))).collect();
        times.dedup();
        times.join(", ")
    };
    let (bake, deadline) = (times(|wave| wave.bake_ms), times(|wave| wave.deadline_ms));
    let preflight = span(plan.preflight_ms);
    lines.push(format!(
        "watched for {bake}; silent nodes fail after {deadline}, in the preflight after {preflight}"
    ));
    let back = match plan.on_failure {
        OnFailure::All => "all nodes go back",
        OnFailure::Wave => "the wave goes back",
        OnFailure::Pause => "it pauses",
    };
    let failures = nodes(plan.failures_max.into());
    lines.push(format!("{failures} may fail; beyond that, {back}"));
    lines.push(compared(plan));
    lines
}

fn wave(wave: &Wave) -> String {
    let reach = reach(wave.reach);
    if wave.approval {
        format!("{reach}, then `promote`")
    } else {
        reach
    }
}

fn compared(plan: &RolloutPlan) -> String {
    let compare = &plan.compare;
    let lost = compare.lost_ppm_max;
    let faults = compare.faults_per_mille_max;
    let time = compare.run_time_percent_max;
    let bounds = [
        lost.map(|max| format!("{} more lost of a million", grouped(max.into()))),
        faults.map(|max| {
            format!(
                "{} more faults of handlers on a thousand nodes",
                grouped(max.into())
            )
        }),
        time.map(|max| format!("{}% of the time of a run", grouped(max.into()))),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() {
        return "gates compare nothing".to_owned();
    }
    format!("against other nodes at most {}", bounds.join(", "))
}
