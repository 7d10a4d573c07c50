//! `/deployments`: which payload should run on which nodes.
//! Called by operators.
//! Must never keep a deployment that wants what an older one has on a node that is known.

use api::problem::Problem;
use api::registry::{Deployment, DeploymentSpec, Deployments, JSON_BYTES_MAX};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::manifest::Manifest;
use payload::name::{InstanceName, PayloadName, Version};
use serde_json::json;

use super::body;
use super::caller::{Operator, Reader};
use super::page::{Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::settings;
use crate::access::Who;
use crate::db::{self, Write};
use crate::fleet::order::{self, Order, OrderError};
use crate::limits::DEPLOYMENTS_MAX;
use crate::state::State;

/// Makes a deployment, or changes it; its nodes act on it at once.
#[utoipa::path(put, path = "/deployments/{deployment}", tag = "fleet",
    params(("deployment" = String, Path, description = "The deployment's name")),
    request_body = DeploymentSpec, responses(
    (status = 200, body = Deployment, description = "It was there already"),
    (status = 201, body = Deployment, description = "It is new"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn put(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(deployment): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Deployment>), Refusal> {
    let deployment: InstanceName = named("deployment", &deployment)?;
    let spec: DeploymentSpec = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let now_ms = state.now_ms();
    let ordered = order::check(&deployment, spec).map_err(|error| broken_rule(&error))?;
    let tried = settings::tried(&state, &ordered).await?;
    let made = state.db.write_as(who.access, now_ms, {
        let state = state.clone();
        move |write| Box::pin(async move { keep(write, &state, ordered, tried, who, now_ms).await })
    });
    let status = if made.await? {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown(&state, &deployment).await?)))
}

/// Whether it is new. `tried` is the digest of the release on which its values were tried.
async fn keep(
    write: &mut Write,
    state: &State,
    ordered: Order,
    tried: Option<String>,
    who: Who,
    now_ms: u64,
) -> Result<bool, Refusal> {
    let before = db::deployment::by_name(write, &ordered.deployment).await?;
    match &before {
        Some(before) if before.spec == ordered.spec => return Ok(false),
        Some(_) => {}
        None => refuse_too_many(write).await?,
    }
    let payload: PayloadName = named("payload", &ordered.spec.payload)?;
    if !db::payload::exists(write, &payload).await? {
        let detail = format!("there is no payload {payload}; publish a release of it first");
        return Err(Refusal::rule("payload", detail));
    }
    db::deployment::put(write, &ordered, now_ms, &who.name).await?;
    // What the database makes of it: a refusal undoes what was written.
    let (standings, _) = db::deployment::standings(write).await?;
    let kept = standings
        .iter()
        .find(|one| one.deployment == ordered.deployment);
    let kept = kept.ok_or_else(|| Refusal::broken("a deployment that was kept is not there"))?;
    order::check_given(kept, before.as_ref()).map_err(|error| broken_rule(&error))?;
    if let Ok(offer) = &kept.given {
        let manifest = manifest(write, &payload, &offer.version).await?;
        let checked = order::check_settings(&kept.spec, offer.version.as_str(), &manifest);
        checked.map_err(|error| broken_rule(&error))?;
        if !kept.spec.globals.is_empty() && tried.as_ref() != Some(&offer.digest) {
            let detail = "what it gives became another release at this moment; send it again";
            return Err(Refusal::conflict("source", detail));
        }
    }
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
    db::audit::add(write, &entry).await?;
    Ok(before.is_none())
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

fn broken_rule(error: &OrderError) -> Refusal {
    if error.is_conflict() {
        Refusal::conflict(error.field(), error.to_string())
    } else {
        Refusal::rule(error.field(), error.to_string())
    }
}

async fn refuse_too_many(write: &mut Write) -> Result<(), Refusal> {
    let found = db::deployment::count_all(write).await?;
    if found < DEPLOYMENTS_MAX {
        return Ok(());
    }
    let detail = format!("there are {found} deployments, at most {DEPLOYMENTS_MAX} are allowed");
    Err(Refusal::conflict("deployment", detail))
}

/// Deployments, by name.
#[utoipa::path(get, path = "/deployments", tag = "fleet", params(Page), responses(
    (status = 200, body = Deployments),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Asked(page): Asked<Page>,
) -> Result<Json<Deployments>, Refusal> {
    let (limit, after) = (page.limit()?, page.after.unwrap_or_default());
    state.fleet.caught_up(&state.db).await;
    let mut deployments = state.fleet.deployments(&after, limit + 1);
    let next = Page::cut(&mut deployments, limit, |one| one.deployment.clone());
    Ok(Json(Deployments { deployments, next }))
}

/// One deployment.
#[utoipa::path(get, path = "/deployments/{deployment}", tag = "fleet",
    params(("deployment" = String, Path, description = "The deployment's name")), responses(
    (status = 200, body = Deployment),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(deployment): Segments<String>,
) -> Result<Json<Deployment>, Refusal> {
    let deployment: InstanceName = named("deployment", &deployment)?;
    Ok(Json(shown(&state, &deployment).await?))
}

async fn shown(state: &State, deployment: &InstanceName) -> Result<Deployment, Refusal> {
    state.fleet.caught_up(&state.db).await;
    let shown = state.fleet.deployment(deployment.as_str());
    shown.ok_or_else(|| absent(deployment))
}

fn absent(deployment: &InstanceName) -> Refusal {
    Refusal::not_found(format!("there is no deployment {deployment}"))
}

/// Takes a deployment away: its nodes stop what it gave.
#[utoipa::path(delete, path = "/deployments/{deployment}", tag = "fleet",
    params(("deployment" = String, Path, description = "The deployment's name")), responses(
    (status = 204),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn delete(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(deployment): Segments<String>,
) -> Result<StatusCode, Refusal> {
    let deployment: InstanceName = named("deployment", &deployment)?;
    let at_ms = state.now_ms();
    let done = state.db.write_as(who.access, at_ms, move |write| {
        Box::pin(async move { take_away(write, &deployment, who, at_ms).await })
    });
    done.await?;
    state.fleet.caught_up(&state.db).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn take_away(
    write: &mut Write,
    deployment: &InstanceName,
    who: Who,
    at_ms: u64,
) -> Result<(), Refusal> {
    let before = db::deployment::by_name(write, deployment.as_str()).await?;
    let before = before.ok_or_else(|| absent(deployment))?;
    db::deployment::delete(write, deployment.as_str()).await?;
    let mut entry = who.entry(at_ms, "deployment.delete", before.deployment);
    entry.before = Some(json!(before.spec));
    Ok(db::audit::add(write, &entry).await?)
}
