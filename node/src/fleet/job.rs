//! What is done to instances because a registry wants it, off the async threads: check, load, stop.
//! Begun by the driver.
//! Must never load what `check` has not let through.

use std::sync::{Mutex, PoisonError};

use api::node::{Applied, BAKE_DEFAULT_MS, Owner};
use api::problem::Problem;
use api::registry::OutcomeKind;
use payload::signature::TrustedKeys;

use super::check::{self, Rejection, Rules};
use super::floors::Floors;
use super::store::{BlobError, Store};
use super::target::Target;
use crate::engine::{ApplyError, Class, Engine, Order, StopError};
use crate::policy::Policy;

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

/// Checks the file of a target and runs it.
pub(super) fn apply(
    engine: &Engine,
    store: &Store,
    target: &Target,
    keys: &TrustedKeys,
    (floors, policy, cpus): (&Mutex<Floors>, &Policy, u32),
) -> Result<Applied, Fault> {
    let bytes = store.bytes(&target.digest)?;
    let admitted = {
        let floors = floors.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = Rules {
            keys,
            floors: &floors,
            policy,
            cpus,
        };
        check::admit(bytes, target, rules)?
    };
    let order = Order {
        payload: &admitted,
        owner: &owner(target),
        bake_ms: BAKE_DEFAULT_MS,
        // The fleet keeps it, and what to go back to is the registry's to say.
        kept: None,
    };
    Ok(engine.apply(&target.instance, order)?)
}

/// Stops what a registry had started. One that is gone is what was wanted.
pub(super) fn stop(engine: &Engine, target: &Target) -> Result<(), StopError> {
    match engine.stop(&target.instance, &owner(target)) {
        Ok(_) | Err(StopError::NoInstance(_)) => Ok(()),
        Err(error @ StopError::NotYours(_)) => Err(error),
    }
}
