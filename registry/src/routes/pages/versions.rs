//! `GET /payloads/{namespace}/{name}`: every version of a payload. Called by browsers.
//! Must never show more versions than a page has place for.

use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::db;
use crate::page::{OnePayload, Section, VersionView};
use crate::routes::page::Asked;
use crate::routes::path::{Segments, payload_name};
use crate::routes::refusal::Refusal;
use crate::state::State;

/// Versions on one page.
const VERSIONS_MAX: usize = 100;

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// How many higher versions come before it.
    from: Option<usize>,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments((namespace, name)): Segments<(String, String)>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let name = payload_name(&namespace, &name)?;
    state.fleet.caught_up(&state.db).await;
    let mut reader = state.db.reader().await?;
    let editions = db::shelf::editions(&mut reader, &name).await?;
    if editions.is_empty() {
        return Err(Refusal::not_found(format!("there is no payload {name}")));
    }
    let floor = db::floor::find(&mut reader, &name).await?;
    let available = editions.iter().find(|one| one.state == "available");
    let description = available.and_then(|latest| latest.description.clone());
    let (now_ms, from) = (state.now_ms(), query.from.unwrap_or(0));
    let end = from.saturating_add(VERSIONS_MAX);
    let next = (end < editions.len()).then(|| format!("/payloads/{name}?from={end}"));
    let shown = editions.into_iter().skip(from).take(VERSIONS_MAX);
    let versions = shown.map(|edition| {
        let nodes = state.fleet.nodes_of_digest(&edition.digest);
        VersionView::of(edition, nodes, now_ms)
    });
    html(&OnePayload {
        frame: viewer.frame(Section::Payloads),
        name: name.to_string(),
        description,
        floor: floor.map(|floor| floor.minimum_version),
        versions: versions.collect(),
        next,
    })
}
