//! `GET /audit`: who changed what, and who was refused, newest first.
//! Called by operators.
//! Must never be changed through the API.

use api::problem::Problem;
use api::registry::AuditLog;
use axum::Json;
use axum::extract::State as Shared;
use serde::Deserialize;

use super::caller::Operator;
use super::page::{self, Asked};
use super::refusal::Refusal;
use crate::db;
use crate::state::State;

/// Which page of the audit.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Only what came before this id: the `next` of the page before.
    before: Option<u64>,
    /// Most entries; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The audit, newest first.
#[utoipa::path(get, path = "/audit", tag = "access", params(Query), responses(
    (status = 200, body = AuditLog),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Operator,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Json<AuditLog>, Refusal> {
    let limit = page::limit(query.limit)?;
    let mut reader = state.db.reader().await?;
    let before = query.before.unwrap_or(u64::MAX);
    let mut entries = db::audit::page(&mut reader, before, limit + 1).await?;
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = entries.len() > keep;
    entries.truncate(keep);
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    Ok(Json(AuditLog { entries, next }))
}
