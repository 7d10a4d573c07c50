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
use crate::db::audit::Sought;
use crate::limits::AUDIT_SOUGHT_MAX;
use crate::state::State;

/// Which page of the audit.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Only what came before this id: the `next` of the page before.
    pub(super) before: Option<u64>,
    /// Most entries; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
    /// Only what this token or `node:NAME` did.
    #[serde(default)]
    #[param(required = false)]
    pub(super) who: String,
    /// Only where `what` begins with this, such as `release.`.
    #[serde(default)]
    #[param(required = false)]
    pub(super) what: String,
    /// Only where this is somewhere in the subject.
    #[serde(default)]
    #[param(required = false)]
    pub(super) subject: String,
}

/// The audit, newest first. Where entries are sought, a page may have fewer than there is place for, or
/// none, and go on all the same.
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
    let sought = Sought {
        who: query.who,
        what: query.what,
        subject: query.subject,
    };
    let mut reader = state.db.reader().await?;
    let newest = db::audit::newest(&mut reader).await?;
    let before = query.before.unwrap_or(u64::MAX).min(newest + 1);
    let from = if sought == Sought::default() {
        0
    } else {
        before.saturating_sub(AUDIT_SOUGHT_MAX)
    };
    let mut entries = db::audit::page(&mut reader, &sought, (from, before), limit + 1).await?;
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = entries.len() > keep;
    entries.truncate(keep);
    // Ids count from 1.
    let unsought = Some(from).filter(|from| *from > 1);
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    let next = next.or(unsought);
    Ok(Json(AuditLog { entries, next }))
}
