//! `/payloads/{namespace}/{name}`: the versions of a payload and its channels; channels removed.
//! Called by browsers. Must never show more versions than a page has place for.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::html;
use super::viewer::{Presser, Viewer};
use crate::db;
use crate::page::{
    ChannelView, FloorView, ListedVersion, OnePayload, Section, VersionView, grouped,
    nodes_address, told,
};
use crate::routes::channels;
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
    let channels = db::channel::all(&mut reader, &name).await?;
    drop(reader);
    let latest = editions.iter().find(|one| one.state == "available");
    let description = latest.and_then(|latest| told(latest.description.as_deref()));
    let latest = latest.map(|latest| latest.version.to_string());
    let (now_ms, from) = (state.now_ms(), query.from.unwrap_or(0));
    let end = from.saturating_add(VERSIONS_MAX);
    let next = (end < editions.len()).then(|| format!("/payloads/{name}?from={end}"));
    let shown = editions.into_iter().skip(from).take(VERSIONS_MAX);
    let versions = shown.map(|edition| {
        let nodes = state.fleet.nodes_of_digest(&edition.digest);
        ListedVersion::of(name.as_str(), VersionView::of(edition, nodes, now_ms))
    });
    let followers = state.fleet.followers(name.as_str());
    html(&OnePayload {
        frame: viewer.frame(Section::Payloads),
        instance: name.name().to_owned(),
        description,
        latest,
        nodes: grouped(state.fleet.nodes_of_payload(name.as_str())),
        nodes_address: nodes_address(name.as_str(), ""),
        floor: floor.map(|floor| FloorView::of(floor, now_ms)),
        channels: ChannelView::all(channels, &followers, now_ms),
        may_curate: viewer.may_curate(&name.to_namespace()),
        versions: versions.collect(),
        is_first: from == 0,
        next,
        name: name.to_string(),
    })
}

/// Removes a channel.
pub(super) async fn remove_channel(
    presser: Presser,
    shared: Shared<State>,
    Segments(names): Segments<(String, String, String)>,
) -> Result<Response, Refusal> {
    let name = payload_name(&names.0, &names.1)?;
    channels::delete(presser.0.curator(), shared, Segments(names)).await?;
    Ok(Redirect::to(&format!("/payloads/{name}#channels")).into_response())
}

/// What a form said, read again: it is the payload's page.
pub(super) async fn back(
    _: Viewer,
    Segments((namespace, name, _)): Segments<(String, String, String)>,
) -> Result<Response, Refusal> {
    let name = payload_name(&namespace, &name)?;
    Ok(Redirect::to(&format!("/payloads/{name}")).into_response())
}
