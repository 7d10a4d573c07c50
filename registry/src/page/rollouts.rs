//! The pages of rollouts as templates. Called by their routes.
//! Must never mark a text as safe.

mod action;
mod bar;
mod chart;
mod draft;
mod matrix;
mod new;
mod one;
mod plan;
mod row;

use askama::Template;

use super::Frame;
use super::format::Moment;
pub(crate) use action::Action;
pub(crate) use chart::Chart;
pub(crate) use draft::Draft;
pub(crate) use matrix::Matrix;
pub(crate) use new::{Choice, Chosen, NewRolloutPage, Preview, PreviewPart};
pub(crate) use one::{Failure, NodeRow, RolloutView};
pub(crate) use plan::PlanView;
pub(crate) use row::RolloutRow;

/// Phases by which lists are filtered, each with its word.
pub(crate) const PHASES: [(&str, &str); 14] = [
    ("active", "all that go on"),
    ("ended", "all that ended"),
    ("scheduled", "scheduled"),
    ("preflight", "preflight"),
    ("deploying", "deploying"),
    ("baking", "baking"),
    ("gate", "at the gate"),
    ("rolling_back", "rolling back"),
    ("succeeded", "succeeded"),
    ("rejected", "rejected"),
    ("rolled_back", "rolled back"),
    ("incomplete", "incomplete"),
    ("aborted", "aborted"),
    ("superseded", "superseded"),
];

/// Where a node may stand, each with what that means.
pub(crate) const STANDS: [(&str, &str); 7] = [
    ("committed", "They run it, its watch went well."),
    ("live", "They run it and watch it."),
    ("offered", "They may run it and do not yet."),
    ("staged", "They loaded and verified it, and wait."),
    ("outside", "They neither staged nor refused it yet."),
    (
        "incompatible",
        "They can't run its format or architecture, and are left out.",
    ),
    ("failed", "They refused it or went back from it."),
];

/// A list of rollouts.
#[derive(Debug)]
pub(crate) struct RolloutList {
    pub(crate) rows: Vec<RolloutRow>,
    /// Address of the next page.
    pub(crate) next: Option<String>,
}

/// `GET /rollouts`.
#[derive(Template)]
#[template(path = "rollouts.html")]
pub(crate) struct RolloutsPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// The deployment by which it is filtered.
    pub(crate) deployment: String,
    /// The phase by which it is filtered.
    pub(crate) phase: String,
    /// Those that go on; absent where only others are asked for.
    pub(crate) active: Option<RolloutList>,
    /// The others; absent where only a phase is asked for.
    pub(crate) others: RolloutList,
    /// What the others are called.
    pub(crate) others_title: &'static str,
    /// Whether it is the first page.
    pub(crate) is_first: bool,
}

/// `GET /rollouts/{rollout}`.
#[derive(Template)]
#[template(path = "rollout.html")]
pub(crate) struct RolloutPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// The rollout.
    pub(crate) view: RolloutView,
    /// Why what was asked of it was refused.
    pub(crate) refusal: Option<String>,
    /// The buttons.
    pub(crate) actions: Vec<Action>,
    /// Canary against control.
    pub(crate) charts: Vec<Chart>,
    /// Between two points of a chart.
    pub(crate) charts_every: String,
    /// Since when this registry measures it; absent where it measured nothing yet.
    pub(crate) measured_since: Option<Moment>,
    /// Where the nodes stand that are listed; empty for all.
    pub(crate) stands: String,
    /// One page of its nodes.
    pub(crate) nodes: Vec<NodeRow>,
    /// Whether it is the first page.
    pub(crate) first_nodes: bool,
    /// Address of the next.
    pub(crate) next_nodes: Option<String>,
}

/// `GET /rollouts/{rollout}/preflight`.
#[derive(Template)]
#[template(path = "rollout_preflight.html")]
pub(crate) struct PreflightPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// The rollout.
    pub(crate) row: RolloutRow,
    /// Kernels and outcomes.
    pub(crate) matrix: Matrix,
    /// Why nodes failed.
    pub(crate) failures: Vec<Failure>,
}

/// Between two points of a chart, in words.
pub(crate) fn span_of(trend: Option<&crate::rollouts::Trend>) -> String {
    trend.map_or_else(String::new, |trend| super::format::span(trend.every_ms))
}

impl RolloutPage {
    /// Whether anything was measured that can be drawn.
    pub(crate) fn since(trend: Option<&crate::rollouts::Trend>, now_ms: u64) -> Option<Moment> {
        let first = trend?.points.first()?;
        Some(super::format::moment(first.at_ms, now_ms))
    }
}
