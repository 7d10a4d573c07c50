//! Plans in words, for people. Called by the views of deployments and rollouts.
//! Must never leave out a wave or a bound.

use api::registry::{Compare, OnFailure, Reach, RolloutPlan};

use crate::page::format::{grouped, moment, nodes_text, span};

/// One wave.
#[derive(Debug)]
pub(crate) struct WavePlan {
    pub(crate) number: usize,
    pub(crate) reach: String,
    pub(crate) bake: String,
    pub(crate) deadline: String,
    pub(crate) approval: bool,
}

/// How a rollout goes.
#[derive(Debug)]
pub(crate) struct PlanView {
    pub(crate) waves: Vec<WavePlan>,
    /// A sentence a rule.
    pub(crate) rules: Vec<String>,
}

impl PlanView {
    /// Of a plan.
    pub(crate) fn of(plan: &RolloutPlan) -> Self {
        let waves = plan.waves.iter().enumerate();
        let waves = waves.map(|(index, wave)| WavePlan {
            number: index + 1,
            reach: reach(wave.reach),
            bake: span(wave.bake_ms),
            deadline: span(wave.deadline_ms),
            approval: wave.approval,
        });
        let mut rules = vec![
            format!(
                "Before any node runs it, each has {} to load and verify it.",
                span(plan.preflight_ms)
            ),
            format!(
                "{} may fail; beyond that {}.",
                nodes_text(plan.failures_max.into()),
                back(plan.on_failure)
            ),
            compared(&plan.compare),
        ];
        if let Some(flip_ms) = plan.flip_at_ms {
            rules.push(format!(
                "All nodes take it over at {}.",
                moment(flip_ms, flip_ms).iso
            ));
        }
        Self {
            waves: waves.collect(),
            rules,
        }
    }
}

/// `10%`, `5 nodes`.
pub(super) fn reach(reach: Reach) -> String {
    match reach {
        Reach::Percent(percent) => format!("{percent}%"),
        Reach::Nodes(count) => nodes_text(count.into()),
    }
}

fn back(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::All => "every node goes back",
        OnFailure::Wave => "the nodes of the wave go back and it pauses",
        OnFailure::Pause => "it pauses and no node goes back",
    }
}

fn compared(compare: &Compare) -> String {
    let number = |max: u32| grouped(max.into());
    let bounds = [
        compare
            .lost_ppm_max
            .map(|max| format!("{} more records lost of a million", number(max))),
        compare.faults_per_mille_max.map(|max| {
            format!(
                "{} more nodes of a thousand whose handler failed",
                number(max)
            )
        }),
        compare
            .run_time_percent_max
            .map(|max| format!("{}% of the time of a run", number(max))),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() {
        return "Gates compare nothing.".to_owned();
    }
    format!(
        "Against nodes without it, gates allow at most {}; they wait up to {} for {} samples on both \
         sides.",
        bounds.join(", "),
        span(compare.wait_ms),
        grouped(compare.samples_min)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wave_and_every_bound_is_told() {
        let mut plan = RolloutPlan::default();
        plan.waves[0].reach = Reach::Nodes(1);
        plan.waves[0].approval = true;
        plan.flip_at_ms = Some(1_700_000_000_000);
        let view = PlanView::of(&plan);
        let reaches: Vec<&str> = view.waves.iter().map(|one| one.reach.as_str()).collect();
        assert_eq!(reaches, ["1 node", "10%", "50%", "100%"]);
        assert!(view.waves[0].approval && !view.waves[1].approval);
        let all = view.rules.join(" ");
        for part in [
            "10 min to load",
            "0 nodes may fail; beyond that every node goes back",
            "1\u{202f}000 more records lost of a million",
            "0 more nodes of a thousand",
            "300% of the time of a run",
            "for 100 samples",
            "at 2023-11-14T22:13:20Z",
        ] {
            assert!(all.contains(part), "{part} is not in {all}");
        }
        plan.compare.lost_ppm_max = None;
        plan.compare.faults_per_mille_max = None;
        plan.compare.run_time_percent_max = None;
        assert_eq!(PlanView::of(&plan).rules[2], "Gates compare nothing.");
    }
}
