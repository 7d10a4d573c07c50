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
use payload::name::InstanceName;
use serde_json::json;

use super::body;
use super::caller::{Operator, Reader};
use super::deploy::{self, How};
use super::page::{Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::settings;
use crate::access::Who;
use crate::db::{self, Write};
use crate::fleet::order;
use crate::rollouts;
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
    let ordered = order::check(&deployment, spec).map_err(|error| deploy::broken_rule(&error))?;
    let tried = settings::tried(&state, &ordered).await?;
    let made = state.db.write_as(who.access, now_ms, {
        let state = state.clone();
        move |write| {
            Box::pin(async move {
                let ordered = (ordered, tried);
                deploy::keep(write, &state, ordered, How::AsUsual, &who, now_ms).await
            })
        }
    });
    let status = if made.await?.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown(&state, &deployment).await?)))
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
    let done = state.db.write_as(who.access, at_ms, {
        let state = state.clone();
        move |write| {
            Box::pin(async move { take_away(write, &state, &deployment, who, at_ms).await })
        }
    });
    done.await?;
    state.fleet.caught_up(&state.db).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn take_away(
    write: &mut Write,
    state: &State,
    deployment: &InstanceName,
    who: Who,
    at_ms: u64,
) -> Result<(), Refusal> {
    let before = db::deployment::by_name(write, deployment.as_str()).await?;
    let before = before.ok_or_else(|| absent(deployment))?;
    if let Some(active) = before.moving() {
        let (by, who) = (
            "the end of the deployment".to_owned(),
            rollouts::Who::Caller(who.clone()),
        );
        rollouts::end(write, &state.fleet, active, by, &who, at_ms).await?;
    }
    // One of the same name that comes later has nothing to do with them.
    db::rollout::clear(write, deployment.as_str(), u64::MAX, None).await?;
    db::deployment::delete(write, deployment.as_str()).await?;
    let mut entry = who.entry(at_ms, "deployment.delete", before.deployment);
    entry.before = Some(json!(before.spec));
    Ok(db::audit::add(write, &entry).await?)
}
