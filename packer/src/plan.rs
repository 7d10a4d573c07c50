//! How a rollout goes, as the command line says it: options over a file, over what there was. Called
//! by `rollout` and `deploy`.
//! Must never check what the registry checks: it names the field and both values.

pub(crate) mod value;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::registry::{Reach, RolloutPlan, Wave};
use thiserror::Error;

use crate::cli::PlanArguments;
use crate::failure::{Class, Classed};
use crate::files::{self, FileError};
use crate::input::STANDARD_INPUT;
use value::Approvals;

pub(crate) use words::{reach, words};

/// The longest plan, bytes: 16 waves are less than 2 KiB.
const PLAN_BYTES_MAX: usize = 64 << 10;

/// Why there is no plan.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no plan.
    #[error("{}: no plan of a rollout: {reason}", .path.display())]
    NotPlan {
        path: PathBuf,
        reason: serde_json::Error,
    },
    /// Someone is to approve what is not there.
    #[error("--approve names wave {wave}, there are {waves}")]
    NoWave { wave: usize, waves: usize },
}

impl Classed for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::NotPlan { .. } => Class::Refused,
            Self::NoWave { .. } => Class::Usage,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::NotPlan { .. } | Self::NoWave { .. } => None,
        }
    }
}

impl PlanArguments {
    /// Whether a plan follows from them: one of them was given.
    pub(crate) fn says_something(&self) -> bool {
        let Self {
            waves,
            bake,
            deadline,
            approve,
            preflight,
            failures,
            on_failure,
            lost_ppm,
            faults,
            run_time,
            samples,
            wait,
            plan,
        } = self;
        let times = [bake, deadline, preflight, wait];
        times.into_iter().any(Option::is_some)
            || [lost_ppm, faults].into_iter().any(Option::is_some)
            || waves.is_some()
            || approve.is_some()
            || failures.is_some()
            || on_failure.is_some()
            || run_time.is_some()
            || samples.is_some()
            || plan.is_some()
    }

    /// The plan of the file that they name.
    pub(crate) fn file(&self) -> Result<Option<RolloutPlan>, PlanError> {
        self.plan.as_deref().map(read).transpose()
    }

    /// `base` with what they say.
    pub(crate) fn over(&self, base: RolloutPlan) -> Result<RolloutPlan, PlanError> {
        let mut plan = base;
        if let Some(waves) = &self.waves {
            plan.waves = waves.0.iter().map(|reach| wave(*reach)).collect();
        }
        for wave in &mut plan.waves {
            set(&mut wave.bake_ms, self.bake.map(millis));
            set(&mut wave.deadline_ms, self.deadline.map(millis));
        }
        if let Some(approvals) = &self.approve {
            approve(&mut plan.waves, approvals)?;
        }
        set(&mut plan.preflight_ms, self.preflight.map(millis));
        set(&mut plan.failures_max, self.failures);
        set(&mut plan.on_failure, self.on_failure);
        let compare = &mut plan.compare;
        set(&mut compare.lost_ppm_max, self.lost_ppm.map(|one| one.0));
        set(
            &mut compare.faults_per_mille_max,
            self.faults.map(|one| one.0),
        );
        set(
            &mut compare.run_time_percent_max,
            self.run_time.map(|one| one.0),
        );
        set(&mut compare.samples_min, self.samples);
        set(&mut compare.wait_ms, self.wait.map(millis));
        Ok(plan)
    }
}

/// All nodes at one time: one wave, the last, unless the command line says otherwise.
pub(crate) fn at_once(plan: &mut RolloutPlan, flip_at_ms: u64, says_waves: bool) {
    plan.flip_at_ms = Some(flip_at_ms);
    if !says_waves {
        plan.waves.drain(..plan.waves.len().saturating_sub(1));
    }
}

fn read(path: &Path) -> Result<RolloutPlan, PlanError> {
    let bytes = if path.as_os_str() == STANDARD_INPUT {
        files::read_standard_input(PLAN_BYTES_MAX)?
    } else {
        files::read(path, PLAN_BYTES_MAX)?
    };
    serde_json::from_slice(&bytes).map_err(|reason| PlanError::NotPlan {
        path: path.to_owned(),
        reason,
    })
}

/// A wave of which nothing else is said.
fn wave(reach: Reach) -> Wave {
    let default = RolloutPlan::default().waves;
    let first = default.first().copied();
    Wave {
        reach,
        bake_ms: first.map_or(0, |wave| wave.bake_ms),
        deadline_ms: first.map_or(0, |wave| wave.deadline_ms),
        approval: false,
    }
}

fn approve(waves: &mut [Wave], approvals: &Approvals) -> Result<(), PlanError> {
    let count = waves.len();
    if let Approvals::Of(numbers) = approvals
        && let Some(wave) = numbers.iter().find(|wave| !(1..=count).contains(*wave))
    {
        let (wave, waves) = (*wave, count);
        return Err(PlanError::NoWave { wave, waves });
    }
    for (index, wave) in waves.iter_mut().enumerate() {
        wave.approval = match approvals {
            Approvals::Each => true,
            Approvals::Of(numbers) => numbers.contains(&(index + 1)),
        };
    }
    Ok(())
}

fn set<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
