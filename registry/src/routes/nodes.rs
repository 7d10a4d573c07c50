//! `/nodes`: the fleet as it is, why, and which of it is to be forgotten.
//! Called by readers and operators.
//! Must never tell a credential.

use api::problem::Problem;
use api::registry::{Explain, NodeDetail, Nodes};
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use payload::name::InstanceName;
use serde_json::json;

use super::caller::{Operator, Reader};
use super::page::{Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::OUTCOMES_SHOWN_MAX;
use crate::state::State;

/// Nodes, by name.
#[utoipa::path(get, path = "/nodes", tag = "fleet", params(Page), responses(
    (status = 200, body = Nodes),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Asked(page): Asked<Page>,
) -> Result<Json<Nodes>, Refusal> {
    let (limit, after) = (page.limit()?, page.after.unwrap_or_default());
    state.fleet.caught_up(&state.db).await;
    let mut nodes = state.fleet.nodes(&after, limit + 1, state.now_ms());
    let next = Page::cut(&mut nodes, limit, |node| node.node.clone());
    Ok(Json(Nodes { nodes, next }))
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
    Ok(Json(NodeDetail { node, outcomes }))
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
