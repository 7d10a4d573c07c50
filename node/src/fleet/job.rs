//! What is done to instances because a registry wants it, off the async threads: check, load, stop.
//! Begun by the driver.
//! Must never load what `check` has not let through.

use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use api::node::{Applied, Owner};
use api::problem::Problem;
use api::registry::OutcomeKind;

use super::check::{self, Rejection, Rules};
use super::floors::Floors;
use super::machine::AHEAD_MS;
use super::store::{BlobError, Store};
use super::target::Target;
use crate::admit::Admitted;
use crate::engine::{ApplyError, Class, Engine, Order, Stage, StopError};
use crate::policy::Policy;
use crate::trust::KeyFolder;

/// How long a wait for a time may take no notice of a clock that is set, milliseconds.
const CLOCK_LOOK_MS: u64 = 20;

/// Why what is wanted does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Its file is not in the store any more, or not whole.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The node's own rules say no.
    #[error(transparent)]
    Rejected(Box<Rejection>),
    /// The kernel, or the plan of the hand-over, says no.
    #[error(transparent)]
    Apply(Box<ApplyError>),
    /// The job itself died.
    #[error("the node failed while it did this: {0}")]
    Died(String),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(Box::new(rejection))
    }
}

impl From<ApplyError> for Fault {
    fn from(error: ApplyError) -> Self {
        Self::Apply(Box::new(error))
    }
}

impl Fault {
    /// Whether it may work later without anything being changed on purpose.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Blob(_) | Self::Died(_) => true,
            Self::Rejected(_) => false,
            Self::Apply(error) => error.class() == Class::Retry,
        }
    }

    pub(super) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Blob(BlobError::Digest { .. }) => OutcomeKind::SignatureRejected,
            Self::Blob(BlobError::File { .. }) | Self::Died(_) => OutcomeKind::Failed,
            Self::Rejected(rejection) => rejection.kind(),
            Self::Apply(error) => match error.as_ref() {
                ApplyError::NotYours(_) => OutcomeKind::PolicyRefused,
                ApplyError::Architecture { .. } => OutcomeKind::Incompatible,
                error if error.class() == Class::Retry => OutcomeKind::Failed,
                _ => OutcomeKind::LoadRejected,
            },
        }
    }

    pub(super) fn to_problem(&self) -> Problem {
        match self {
            Self::Rejected(rejection) => rejection.to_problem(),
            Self::Apply(error) => {
                let mut problem = Problem::new(422, "not loaded", error.to_string());
                problem.field = match error.as_ref() {
                    ApplyError::NotYours(_) => Some("instance".to_owned()),
                    error => error.field(),
                };
                problem.log = error.log().map(str::to_owned);
                problem
            }
            Self::Blob(_) | Self::Died(_) => Problem::new(500, "failed", self.to_string()),
        }
    }
}

/// Whose an instance is that a registry wants.
pub(super) fn owner(target: &Target) -> Owner {
    Owner::Registry {
        deployment: target.wanted.deployment.clone(),
    }
}

/// What jobs work with.
pub(super) struct Bench<'a> {
    pub(super) engine: &'a Engine,
    pub(super) store: &'a Store,
    pub(super) keys: &'a KeyFolder,
    pub(super) floors: &'a Mutex<Floors>,
    pub(super) policy: &'a Policy,
    /// CPUs that maps may have a value for.
    pub(super) cpus: u32,
    /// Milliseconds since 1970.
    pub(super) now_ms: fn() -> u64,
}

/// Checks the file of a target and runs it, at a time where one is set; then all that can be done before
/// is. `None` where that time has moved away, as a clock that is set back moves it. `beside` is what may be
/// loaded beside it still, where another daemon left that.
pub(super) fn apply(
    bench: &Bench<'_>,
    target: &Target,
    (beside, at_ms): (Option<&Target>, Option<u64>),
) -> Result<Option<Applied>, Fault> {
    let admitted = admit(bench, target)?;
    // What may not run any more is not gone back to.
    let beside = beside.and_then(|beside| admit(bench, beside).ok());
    let at_ms = at_ms.filter(|at_ms| *at_ms > (bench.now_ms)());
    if at_ms.is_some() {
        stage(bench, target)?;
    }
    let hold = || at_ms.is_none_or(|at_ms| has_come(at_ms, bench.now_ms));
    let order = Order {
        payload: &admitted,
        owner: &owner(target),
        bake_ms: target.bake_ms(),
        beside: beside.as_ref(),
        hold: Some(&hold),
        // The fleet keeps it, and what to go back to is the registry's to say.
        kept: None,
    };
    match bench.engine.apply(&target.instance, order) {
        Err(ApplyError::MovedAway) => Ok(None),
        applied => Ok(Some(applied?)),
    }
}

/// Checks the file of a target, loads and verifies it beside what runs, and does not run it. Says whether
/// it stays loaded.
pub(super) fn stage(bench: &Bench<'_>, target: &Target) -> Result<bool, Fault> {
    let stage = Stage {
        payload: admit(bench, target)?,
        owner: owner(target),
        bake_ms: target.bake_ms(),
        // The machine says when.
        at_ms: None,
        kept: None,
    };
    Ok(bench.engine.preflight(&target.instance, stage)?)
}

/// Judges the file of a target by keys, floors and policy as they are now.
fn admit(bench: &Bench<'_>, target: &Target) -> Result<Admitted, Fault> {
    // Not as they were when somebody last looked.
    bench.keys.look();
    let keys = bench.keys.keys();
    let bytes = bench.store.bytes(&target.digest)?;
    let floors = bench.floors.lock().unwrap_or_else(PoisonError::into_inner);
    let rules = Rules {
        keys: &keys,
        floors: &floors,
        policy: bench.policy,
        cpus: bench.cpus,
    };
    Ok(check::admit(bytes, target, rules)?)
}

/// Waits until the wall's clock shows this time, which is near.
fn has_come(at_ms: u64, now_ms: fn() -> u64) -> bool {
    loop {
        let left_ms = at_ms.saturating_sub(now_ms());
        match left_ms {
            0 => return true,
            // The machine tells near ones only: the clock was set back.
            left_ms if left_ms > 2 * AHEAD_MS => return false,
            left_ms => sleep(Duration::from_millis(left_ms.min(CLOCK_LOOK_MS))),
        }
    }
}

/// Lets go of what a registry had staged. What is gone is what was wanted.
pub(super) fn unstage(engine: &Engine, target: &Target) {
    let _gone = engine.unstage(&target.instance, &owner(target));
}

/// Stops what a registry had started. One that is gone is what was wanted.
pub(super) fn stop(engine: &Engine, target: &Target) -> Result<(), StopError> {
    match engine.stop(&target.instance, &owner(target)) {
        Ok(_) | Err(StopError::NoInstance(_)) => Ok(()),
        Err(error @ StopError::NotYours(_)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_or_moves_away_with_the_clock_and_is_not_waited_for_then() {
        assert!(has_come(999, || 1_000));
        assert!(has_come(1_000, || 1_000));
        assert!(!has_come(1_001 + 2 * AHEAD_MS, || 1_000));
    }
}
