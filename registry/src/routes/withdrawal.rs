//! `…/yank`, `…/unyank`, `…/revoke`: releases hidden, shown again, and ruled out.
//! Called by publishers and operators; revoking by operators alone.
//! Must never bring back what was revoked.

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, Reason, Release, ReleaseState};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::HeaderMap;
use payload::name::{PayloadName, Version};
use serde_json::json;

use super::body;
use super::caller::{Curator, Operator};
use super::path::{Segments, named, payload_name};
use super::refusal::Refusal;
use super::releases::Names;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::PROSE_BYTES_MAX;
use crate::state::State;

/// Hides a release from new deployments and channels; what uses it goes on.
#[utoipa::path(post, path = "/payloads/{namespace}/{name}/versions/{version}/yank",
    tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    request_body = Reason, responses(
        (status = 200, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn yank(
    curator: Curator,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Release>, Refusal> {
    curated(
        &state,
        curator,
        &names,
        (&headers, body),
        ReleaseState::Yanked,
    )
    .await
}

/// Shows a yanked release again.
#[utoipa::path(post, path = "/payloads/{namespace}/{name}/versions/{version}/unyank",
    tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    request_body = Reason, responses(
        (status = 200, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn unyank(
    curator: Curator,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Release>, Refusal> {
    curated(
        &state,
        curator,
        &names,
        (&headers, body),
        ReleaseState::Available,
    )
    .await
}

/// What a curator of the release's namespace may do.
async fn curated(
    state: &State,
    curator: Curator,
    names: &Names,
    (headers, body): (&HeaderMap, Body),
    to: ReleaseState,
) -> Result<Json<Release>, Refusal> {
    let (name, version) = release_of(names)?;
    let who = curator.within(&name.to_namespace())?;
    let reason = body::json(headers, body, JSON_BYTES_MAX).await?;
    change(state, (name, version), to, reason, who).await
}

/// Rules a release out for good: nodes leave it.
#[utoipa::path(post, path = "/payloads/{namespace}/{name}/versions/{version}/revoke",
    tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    request_body = Reason, responses(
        (status = 200, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn revoke(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Release>, Refusal> {
    let release = release_of(&names)?;
    let reason = body::json(&headers, body, JSON_BYTES_MAX).await?;
    change(&state, release, ReleaseState::Revoked, reason, who).await
}

/// The release that a path names.
///
/// # Errors
/// 400 that names the part and the rule.
pub(super) fn release_of(
    (namespace, name, version): &Names,
) -> Result<(PayloadName, Version), Refusal> {
    Ok((payload_name(namespace, name)?, named("version", version)?))
}

/// What somebody says, bounded, without what would act on a terminal.
///
/// # Errors
/// 422 with the rule.
pub(crate) fn check_prose(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.len() > PROSE_BYTES_MAX {
        let bytes = text.len();
        let detail = format!("{field} has {bytes} bytes, at most {PROSE_BYTES_MAX} are allowed");
        return Err(Refusal::rule(field, detail));
    }
    match text
        .chars()
        .find(|letter| letter.is_control() && *letter != '\n')
    {
        None => Ok(()),
        Some(found) => {
            let detail = format!("{field} has the control character {found:?}");
            Err(Refusal::rule(field, detail))
        }
    }
}

/// Changes whether a release may be used, for somebody who may.
///
/// # Errors
/// 404, 409 for one that is revoked, 422 for a reason that breaks a rule.
pub(super) async fn change(
    state: &State,
    (name, version): (PayloadName, Version),
    to: ReleaseState,
    Reason { reason }: Reason,
    who: Who,
) -> Result<Json<Release>, Refusal> {
    check_prose("reason", &reason)?;
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    let change = Change {
        name,
        version,
        to,
        reason,
        now_ms: state.now_ms(),
    };
    let write = state.db.write_as(who.access, change.now_ms, {
        let state = state.clone();
        move |write| Box::pin(async move { set(write, &state, change, &who).await })
    });
    write.await.map(Json)
}

struct Change {
    name: PayloadName,
    version: Version,
    to: ReleaseState,
    reason: Option<String>,
    now_ms: u64,
}

async fn set(
    write: &mut Write,
    state: &State,
    change: Change,
    who: &Who,
) -> Result<Release, Refusal> {
    let Change {
        name,
        version,
        to,
        reason,
        now_ms,
    } = change;
    let missing = || Refusal::not_found(format!("no release {name}@{version}"));
    let found = db::release::find(write, &name, &version).await?;
    let mut before = found.ok_or_else(missing)?;
    // Before its nodes act on it: how many the change concerns.
    before.nodes = state.fleet.nodes_of_digest(&before.digest);
    let what = match (before.state, to) {
        // The same again changes nothing, the reason neither.
        (from, to) if from == to => return Ok(before),
        (ReleaseState::Revoked, _) => {
            let detail = format!("{name}@{version} is revoked, and that is for good");
            return Err(Refusal::conflict("version", detail));
        }
        (_, ReleaseState::Yanked) => "release.yank",
        (_, ReleaseState::Available) => "release.unyank",
        (_, ReleaseState::Revoked) => "release.revoke",
    };
    db::release::set_state(write, &name, &version, to, reason.as_deref()).await?;
    db::payload::refresh(write, &name).await?;
    write.touch_fleet();
    let mut entry = who.entry(now_ms, what, format!("{name}@{version}"));
    entry.before = Some(json!({ "state": before.state, "reason": before.reason }));
    entry.after = Some(json!({ "state": to, "reason": reason }));
    db::audit::add(write, &entry).await?;
    Ok(Release {
        state: to,
        reason,
        ..before
    })
}
