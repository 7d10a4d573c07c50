//! `GET /audit`, `GET /audit.json`: who changed what, and who was refused. Called by browsers.
//! Must never be shown to who may not read the audit by the API.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::page::{AuditPage, AuditSought, Section};
use crate::routes::audit;
use crate::routes::page::Asked;
use crate::routes::refusal::Refusal;
use crate::state::State;

/// Entries on one page.
const ROWS_MAX: u32 = 50;

/// What is looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    who: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    subject: String,
    /// Before which entry the page begins.
    before: Option<u64>,
}

impl Query {
    fn asked(self) -> (AuditSought, audit::Query) {
        let sought = AuditSought {
            who: self.who.trim().to_owned(),
            what: self.what.trim().to_owned(),
            subject: self.subject.trim().to_owned(),
        };
        let asked = audit::Query {
            before: self.before,
            limit: Some(ROWS_MAX),
            who: sought.who.clone(),
            what: sought.what.clone(),
            subject: sought.subject.clone(),
        };
        (sought, asked)
    }
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let (before, now_ms) = (query.before, state.now_ms());
    let (sought, asked) = query.asked();
    let frame = viewer.frame(Section::Audit);
    let log = audit::list(viewer.operator()?, Shared(state), Asked(asked));
    let Json(log) = log.await?;
    html(&AuditPage::of(frame, sought, before, log, now_ms))
}

/// The same as the API tells it.
pub(super) async fn export(
    viewer: Viewer,
    shared: Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let (_, asked) = query.asked();
    let log = audit::list(viewer.operator()?, shared, Asked(asked)).await?;
    Ok(log.into_response())
}
