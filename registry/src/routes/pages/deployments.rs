//! `/deployments` and what is below: which payload should run where, and how far that came. Called by
//! browsers.
//! Must never do what the routes of the API would not do for the same token.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{Router, get, post};
use serde::Deserialize;

use super::html;
use super::viewer::{Presser, Viewer};
use crate::page::Section;
use crate::page::deployments::{DeploymentPage, DeploymentRow, DeploymentsPage, Known};
use crate::page::rollouts::RolloutRow;
use crate::routes::page::{Asked, Page};
use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;
use crate::routes::{deployments, pins, rollouts};
use crate::state::State;

/// Deployments on one page.
const DEPLOYMENTS_MAX: u32 = 50;
/// Rollouts of a deployment that its page shows.
const ROLLOUTS_MAX: u32 = 8;
/// Pins of a deployment that its page shows.
const PINS_MAX: u32 = 50;

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/deployments", get(list))
        .route("/deployments/{deployment}", get(one))
        .route("/deployments/{deployment}/delete", post(delete))
        .route("/deployments/{deployment}/pins/{node}/delete", post(unpin))
}

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    after: Option<String>,
}

async fn list(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let is_first = query.after.is_none();
    let page = Asked(Page::new(query.after, DEPLOYMENTS_MAX));
    let found = deployments::list(viewer.reader(), Shared(state.clone()), page).await?;
    let Json(found) = found;
    let now_ms = state.now_ms();
    let rows = found.deployments.iter();
    html(&DeploymentsPage {
        frame: viewer.frame(Section::Deployments),
        rows: rows.map(|one| DeploymentRow::of(one, now_ms)).collect(),
        is_first,
        // A name has no letter that an address would have to hide.
        next: found.next.map(|next| format!("/deployments?after={next}")),
    })
}

async fn one(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    let (shared, segment) = (Shared(state.clone()), Segments(name.clone()));
    let Json(deployment) = deployments::get(viewer.reader(), shared, segment).await?;
    let query = rollouts::Query {
        deployment: Some(name.clone()),
        limit: Some(ROLLOUTS_MAX),
        ..rollouts::Query::default()
    };
    let rolled = rollouts::listed(viewer.reader(), &state, &query).await?;
    let (shared, page) = (Shared(state.clone()), Asked(Page::new(None, PINS_MAX)));
    let Json(pinned) = pins::list(viewer.reader(), shared, Segments(name.clone()), page).await?;
    let now_ms = state.now_ms();
    let rows = rolled.rollouts.into_iter();
    let known = Known {
        census: state.fleet.census(&deployment.deployment, now_ms),
        deployment,
        rollouts: rows.map(|one| RolloutRow::of(one, now_ms)).collect(),
        has_more_rollouts: rolled.next.is_some(),
        pins: pinned.pins,
        has_more_pins: pinned.next.is_some(),
    };
    let frame = viewer.frame(Section::Deployments);
    html(&DeploymentPage::of(frame, known, now_ms))
}

async fn delete(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    name: Segments<String>,
) -> Result<Response, Refusal> {
    deployments::delete(holder.operator()?, Shared(state), name).await?;
    Ok(Redirect::to("/deployments").into_response())
}

async fn unpin(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments((deployment, node)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let names = Segments((deployment.clone(), node));
    pins::delete(holder.operator()?, Shared(state), names).await?;
    Ok(Redirect::to(&format!("/deployments/{deployment}")).into_response())
}
