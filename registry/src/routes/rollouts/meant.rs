//! What somebody means who asks for a rollout, and whether it may begin as things stand. Called by the
//! start and by the dry run, so that both refuse the same.
//! Must never change anything.

use api::registry::{DeploymentSpec, RolloutPlan, Source, StartRollout};
use payload::name::{InstanceName, Version};

use crate::db;
use crate::fleet::desired::{Given, Standing};
use crate::fleet::order;
use crate::rollouts;
use crate::routes::deploy::broken_rule;
use crate::routes::path::named;
use crate::routes::refusal::Refusal;
use crate::state::State;

/// How far ahead a rollout may be told to begin or to flip, milliseconds: 30 days.
const AHEAD_MS_MAX: u64 = 30 * 86_400_000;

/// A rollout that is asked for.
pub(super) struct Meant {
    /// The deployment as it stands.
    pub(super) standing: Standing,
    /// What it is to say.
    pub(super) spec: DeploymentSpec,
    /// The version that it is to give.
    pub(super) version: Version,
    /// How.
    pub(super) plan: RolloutPlan,
}

/// What is meant, if it may begin as things stand.
///
/// # Errors
/// Each with the field of the body.
pub(super) async fn meant(
    state: &State,
    asked: &StartRollout,
    now_ms: u64,
) -> Result<Meant, Refusal> {
    let deployment: InstanceName = named("deployment", &asked.deployment)?;
    let mut reader = state.db.reader().await?;
    let standing = db::deployment::by_name(&mut reader, deployment.as_str()).await?;
    let standing = standing.ok_or_else(|| {
        Refusal::rule("deployment", format!("there is no deployment {deployment}"))
    })?;
    let names = standing.aim.as_ref().map(|offer| offer.version.clone());
    let version = match (&asked.version, names, &standing.spec.source) {
        (None, Ok(names), _) => names,
        (None, Err(void), _) => {
            let detail = format!("{deployment} names no release: {void}; say a version");
            return Err(Refusal::rule("version", detail));
        }
        (Some(version), _, Source::Version(_)) => named("version", version)?,
        (Some(version), names, Source::Channel(channel)) => {
            let version: Version = named("version", version)?;
            if names != Ok(version.clone()) {
                let detail = format!(
                    "{deployment} follows the channel {channel}, which does not name {version}: \
                     move the channel, or let the deployment name a version"
                );
                return Err(Refusal::conflict("version", detail));
            }
            version
        }
    };
    let plan = asked.plan.clone().or_else(|| standing.spec.rollout.clone());
    let plan = plan.unwrap_or_default();
    rollout::check(&plan)
        .map_err(|error| Refusal::rule(format!("plan.{}", error.field()), error.to_string()))?;
    in_time(asked, &plan, now_ms)?;
    let mut spec = standing.spec.clone();
    if let Source::Version(names) = &mut spec.source {
        *names = version.to_string();
    }
    let payload = spec.payload.as_str();
    let aim = db::deployment::would_give(&mut reader, payload, version.as_str()).await?;
    may_begin(&standing, (&spec, aim), asked.supersede)?;
    Ok(Meant {
        standing,
        spec,
        version,
        plan,
    })
}

/// Whether the release is there and for this deployment, and the rollout may begin beside others.
fn may_begin(
    standing: &Standing,
    (spec, aim): (&DeploymentSpec, Given),
    supersede: bool,
) -> Result<(), Refusal> {
    let mut then = standing.clone();
    spec.clone_into(&mut then.spec);
    then.aim = aim;
    order::check_given(&then, Some(standing)).map_err(|error| broken_rule(&error))?;
    match &then.aim {
        Ok(to) => Ok(rollouts::check((standing, &standing.given, to), supersede)?),
        Err(void) => Err(Refusal::conflict("version", void.to_string())),
    }
}

/// Whether its times are to come, and soon enough.
fn in_time(asked: &StartRollout, plan: &RolloutPlan, now_ms: u64) -> Result<(), Refusal> {
    within_reach("start_at_ms", asked.start_at_ms, now_ms)?;
    within_reach("plan.flip_at_ms", plan.flip_at_ms, now_ms)?;
    if let Some(flip_ms) = plan.flip_at_ms.filter(|flip_ms| *flip_ms <= now_ms) {
        let detail = format!("plan.flip_at_ms is {flip_ms}, which is past: it is {now_ms} now");
        return Err(Refusal::rule("plan.flip_at_ms", detail));
    }
    Ok(())
}

/// A time that is further away than anybody can mean is a mistake, such as one in another unit.
fn within_reach(field: &str, at_ms: Option<u64>, now_ms: u64) -> Result<(), Refusal> {
    let latest_ms = now_ms.saturating_add(AHEAD_MS_MAX);
    match at_ms.filter(|at_ms| *at_ms > latest_ms) {
        None => Ok(()),
        Some(at_ms) => {
            let detail = format!(
                "{field} is {at_ms}, at most {latest_ms} is allowed: {} days from now",
                AHEAD_MS_MAX / 86_400_000
            );
            Err(Refusal::rule(field, detail))
        }
    }
}
