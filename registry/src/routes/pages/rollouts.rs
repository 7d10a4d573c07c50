//! `/rollouts` and what is below: how deployments move, watched and steered. Called by browsers.
//! Must never do what the routes of the API would not do for the same token.

mod new;
mod one;
mod press;

use axum::extract::State as Shared;
use axum::response::Response;
use axum::routing::{Router, get, post};
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::page::Section;
use crate::page::rollouts::{RolloutList, RolloutRow, RolloutsPage};
use crate::routes::page::Asked;
use crate::routes::refusal::Refusal;
use crate::routes::rollouts;
use crate::state::State;

/// Rollouts of one list on one page.
const ROLLOUTS_MAX: u32 = 25;

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/rollouts", get(list).post(new::start))
        .route("/rollouts/new", get(new::page))
        .route("/rollouts/new/preview", get(new::preview))
        .route("/rollouts/{rollout}", get(one::page))
        .route("/rollouts/{rollout}/preflight", get(one::preflight))
        .route(
            "/rollouts/{rollout}/pause",
            post(press::pause).get(press::back),
        )
        .route(
            "/rollouts/{rollout}/resume",
            post(press::resume).get(press::back),
        )
        .route(
            "/rollouts/{rollout}/promote",
            post(press::promote).get(press::back),
        )
        .route(
            "/rollouts/{rollout}/abort",
            post(press::abort).get(press::back),
        )
        .route(
            "/rollouts/{rollout}/rollback",
            post(press::roll_back).get(press::back),
        )
}

/// Which of them. A form sends what is not filled in as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    deployment: String,
    #[serde(default)]
    phase: String,
    before: Option<u64>,
}

async fn list(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let mixed = query.phase.is_empty();
    let others = if mixed { "ended" } else { query.phase.as_str() };
    // Those that go on come first, and once.
    let active = if mixed && query.before.is_none() {
        Some(part(&viewer, &state, &query, "active").await?)
    } else {
        None
    };
    let page = RolloutsPage {
        frame: viewer.frame(Section::Rollouts),
        active,
        others: part(&viewer, &state, &query, others).await?,
        others_title: if mixed { "Ended" } else { "Rollouts" },
        is_first: query.before.is_none(),
        deployment: query.deployment,
        phase: query.phase,
    };
    html(&page)
}

/// One of the lists.
async fn part(
    viewer: &Viewer,
    state: &State,
    query: &Query,
    phase: &str,
) -> Result<RolloutList, Refusal> {
    let asked = rollouts::Query {
        deployment: Some(query.deployment.clone()).filter(|name| !name.is_empty()),
        phase: Some(phase.to_owned()),
        before: query.before,
        limit: Some(ROLLOUTS_MAX),
    };
    let found = rollouts::listed(viewer.reader(), state, &asked).await?;
    let now_ms = state.now_ms();
    let of = asked.deployment.map(|name| format!("&deployment={name}"));
    let of = of.unwrap_or_default();
    // Of what has ended, the page that lists both goes on by itself.
    let phase = match (query.phase.is_empty(), phase) {
        (true, "ended") => String::new(),
        (_, phase) => format!("&phase={phase}"),
    };
    let rows = found.rollouts.into_iter();
    Ok(RolloutList {
        rows: rows.map(|one| RolloutRow::of(one, now_ms)).collect(),
        next: found
            .next
            .map(|next| format!("/rollouts?before={next}{phase}{of}")),
    })
}
