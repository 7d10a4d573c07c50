//! `/nodes`: the fleet as it is, why, and which of it is to be forgotten.
//! Called by readers and operators.
//! Must never tell a credential.

use api::problem::Problem;
use api::registry::{Explain, NodeDetail, Nodes, Presence};
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use payload::name::InstanceName;
use serde::Deserialize;
use serde_json::json;

use super::caller::{Operator, Reader};
use super::page::{self, Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use crate::access::Who;
use crate::db::{self, Write};
use crate::fleet::search::Search;
use crate::limits::OUTCOMES_SHOWN_MAX;
use crate::state::State;

/// Which nodes: those for which all that is given holds.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Their name has this in it.
    #[serde(default)]
    #[param(required = false)]
    pub(super) named: String,
    /// A label expression that holds for them, as in a deployment.
    pub(super) selector: Option<String>,
    /// How lately they were heard.
    pub(super) presence: Option<Presence>,
    /// Whether they run what they should.
    pub(super) settled: Option<bool>,
    /// `namespace/name` of a payload that they say they run.
    pub(super) payload: Option<String>,
    /// The version of that payload, or of any.
    pub(super) version: Option<String>,
    /// Only what comes behind this: the `next` of the page before.
    pub(super) after: Option<String>,
    /// Most rows; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// Nodes, by name.
#[utoipa::path(get, path = "/nodes", tag = "fleet", params(Listing), responses(
    (status = 200, body = Nodes),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Nodes>, Refusal> {
    let (limit, after) = (
        page::limit(listing.limit)?,
        listing.after.unwrap_or_default(),
    );
    let selector = listing.selector.map(|text| named("selector", &text));
    let search = Search {
        named: listing.named,
        selector: selector.transpose()?,
        presence: listing.presence,
        settled: listing.settled,
        payload: listing.payload,
        version: listing.version,
    };
    state.fleet.caught_up(&state.db).await;
    let found = (state.fleet).search(&search, &after, limit + 1, state.now_ms());
    let (matches, mut nodes) = (found.matches, found.nodes);
    let next = Page::cut(&mut nodes, limit, |node| node.node.clone());
    Ok(Json(Nodes {
        nodes,
        matches,
        next,
    }))
}

/// One node with its latest outcomes.
#[utoipa::path(get, path = "/nodes/{node}", tag = "fleet",
    params(("node" = String, Path, description = "The node's name")), responses(
    (status = 200, body = NodeDetail),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(node): Segments<String>,
) -> Result<Json<NodeDetail>, Refusal> {
    let name: InstanceName = named("node", &node)?;
    state.fleet.caught_up(&state.db).await;
    let node = state.fleet.node(name.as_str(), state.now_ms());
    let node = node.ok_or_else(|| absent(&name))?;
    let mut reader = state.db.reader().await?;
    let outcomes = db::outcome::latest(&mut reader, name.as_str(), OUTCOMES_SHOWN_MAX).await?;
    let rates = state.fleet.rates(name.as_str());
    Ok(Json(NodeDetail {
        node,
        outcomes,
        rates,
    }))
}

/// Why a node runs what it runs, and when that will change.
#[utoipa::path(get, path = "/nodes/{node}/explain", tag = "fleet",
    params(("node" = String, Path, description = "The node's name")), responses(
    (status = 200, body = Explain),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn explain(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(node): Segments<String>,
) -> Result<Json<Explain>, Refusal> {
    let name: InstanceName = named("node", &node)?;
    state.fleet.caught_up(&state.db).await;
    let mut reader = state.db.reader().await?;
    let latest = db::outcome::latest_by_instance(&mut reader, name.as_str()).await?;
    drop(reader);
    let instances = state.fleet.explain(name.as_str(), &latest, state.now_ms());
    let instances = instances.ok_or_else(|| absent(&name))?;
    Ok(Json(Explain { node, instances }))
}

/// Forgets a node and all that it told; its credential is worth nothing from now on.
#[utoipa::path(delete, path = "/nodes/{node}", tag = "fleet",
    params(("node" = String, Path, description = "The node's name")), responses(
    (status = 204),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn delete(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(node): Segments<String>,
) -> Result<StatusCode, Refusal> {
    let node: InstanceName = named("node", &node)?;
    let at_ms = state.now_ms();
    let done = state.db.write_as(who.access, at_ms, {
        let state = state.clone();
        move |write| {
            Box::pin(async move {
                forget(write, &node, who, at_ms).await?;
                write.then(move || state.fleet.deleted(node.as_str()));
                Ok::<_, Refusal>(())
            })
        }
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn forget(
    write: &mut Write,
    node: &InstanceName,
    who: Who,
    at_ms: u64,
) -> Result<(), Refusal> {
    let before = db::node::by_name(write, node.as_str()).await?;
    let before = before.ok_or_else(|| absent(node))?;
    db::node::delete(write, node.as_str()).await?;
    let mut entry = who.entry(at_ms, "node.delete", before.node);
    entry.before = Some(json!({
        "facts": before.facts,
        "labels": before.labels,
        "enrolled_ms": before.enrolled_ms,
        "enrolled_by": before.enrolled_by,
    }));
    Ok(db::audit::add(write, &entry).await?)
}

/// 404.
pub(super) fn absent(node: &InstanceName) -> Refusal {
    Refusal::not_found(format!("there is no node {node}"))
}
