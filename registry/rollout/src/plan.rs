//! The rules for a plan. Called by the registry before it keeps one.
//! Must never let through a plan whose last wave does not reach every node.

use api::registry::{Reach, RolloutPlan, Wave};

/// Waves of one rollout.
const WAVES_MAX: usize = 16;
/// The longest time of a plan: a week, milliseconds.
const TIME_MS_MAX: u64 = 7 * 24 * 3600 * 1000;
/// The shortest deadline: a node needs some time, milliseconds.
const DEADLINE_MS_MIN: u64 = 1_000;
/// The most that a figure of one side may be allowed to be of the other's, hundredths.
const PERCENT_MAX: u32 = 1_000_000;

/// Why a plan is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// None, or more than the bound.
    #[error("waves has {found} entries, 1 to {WAVES_MAX} are allowed")]
    Waves {
        /// How many there are.
        found: usize,
    },
    /// Not a part of the whole.
    #[error("waves[{index}].reach.percent is {found}, 1 to 100 are allowed")]
    Percent {
        /// Which wave, from 0.
        index: usize,
        /// What was asked for.
        found: u8,
    },
    /// Nobody.
    #[error("waves[{index}].reach.nodes is 0, at least 1 is needed")]
    NoNodes {
        /// Which wave, from 0.
        index: usize,
    },
    /// No wider than the wave before.
    #[error("waves[{index}].reach is {found}, which is not more than {before} of the wave before")]
    NotWider {
        /// Which wave, from 0.
        index: usize,
        /// What was asked for.
        found: u64,
        /// What the wave before has.
        before: u64,
    },
    /// A wave of so many nodes behind one of so many hundredths.
    #[error(
        "waves[{index}].reach is a number of nodes behind a wave in percent: numbers come first, so \
         that each wave is wider than the one before"
    )]
    Mixed {
        /// Which wave, from 0.
        index: usize,
    },
    /// Some nodes are never reached.
    #[error("waves[{index}].reach: the last wave reaches every node, {{\"percent\": 100}}")]
    NotAll {
        /// The last wave, from 0.
        index: usize,
    },
    /// Longer or shorter than the bound.
    #[error("{field} is {found} ms, {min} to {TIME_MS_MAX} are allowed")]
    Time {
        /// Where.
        field: String,
        /// What was asked for.
        found: u64,
        /// The least.
        min: u64,
    },
    /// A time for all at once, in several waves.
    #[error("flip_at_ms is set, and there are {waves} waves: all at one time is one wave")]
    FlipInWaves {
        /// How many there are.
        waves: usize,
    },
    /// A bound that bounds nothing, or that nothing meets.
    #[error("compare.{field} is {found}, {min} to {max} are allowed")]
    Compare {
        /// Which.
        field: &'static str,
        /// What was asked for.
        found: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
}

impl PlanError {
    /// The path of the field that breaks the rule, within the plan.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Waves { .. } => "waves".to_owned(),
            Self::Percent { index, .. }
            | Self::NoNodes { index }
            | Self::NotWider { index, .. }
            | Self::Mixed { index }
            | Self::NotAll { index } => format!("waves[{index}].reach"),
            Self::Time { field, .. } => field.clone(),
            Self::FlipInWaves { .. } => "flip_at_ms".to_owned(),
            Self::Compare { field, .. } => format!("compare.{field}"),
        }
    }
}

/// Checks a plan.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(plan: &RolloutPlan) -> Result<(), PlanError> {
    let found = plan.waves.len();
    if found == 0 || found > WAVES_MAX {
        return Err(PlanError::Waves { found });
    }
    let mut before = None;
    for (index, wave) in plan.waves.iter().enumerate() {
        reach(index, wave.reach, before)?;
        times(index, wave)?;
        before = Some(wave.reach);
    }
    if before != Some(Reach::Percent(100)) {
        return Err(PlanError::NotAll { index: found - 1 });
    }
    within("preflight_ms", plan.preflight_ms, DEADLINE_MS_MIN)?;
    within("compare.wait_ms", plan.compare.wait_ms, 0)?;
    if plan.flip_at_ms.is_some() && found > 1 {
        return Err(PlanError::FlipInWaves { waves: found });
    }
    let bounds = [
        ("lost_ppm_max", plan.compare.lost_ppm_max, 0, 1_000_000),
        (
            "faults_per_mille_max",
            plan.compare.faults_per_mille_max,
            0,
            u32::MAX,
        ),
        (
            "run_time_percent_max",
            plan.compare.run_time_percent_max,
            100,
            PERCENT_MAX,
        ),
    ];
    for (field, found, min, max) in bounds {
        if let Some(found) = found.filter(|found| !(min..=max).contains(found)) {
            return Err(PlanError::Compare {
                field,
                found,
                min,
                max,
            });
        }
    }
    Ok(())
}

fn reach(index: usize, reach: Reach, before: Option<Reach>) -> Result<(), PlanError> {
    match reach {
        Reach::Percent(found) if !(1..=100).contains(&found) => {
            return Err(PlanError::Percent { index, found });
        }
        Reach::Nodes(0) => return Err(PlanError::NoNodes { index }),
        Reach::Percent(_) | Reach::Nodes(_) => {}
    }
    let (found, before) = match (reach, before) {
        (Reach::Percent(found), Some(Reach::Percent(before))) => (found.into(), before.into()),
        (Reach::Nodes(found), Some(Reach::Nodes(before))) => (found.into(), before.into()),
        (Reach::Nodes(_), Some(Reach::Percent(_))) => return Err(PlanError::Mixed { index }),
        (Reach::Percent(_), Some(Reach::Nodes(_))) | (_, None) => return Ok(()),
    };
    if found <= before {
        return Err(PlanError::NotWider {
            index,
            found,
            before,
        });
    }
    Ok(())
}

fn times(index: usize, wave: &Wave) -> Result<(), PlanError> {
    within(&format!("waves[{index}].bake_ms"), wave.bake_ms, 0)?;
    let field = format!("waves[{index}].deadline_ms");
    within(&field, wave.deadline_ms, DEADLINE_MS_MIN)
}

fn within(field: &str, found: u64, min: u64) -> Result<(), PlanError> {
    if (min..=TIME_MS_MAX).contains(&found) {
        return Ok(());
    }
    Err(PlanError::Time {
        field: field.to_owned(),
        found,
        min,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Break = fn(&mut RolloutPlan);

    fn wave(reach: Reach) -> Wave {
        Wave {
            reach,
            bake_ms: 0,
            deadline_ms: DEADLINE_MS_MIN,
            approval: false,
        }
    }

    #[test]
    fn what_is_meant_without_saying_more_is_a_plan() {
        assert_eq!(check(&RolloutPlan::default()), Ok(()));
        let mut plan = RolloutPlan::default();
        let reaches = [
            Reach::Nodes(1),
            Reach::Nodes(5),
            Reach::Percent(1),
            Reach::Percent(100),
        ];
        plan.waves = reaches.map(wave).to_vec();
        assert_eq!(check(&plan), Ok(()));
    }

    #[test]
    fn each_rule_that_is_broken_is_named_with_its_field() {
        let cases: [(Break, &str); 14] = [
            (|plan| plan.waves.clear(), "waves"),
            (
                |plan| plan.waves = vec![wave(Reach::Percent(100)); 17],
                "waves",
            ),
            (
                |plan| plan.waves[1].reach = Reach::Percent(0),
                "waves[1].reach",
            ),
            (
                |plan| plan.waves[1].reach = Reach::Percent(101),
                "waves[1].reach",
            ),
            (
                |plan| plan.waves[0].reach = Reach::Nodes(0),
                "waves[0].reach",
            ),
            (
                |plan| plan.waves[1].reach = Reach::Percent(1),
                "waves[1].reach",
            ),
            (
                |plan| plan.waves[1].reach = Reach::Nodes(7),
                "waves[1].reach",
            ),
            (|plan| plan.waves.truncate(3), "waves[2].reach"),
            (
                |plan| plan.waves[0].bake_ms = TIME_MS_MAX + 1,
                "waves[0].bake_ms",
            ),
            (
                |plan| plan.waves[3].deadline_ms = 999,
                "waves[3].deadline_ms",
            ),
            (|plan| plan.preflight_ms = 0, "preflight_ms"),
            (|plan| plan.flip_at_ms = Some(1), "flip_at_ms"),
            (
                |plan| plan.compare.run_time_percent_max = Some(99),
                "compare.run_time_percent_max",
            ),
            (
                |plan| plan.compare.lost_ppm_max = Some(1_000_001),
                "compare.lost_ppm_max",
            ),
        ];
        for (change, field) in cases {
            let mut plan = RolloutPlan::default();
            change(&mut plan);
            let error = check(&plan).expect_err(field);
            assert_eq!(error.field(), field, "{error}");
            assert!(error.to_string().contains(field.split('[').next().unwrap()));
        }
    }
}
