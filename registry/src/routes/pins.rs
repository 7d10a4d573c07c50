//! `/deployments/{deployment}/pins`: nodes that keep their version.
//! Called by operators.
//! Must never pin a node to what the deployment could not give it.

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, Pin, Pins, ReleaseState, SetPin};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::name::{InstanceName, PayloadName, Version};
use serde_json::json;

use super::body;
use super::caller::{Operator, Reader};
use super::page::{Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::PROSE_BYTES_MAX;
use crate::state::State;

/// The names in the path of a pin.
type Names = (String, String);

/// Lets a node keep a version, whatever the deployment gives: no rollout reaches it.
#[utoipa::path(put, path = "/deployments/{deployment}/pins/{node}", tag = "fleet",
    params(("deployment" = String, Path), ("node" = String, Path)),
    request_body = SetPin, responses(
    (status = 200, body = Pin, description = "There was one already"),
    (status = 201, body = Pin, description = "It is new"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn put(
    operator: Operator,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Pin>), Refusal> {
    let asked = body::json(&headers, body, JSON_BYTES_MAX).await?;
    pin(operator, &state, &names, asked).await
}

/// Pins a node; the status says whether it was not pinned before.
///
/// # Errors
/// 404, 409 for a revoked release, 400 and 422 for what breaks a rule.
pub(super) async fn pin(
    Operator(who): Operator,
    state: &State,
    (deployment, node): &Names,
    asked: SetPin,
) -> Result<(StatusCode, Json<Pin>), Refusal> {
    let deployment: InstanceName = named("deployment", deployment)?;
    let node: InstanceName = named("node", node)?;
    if asked.reason.len() > PROSE_BYTES_MAX {
        let detail = format!(
            "reason has {} bytes, at most {PROSE_BYTES_MAX} are allowed",
            asked.reason.len()
        );
        return Err(Refusal::rule("reason", detail));
    }
    let now_ms = state.now_ms();
    state.fleet.caught_up(&state.db).await;
    let set = state.db.write_as(who.access, now_ms, {
        let state = state.clone();
        move |write| {
            let names = (deployment, node);
            Box::pin(async move { set(write, &state, names, asked, &who, now_ms).await })
        }
    });
    let (new, pin) = set.await?;
    state.fleet.caught_up(&state.db).await;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(pin)))
}

async fn set(
    write: &mut Write,
    state: &State,
    (deployment, node): (InstanceName, InstanceName),
    asked: SetPin,
    who: &Who,
    now_ms: u64,
) -> Result<(bool, Pin), Refusal> {
    let standing = db::deployment::by_name(write, deployment.as_str()).await?;
    let standing = standing.ok_or_else(|| no_deployment(&deployment))?;
    if db::node::by_name(write, node.as_str()).await?.is_none() {
        return Err(Refusal::not_found(format!("there is no node {node}")));
    }
    let version = match asked.version {
        Some(version) => version,
        None => state
            .fleet
            .version_of(node.as_str(), deployment.as_str())
            .ok_or_else(|| {
                let detail = format!("{deployment} gives {node} nothing now: say a version");
                Refusal::rule("version", detail)
            })?,
    };
    let version: Version = named("version", &version)?;
    let payload: PayloadName = named("payload", &standing.spec.payload)?;
    let release = db::release::find(write, &payload, &version).await?;
    match release.map(|release| release.state) {
        None => {
            let detail = format!("{payload} has no release {version}");
            return Err(Refusal::rule("version", detail));
        }
        Some(ReleaseState::Revoked) => {
            let detail = format!("{payload} {version} is revoked: no node may run it");
            return Err(Refusal::conflict("version", detail));
        }
        Some(ReleaseState::Available | ReleaseState::Yanked) => {}
    }
    let before = db::pin::find(write, deployment.as_str(), node.as_str()).await?;
    let pin = Pin {
        node: node.to_string(),
        deployment: deployment.to_string(),
        version: version.to_string(),
        reason: asked.reason,
        set_ms: now_ms,
        set_by: who.name.clone(),
    };
    db::pin::put(write, payload.as_str(), &pin).await?;
    let mut entry = who.entry(now_ms, "pin.put", format!("{deployment}@{node}"));
    entry.before = before.as_ref().map(|before| json!(before.version));
    entry.after = Some(json!({ "version": pin.version, "reason": pin.reason }));
    db::audit::add(write, &entry).await?;
    Ok((before.is_none(), pin))
}

/// Lets a node have what the deployment gives again.
#[utoipa::path(delete, path = "/deployments/{deployment}/pins/{node}", tag = "fleet",
    params(("deployment" = String, Path), ("node" = String, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn delete(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments((deployment, node)): Segments<Names>,
) -> Result<StatusCode, Refusal> {
    let deployment: InstanceName = named("deployment", &deployment)?;
    let node: InstanceName = named("node", &node)?;
    let now_ms = state.now_ms();
    let done = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move {
            let before = db::pin::find(write, deployment.as_str(), node.as_str()).await?;
            let absent = || Refusal::not_found(format!("{deployment} pins no node {node}"));
            let before = before.ok_or_else(absent)?;
            db::pin::delete(write, deployment.as_str(), node.as_str()).await?;
            let mut entry = who.entry(now_ms, "pin.delete", format!("{deployment}@{node}"));
            entry.before = Some(json!(before.version));
            Ok::<_, Refusal>(db::audit::add(write, &entry).await?)
        })
    });
    done.await?;
    state.fleet.caught_up(&state.db).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The pins of a deployment, by node.
#[utoipa::path(get, path = "/deployments/{deployment}/pins", tag = "fleet",
    params(("deployment" = String, Path), Page), responses(
    (status = 200, body = Pins),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(deployment): Segments<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Pins>, Refusal> {
    let deployment: InstanceName = named("deployment", &deployment)?;
    let (limit, after) = (page.limit()?, page.after.unwrap_or_default());
    let mut reader = state.db.reader().await?;
    if db::deployment::by_name(&mut reader, deployment.as_str())
        .await?
        .is_none()
    {
        return Err(no_deployment(&deployment));
    }
    let mut pins = db::pin::page(&mut reader, deployment.as_str(), &after, limit + 1).await?;
    let next = Page::cut(&mut pins, limit, |one| one.node.clone());
    Ok(Json(Pins { pins, next }))
}

fn no_deployment(deployment: &InstanceName) -> Refusal {
    Refusal::not_found(format!("there is no deployment {deployment}"))
}
