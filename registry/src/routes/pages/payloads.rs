//! `GET /payloads`: what is published, and where to look for it. Called by browsers.
//! Must never read more rows than a page shows.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::page::{PayloadList, Section};
use crate::routes::page::Asked;
use crate::routes::payloads::{self, Listing};
use crate::routes::refusal::Refusal;
use crate::state::State;

/// Payloads on one page.
const ROWS_MAX: u32 = 50;

/// What is looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// What their names have in them.
    #[serde(default)]
    q: String,
    /// Behind which name the page begins.
    after: Option<String>,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let sought = query.q.trim().to_owned();
    let is_first = query.after.is_none();
    let listing = Listing {
        named: sought.clone(),
        after: query.after,
        limit: Some(ROWS_MAX),
    };
    let now_ms = state.now_ms();
    let frame = viewer.frame(Section::Payloads);
    let listed = payloads::list(viewer.reader(), Shared(state), Asked(listing));
    let Json(listed) = listed.await?;
    html(&PayloadList::of(frame, sought, is_first, listed, now_ms))
}
