//! Beginning a rollout, within the transaction that changes its deployment or its channel. Called by
//! the routes of rollouts, deployments and channels.
//! Must never leave a deployment with two rollouts that have not ended.

use api::registry::RolloutPlan;
use rollout::{Input, State};

use super::transition::{Who, add, ask, keep};
use crate::db::{self, DbError, Write};
use crate::fleet::Fleet;
use crate::fleet::desired::{Given, Offer, Standing};
use crate::fleet::moving::Moving;
use crate::limits::ROLLOUTS_STANDING_MAX;

/// How a rollout is begun.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// How it goes.
    pub(crate) plan: RolloutPlan,
    /// Not before, milliseconds since 1970.
    pub(crate) not_before_ms: Option<u64>,
    /// Whether it takes the place of one that has not ended.
    pub(crate) supersede: bool,
}

/// Why none is begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    /// One at a time.
    #[error(
        "rollout {number} of {deployment} has not ended (it is {phase}); abort it, roll it back, or \
         supersede it"
    )]
    NotEnded {
        /// The deployment.
        deployment: String,
        /// The other one.
        number: u64,
        /// Where that stands.
        phase: &'static str,
    },
    /// Nothing would change.
    #[error("the nodes of {deployment} are given {version} already")]
    HasIt {
        /// The deployment.
        deployment: String,
        /// The version.
        version: String,
    },
    /// Too many were left half-way.
    #[error(
        "{ROLLOUTS_STANDING_MAX} rollouts of {deployment} were ended half-way, the most that there \
         may be: let one go to its end, or roll it back"
    )]
    Crowded {
        /// The deployment.
        deployment: String,
    },
    /// The other one can't be ended where it stands.
    #[error(transparent)]
    Refused(#[from] rollout::Refused),
    /// Somebody changed the other one at this very moment.
    #[error("the rollout went on at this moment; look at it and ask again")]
    Overtaken,
    /// The database's.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl BeginError {
    /// The field at fault.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::NotEnded { .. } | Self::Crowded { .. } => "deployment",
            Self::HasIt { .. } => "version",
            Self::Refused(_) | Self::Overtaken | Self::Db(_) => "rollout",
        }
    }
}

/// The version of what nodes had, for [`db::deployment::hold`].
pub(crate) fn held_back(had: &Given) -> String {
    let version = had.as_ref().map(|offer| offer.version.to_string());
    version.unwrap_or_default()
}

/// Whether one may begin that brings `to` to the nodes of a deployment that `had` something. Dry runs
/// ask it, too.
///
/// # Errors
/// [`BeginError`], none of the database's.
pub(crate) fn check(
    (standing, had, to): (&Standing, &Given, &Offer),
    supersede: bool,
) -> Result<(), BeginError> {
    let deployment = &standing.deployment;
    if let Some(active) = standing.moving()
        && !supersede
    {
        return Err(BeginError::NotEnded {
            deployment: deployment.clone(),
            number: active.number,
            phase: active.state.phase.phrase(),
        });
    }
    let has_it = had.as_ref().is_ok_and(|offer| offer.digest == to.digest);
    if has_it && standing.layers.is_empty() {
        return Err(BeginError::HasIt {
            deployment: deployment.clone(),
            version: to.version.to_string(),
        });
    }
    if standing.layers.len() >= ROLLOUTS_STANDING_MAX {
        return Err(BeginError::Crowded {
            deployment: deployment.clone(),
        });
    }
    Ok(())
}

/// Begins one that brings `to` to the nodes of a deployment that `had` something.
///
/// # Errors
/// [`BeginError`].
pub(crate) async fn begin(
    write: &mut Write,
    fleet: &Fleet,
    (standing, had, to): (&Standing, &Given, &Offer),
    start: Start,
    who: &Who,
    now_ms: u64,
) -> Result<Moving, BeginError> {
    check((standing, had, to), start.supersede)?;
    let deployment = &standing.deployment;
    let number = db::rollout::next_number(write).await?;
    if let Some(active) = standing.moving() {
        let by = format!("rollout {number}");
        end(write, fleet, active, by, who, now_ms).await?;
    }
    let from = had.as_ref().ok().map(|offer| offer.version.to_string());
    db::deployment::hold(write, deployment, Some(&held_back(had))).await?;
    let version = to.version.to_string();
    let moving = Moving {
        number,
        deployment: deployment.clone(),
        payload: standing.spec.payload.clone(),
        salt: Moving::salt(deployment, &version),
        version,
        digest: to.digest.clone(),
        from_version: from,
        state: State::new(now_ms, start.not_before_ms),
        plan: start.plan,
        counts: None,
        created_ms: now_ms,
        created_by: match who {
            Who::Caller(who) => who.name.clone(),
            Who::Registry => "registry".to_owned(),
        },
        changed_ms: now_ms,
        revision: 1,
        given: had.clone(),
    };
    db::rollout::insert(write, &moving).await?;
    add(write, &moving, &moving, (who, "rollout.start"), now_ms).await?;
    Ok(moving)
}

/// Ends one because something else takes its place.
///
/// # Errors
/// [`BeginError`].
pub(crate) async fn end(
    write: &mut Write,
    fleet: &Fleet,
    active: &Moving,
    by: String,
    who: &Who,
    now_ms: u64,
) -> Result<(), BeginError> {
    let (next, counts) = fleet.with_seen(active, now_ms, |seen| {
        ask(active, seen, Input::Supersede { by }, now_ms)
    })?;
    let kept = keep(
        write,
        active,
        next,
        counts,
        (who, "rollout.supersede"),
        now_ms,
    )
    .await?;
    kept.map(drop).ok_or(BeginError::Overtaken)
}
