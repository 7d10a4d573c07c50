//! `GET /`: payloads with their highest versions, nodes with what they run. Called by browsers.
//! Must never read more rows than a page shows.

use axum::extract::State as Shared;
use axum::response::Response;
use payload::name::PayloadName;
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::db;
use crate::page::{NodeView, Overview, PayloadView, Section, VersionView};
use crate::routes::page::{Asked, Page};
use crate::routes::path::named;
use crate::routes::refusal::Refusal;
use crate::state::State;

/// Payloads on one page.
const PAYLOADS_MAX: u32 = 20;
/// Nodes on one page.
const NODES_MAX: u32 = 50;
/// Versions of a payload that are shown here, those with a channel not counted.
const VERSIONS_MAX: usize = 5;

/// Which pages of the two lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    payloads: Option<String>,
    nodes: Option<String>,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    state.fleet.caught_up(&state.db).await;
    let now_ms = state.now_ms();
    let after_payload = query.payloads.as_deref().unwrap_or_default();
    let after_node = query.nodes.as_deref().unwrap_or_default();
    let mut nodes = state.fleet.nodes(after_node, NODES_MAX + 1, now_ms);
    let next_node = Page::cut(&mut nodes, NODES_MAX, |node| node.node.clone());
    let (payloads, next_payload) = payloads(&state, after_payload, now_ms).await?;
    html(&Overview {
        frame: viewer.frame(Section::Fleet),
        sums: state.fleet.sums(now_ms),
        payloads,
        first_payloads: after_payload.is_empty(),
        next_payloads: next_payload.map(|next| address(Some(&next), query.nodes.as_deref())),
        nodes: nodes
            .into_iter()
            .map(|node| NodeView::of(node, now_ms))
            .collect(),
        first_nodes: after_node.is_empty(),
        next_nodes: next_node.map(|next| address(query.payloads.as_deref(), Some(&next))),
    })
}

async fn payloads(
    state: &State,
    after: &str,
    now_ms: u64,
) -> Result<(Vec<PayloadView>, Option<String>), Refusal> {
    let mut reader = state.db.reader().await?;
    let mut listed = db::payload::page(&mut reader, "", after, PAYLOADS_MAX + 1).await?;
    let next = Page::cut(&mut listed, PAYLOADS_MAX, |one| one.name.clone());
    let mut views = Vec::with_capacity(listed.len());
    for one in listed {
        let name: PayloadName = named("name", &one.name)?;
        let editions = db::shelf::editions(&mut reader, &name).await?;
        let version = |edition: db::shelf::Edition| {
            let nodes = state.fleet.nodes_of_digest(&edition.digest);
            VersionView::of(edition, nodes, now_ms)
        };
        views.push(PayloadView::of(one, editions, VERSIONS_MAX, version));
    }
    Ok((views, next))
}

/// The address of this page with other places in its lists. Names need a slash encoded, no more.
fn address(payloads: Option<&str>, nodes: Option<&str>) -> String {
    let part = |key, after: Option<&str>| {
        after.map(|after| format!("{key}={}", after.replace('/', "%2F")))
    };
    let parts = [part("payloads", payloads), part("nodes", nodes)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("/?{}", parts.join("&"))
}
