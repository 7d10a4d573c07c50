//! `/rollouts/{rollout}` and its preflight: one rollout as it goes on. Called by browsers, and by what
//! answers a button that was refused.
//! Must never show a button to who may not press it, nor one that the rollout would refuse.

use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;

use super::super::html;
use super::super::viewer::Viewer;
use crate::fleet::moving::Moving;
use crate::page::Section;
use crate::page::rollouts::{
    Action, Chart, Failure, Matrix, NodeRow, PreflightPage, RolloutPage, RolloutRow, RolloutView,
    span_of,
};
use crate::rollouts::{Press, possible};
use crate::routes::page::Asked;
use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;
use crate::routes::rollouts::asked::refuse_left_behind;
use crate::routes::rollouts::{Look, NodesQuery, look, number};
use crate::state::State;

/// Nodes on one page.
const NODES_MAX: u32 = 50;

/// Which of its nodes. A form sends what is not filled in as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    stands: String,
    after: Option<String>,
}

/// One rollout.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let number = number(&rollout)?;
    shown(&viewer, &state, number, query, None).await
}

/// The page of a rollout, with why what was asked of it was refused.
pub(super) async fn shown(
    viewer: &Viewer,
    state: &State,
    number: u64,
    query: Query,
    refusal: Option<String>,
) -> Result<Response, Refusal> {
    let asked = NodesQuery {
        stands: Some(query.stands.clone()).filter(|stands| !stands.is_empty()),
        after: query.after.clone(),
        limit: Some(NODES_MAX),
    };
    let Look {
        moving,
        detail,
        nodes,
    } = look(viewer.reader(), state, number, Some(&asked)).await?;
    let frame = viewer.frame(Section::Rollouts);
    let actions = if frame.may_operate {
        Action::all(&detail, &allowed(state, &moving).await?)
    } else {
        Vec::new()
    };
    let now_ms = state.now_ms();
    let trend = state.trends.of(number);
    let compare = &detail.plan.compare;
    let drawn = trend.as_ref();
    let drawn = drawn.map(|trend| Chart::all(trend, compare, &detail.timeline, now_ms));
    let stands = query.stands;
    let next_nodes = nodes.next.map(|after| {
        let stands = match stands.as_str() {
            "" => String::new(),
            stands => format!("&stands={stands}"),
        };
        format!("/rollouts/{number}?after={after}{stands}#nodes")
    });
    html(&RolloutPage {
        frame,
        refusal,
        actions,
        charts: drawn.unwrap_or_default(),
        charts_every: span_of(trend.as_ref()),
        measured_since: RolloutPage::since(trend.as_ref(), now_ms),
        first_nodes: query.after.is_none(),
        next_nodes,
        nodes: nodes.nodes.into_iter().map(NodeRow::of).collect(),
        stands,
        view: RolloutView::of(detail, now_ms),
    })
}

/// What may be asked of it; of one that has ended, whether its nodes are still what it made of them.
async fn allowed(state: &State, moving: &Moving) -> Result<Vec<Press>, Refusal> {
    let mut may = possible(moving);
    if may.contains(&Press::RollBack) && !moving.is_active() {
        let mut reader = state.db.reader().await?;
        if refuse_left_behind(&mut reader, moving).await.is_err() {
            may.retain(|press| *press != Press::RollBack);
        }
    }
    Ok(may)
}

/// Kernels and outcomes of one.
pub(super) async fn preflight(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Response, Refusal> {
    let number = number(&rollout)?;
    let Look { detail, .. } = look(viewer.reader(), &state, number, None).await?;
    let failures = detail.failures.iter().filter(|group| group.staging);
    html(&PreflightPage {
        frame: viewer.frame(Section::Rollouts),
        matrix: Matrix::of(&detail.preflight),
        failures: failures.map(Failure::of).collect(),
        row: RolloutRow::of(detail.rollout, state.now_ms()),
    })
}
