//! Keeping a deployment, and what follows for its nodes: all at once, or by a rollout. Called by the
//! routes of deployments, rollouts and channels, within the transaction.
//! Must never keep a deployment that wants what an older one has on a node that is known, nor move
//! nodes at once where a rollout is to do it.

use payload::manifest::Manifest;
use payload::name::{PayloadName, Version};
use serde_json::json;

use super::path::named;
use super::refusal::Refusal;
use crate::access;
use crate::db::{self, Write};
use crate::fleet::desired::{Given, Standing, Void};
use crate::fleet::moving::Moving;
use crate::fleet::order::{self, Order, OrderError};
use crate::limits::DEPLOYMENTS_MAX;
use crate::rollouts::{self, BeginError, Start, Who};
use crate::state::State;

/// How nodes come to what a deployment names now.
#[derive(Debug)]
pub(super) enum How {
    /// By its template, or all at once.
    AsUsual,
    /// By this rollout.
    By(Start),
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whether the deployment is new.
    pub(super) new: bool,
    /// The rollout that began.
    pub(super) begun: Option<Moving>,
}

/// Keeps a deployment. `tried` is the digest of the release on which its values were tried.
pub(super) async fn keep(
    write: &mut Write,
    state: &State,
    (ordered, tried): (Order, Option<String>),
    how: How,
    who: &access::Who,
    now_ms: u64,
) -> Result<Kept, Refusal> {
    let before = db::deployment::by_name(write, &ordered.deployment).await?;
    match (&before, &how) {
        (Some(before), How::AsUsual) if before.spec == ordered.spec => return Ok(Kept::default()),
        (Some(before), _) => refuse_other_payload(before, &ordered)?,
        (None, _) => refuse_too_many(write).await?,
    }
    let payload: PayloadName = named("payload", &ordered.spec.payload)?;
    if !db::payload::exists(write, &payload).await? {
        let detail = format!("there is no payload {payload}; publish a release of it first");
        return Err(Refusal::rule("payload", detail));
    }
    db::deployment::put(write, &ordered, now_ms, &who.name).await?;
    db::pin::keep_only(write, &ordered.deployment, payload.as_str()).await?;
    // What the database makes of it: a refusal undoes what was written.
    let (standings, _) = db::deployment::standings(write).await?;
    let kept = standings
        .iter()
        .find(|one| one.deployment == ordered.deployment);
    let kept = kept.ok_or_else(|| Refusal::broken("a deployment that was kept is not there"))?;
    check(write, kept, before.as_ref(), &payload, tried).await?;
    if let Some((other, node)) = state.fleet.rival(kept, &standings) {
        let (deployment, instance) = (&kept.deployment, &kept.instance);
        let detail = format!(
            "deployments {other} and {deployment} both want the instance {instance} on node \
             {node}; narrow one of the selectors, or name another instance"
        );
        return Err(Refusal::conflict("selector", detail));
    }
    let mut entry = who.entry(now_ms, "deployment.put", ordered.deployment);
    entry.before = before.as_ref().map(|before| json!(before.spec));
    entry.after = Some(json!(ordered.spec));
    if before
        .as_ref()
        .is_none_or(|before| before.spec != ordered.spec)
    {
        db::audit::add(write, &entry).await?;
    }
    let who = Who::Caller(who.clone());
    let begun = follow(write, state, (kept, before.as_ref()), how, &who, now_ms).await?;
    let new = before.is_none();
    Ok(Kept { new, begun })
}

/// Lets nodes come to what a deployment names, where that is something else than before.
async fn follow(
    write: &mut Write,
    state: &State,
    (kept, before): (&Standing, Option<&Standing>),
    how: How,
    who: &Who,
    now_ms: u64,
) -> Result<Option<Moving>, Refusal> {
    let had = before.map_or(Err(Void::NotReached), |before| before.given.clone());
    let moves = before.is_none_or(|before| before.aim != kept.aim);
    let start = match (how, &kept.spec.rollout) {
        (How::By(start), _) => start,
        (How::AsUsual, Some(_)) if !moves => return Ok(None),
        (How::AsUsual, Some(plan)) => Start {
            plan: plan.clone(),
            not_before_ms: None,
            supersede: true,
        },
        (How::AsUsual, None) if moves => {
            at_once(write, state, kept, who, now_ms).await?;
            return Ok(None);
        }
        (How::AsUsual, None) => return Ok(None),
    };
    let to = match &kept.aim {
        Ok(to) => to,
        Err(Void::NoChannel { .. }) => {
            // What the channel will name comes by a rollout, too.
            let held = rollouts::held_back(&had);
            db::deployment::hold(write, &kept.deployment, Some(&held)).await?;
            return Ok(None);
        }
        Err(void) => return Err(Refusal::conflict("version", void.to_string())),
    };
    let begun = rollouts::begin(write, &state.fleet, (kept, &had, to), start, who, now_ms);
    Ok(Some(begun.await?))
}

/// Whoever changes what a deployment without a template names, means all of its nodes.
async fn at_once(
    write: &mut Write,
    state: &State,
    kept: &Standing,
    who: &Who,
    now_ms: u64,
) -> Result<(), Refusal> {
    if let Some(active) = kept.moving() {
        let by = "a change of the deployment".to_owned();
        rollouts::end(write, &state.fleet, active, by, who, now_ms).await?;
    }
    db::rollout::clear(write, &kept.deployment, u64::MAX, None).await?;
    Ok(db::deployment::hold(write, &kept.deployment, None).await?)
}

/// Rollouts for the deployments that follow a channel by their templates. `had` is what each was given
/// before the channel moved.
pub(super) async fn channel_moved(
    write: &mut Write,
    state: &State,
    had: Vec<Standing>,
    who: &access::Who,
    now_ms: u64,
) -> Result<(), Refusal> {
    let who = Who::Caller(who.clone());
    for before in had {
        let now = db::deployment::by_name(write, &before.deployment).await?;
        let Some(now) = now else { continue };
        let (Ok(to), Some(plan)) = (&now.aim, now.spec.rollout.clone()) else {
            continue;
        };
        let had: Given = match before.given {
            Err(Void::NoChannel { .. }) => Err(Void::NotReached),
            given => given,
        };
        let has_it = had.as_ref().is_ok_and(|offer| offer.digest == to.digest);
        if has_it && now.layers.is_empty() {
            db::deployment::hold(write, &now.deployment, None).await?;
            continue;
        }
        let start = Start {
            plan,
            not_before_ms: None,
            supersede: true,
        };
        rollouts::begin(write, &state.fleet, (&now, &had, to), start, &who, now_ms).await?;
    }
    Ok(())
}

/// Whether the release that a deployment names may be that, with what the deployment sets.
async fn check(
    write: &mut Write,
    kept: &Standing,
    before: Option<&Standing>,
    payload: &PayloadName,
    tried: Option<String>,
) -> Result<(), Refusal> {
    order::check_given(kept, before).map_err(|error| broken_rule(&error))?;
    let Ok(offer) = &kept.aim else { return Ok(()) };
    let manifest = manifest(write, payload, &offer.version).await?;
    let checked = order::check_settings(&kept.spec, offer.version.as_str(), &manifest);
    checked.map_err(|error| broken_rule(&error))?;
    if !kept.spec.globals.is_empty() && tried.as_ref() != Some(&offer.digest) {
        let detail = "what it gives became another release at this moment; send it again";
        return Err(Refusal::conflict("source", detail));
    }
    Ok(())
}

async fn manifest(
    write: &mut Write,
    name: &PayloadName,
    version: &Version,
) -> Result<Manifest, Refusal> {
    let release = db::release::find(write, name, version).await?;
    let manifest = release.map(|release| release.manifest).unwrap_or_default();
    serde_json::from_value(manifest)
        .map_err(|error| Refusal::broken(format!("manifest of {name}@{version}: {error}")))
}

pub(super) fn broken_rule(error: &OrderError) -> Refusal {
    if error.is_conflict() {
        Refusal::conflict(error.field(), error.to_string())
    } else {
        Refusal::rule(error.field(), error.to_string())
    }
}

impl From<BeginError> for Refusal {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Db(error) => error.into(),
            other => Self::conflict(other.field(), other.to_string()),
        }
    }
}

/// What nodes have is of the payload of before: no rollout leads from one to the other.
fn refuse_other_payload(before: &Standing, ordered: &Order) -> Result<(), Refusal> {
    let (had, wants) = (&before.spec.payload, &ordered.spec.payload);
    let moves_by_rollout = ordered.spec.rollout.is_some() || before.moving().is_some();
    if had == wants || !moves_by_rollout {
        return Ok(());
    }
    let detail = format!(
        "deployment {} gives {had} and moves by rollouts, which lead from version to version: make \
         another deployment for {wants}",
        ordered.deployment
    );
    Err(Refusal::conflict("payload", detail))
}

async fn refuse_too_many(write: &mut Write) -> Result<(), Refusal> {
    let found = db::deployment::count_all(write).await?;
    if found < DEPLOYMENTS_MAX {
        return Ok(());
    }
    let detail = format!("there are {found} deployments, at most {DEPLOYMENTS_MAX} are allowed");
    Err(Refusal::conflict("deployment", detail))
}
