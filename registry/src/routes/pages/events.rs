//! `/nodes/{node}/events/{instance}`: what an instance puts out, as it comes. Called by browsers.
//! Must never show an event to who may not operate.

use axum::extract::State as Shared;
use axum::response::Response;
use payload::name::InstanceName;

use super::html;
use super::viewer::Viewer;
use crate::page::{EventsPage, Section, event_lines};
use crate::routes::live::{self, Told};
use crate::routes::path::{Segments, named};
use crate::routes::refusal::Refusal;
use crate::routes::sse;
use crate::state::State;

/// The page; its script asks for the events.
pub(super) async fn page(
    viewer: Viewer,
    Segments((node, instance)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let node: InstanceName = named("node", &node)?;
    let instance: InstanceName = named("instance", &instance)?;
    let page = EventsPage {
        frame: viewer.frame(Section::Nodes),
        node: node.to_string(),
        instance: instance.to_string(),
    };
    viewer.operator()?;
    html(&page)
}

/// The events.
pub(super) async fn stream(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments((node, instance)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let who = viewer.operator()?.0;
    let seen = live::viewed(who, &state, &node, &instance).await?;
    let text = event_lines;
    Ok(sse::stream(Told { seen, text }, &state))
}
