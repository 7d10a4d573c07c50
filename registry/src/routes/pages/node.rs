//! `/nodes/{node}`: what a node runs, why, and what happened there; pinned, unpinned, forgotten.
//! Called by browsers. Must never tell a credential.

use api::registry::SetPin;
use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use payload::name::InstanceName;
use serde::Deserialize;

use super::viewer::{Presser, Viewer};
use super::{form, html};
use crate::db;
use crate::page::{
    Happened, InstanceDetail, Mistake, NodeHead, OneNode, PinTyped, PinView, Section,
};
use crate::routes::path::{Segments, named};
use crate::routes::refusal::Refusal;
use crate::routes::{nodes, pins};
use crate::state::State;

/// What the forms send.
#[derive(Debug, Deserialize)]
struct Fields {
    deployment: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    reason: String,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments(node): Segments<String>,
) -> Result<Response, Refusal> {
    let written = (PinTyped::default(), Mistake::default());
    html(&shown(viewer, &state, node, written).await?)
}

async fn shown(
    viewer: Viewer,
    state: &State,
    node: String,
    (typed, mistake): (PinTyped, Mistake),
) -> Result<OneNode, Refusal> {
    let shared = || Shared(state.clone());
    let detail = nodes::get(viewer.reader(), shared(), Segments(node.clone()));
    let Json(detail) = detail.await?;
    let explain = nodes::explain(viewer.reader(), shared(), Segments(node.clone()));
    let Json(explain) = explain.await?;
    let pins = db::pin::of_node(&mut *state.db.reader().await?, &node).await?;
    let now_ms = state.now_ms();
    let instances = explain.instances.into_iter();
    let instances: Vec<InstanceDetail> = instances
        .map(|one| InstanceDetail::of(one, &detail.rates, &pins, &typed, now_ms))
        .collect();
    let others = pins
        .iter()
        .filter(|pin| !instances.iter().any(|one| one.has_pin(pin)));
    Ok(OneNode {
        frame: viewer.frame(Section::Nodes),
        node: NodeHead::of(&detail.node, now_ms),
        other_pins: others.map(|pin| PinView::of(pin, now_ms)).collect(),
        instances,
        outcomes: detail
            .outcomes
            .into_iter()
            .map(|one| Happened::of(one, now_ms))
            .collect(),
        mistake,
    })
}

/// Pins it.
pub(super) async fn pin(
    presser: Presser,
    Shared(state): Shared<State>,
    Segments(node): Segments<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let fields: Fields = form::read(request).await?;
    let viewer = presser.viewer(address(&node)?);
    let version = fields.version.trim().to_owned();
    let asked = SetPin {
        version: Some(version).filter(|version| !version.is_empty()),
        reason: fields.reason.clone(),
    };
    let names = (fields.deployment.clone(), node);
    match pins::pin(presser.0.operator()?, &state, &names, asked).await {
        Ok(_) => there(&names.1),
        Err(refusal) => {
            let mistake = form::mistake(refusal)?.of_form(&fields.deployment);
            let typed = PinTyped {
                deployment: fields.deployment,
                version: fields.version,
                reason: fields.reason,
            };
            let page = shown(viewer, &state, names.1, (typed, mistake)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
        }
    }
}

/// Unpins it.
pub(super) async fn unpin(
    presser: Presser,
    shared: Shared<State>,
    Segments(node): Segments<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let fields: Fields = form::read(request).await?;
    let names = Segments((fields.deployment, node.clone()));
    pins::delete(presser.0.operator()?, shared, names).await?;
    there(&node)
}

/// Forgets it.
pub(super) async fn forget(
    presser: Presser,
    shared: Shared<State>,
    Segments(node): Segments<String>,
) -> Result<Response, Refusal> {
    nodes::delete(presser.0.operator()?, shared, Segments(node)).await?;
    Ok(Redirect::to("/nodes").into_response())
}

/// What a form said, read again: it is the node's page.
pub(super) async fn back(_: Viewer, Segments(node): Segments<String>) -> Result<Response, Refusal> {
    there(&node)
}

fn address(node: &str) -> Result<String, Refusal> {
    let node: InstanceName = named("node", node)?;
    Ok(format!("/nodes/{node}"))
}

fn there(node: &str) -> Result<Response, Refusal> {
    Ok(Redirect::to(&address(node)?).into_response())
}
