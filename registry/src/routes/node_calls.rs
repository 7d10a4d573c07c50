//! `/nodes/{node}/desired`, `…/doorbell`, `…/reports`: what nodes call themselves.
//! Called with a node's own credential, for that node alone.
//! Must never read the database for a node that has what it should have.

use std::time::Duration;

use api::problem::Problem;
use api::registry::{Desired, REPORTS_BYTES_MAX, Reports, Ring};
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};

use super::body;
use super::caller::NodeCaller;
use super::enrol::broken_rule;
use super::nodes::absent;
use super::refusal::Refusal;
use super::sse::{self, Source};
use crate::fleet::doorbell::Listener;
use crate::fleet::report;
use crate::intake::{Intake, Told};
use crate::state::State;

/// When to come back while the doorbell has no place.
const DOORBELL_REST: Duration = Duration::from_secs(30);

/// What the node should run.
#[utoipa::path(get, path = "/nodes/{node}/desired", tag = "node",
    params(("node" = String, Path, description = "The caller's own name"),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what it has")),
    responses(
    (status = 200, body = Desired, headers(("ETag" = String))),
    (status = 304, description = "It has it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn desired(
    NodeCaller { node, .. }: NodeCaller,
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    state.fleet.caught_up(&state.db).await;
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let known = known.map(|value| value.trim_start_matches("W/").trim_matches('"'));
    let given = state.fleet.desired(node.as_str(), known, state.now_ms());
    let given = given.ok_or_else(|| absent(&node))?;
    let etag = (ETAG, format!("\"{}\"", given.etag));
    let fresh = (CACHE_CONTROL, "no-cache");
    Ok(match given.body {
        None => (StatusCode::NOT_MODIFIED, [etag], [fresh]).into_response(),
        Some(body) => ([etag], [fresh, (CONTENT_TYPE, "application/json")], body).into_response(),
    })
}

/// Rings at once, and whenever what the node should run is different.
#[utoipa::path(get, path = "/nodes/{node}/doorbell", tag = "node",
    params(("node" = String, Path, description = "The caller's own name")), responses(
    (status = 200, body = Ring, content_type = "text/event-stream"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn doorbell(
    NodeCaller { node, .. }: NodeCaller,
    Shared(state): Shared<State>,
) -> Result<Response, Refusal> {
    state.fleet.heard(node.as_str(), state.now_ms());
    let listener = state.fleet.listen(node.as_str());
    let listener = listener.map_err(|full| Refusal::busy(full.to_string(), DOORBELL_REST))?;
    Ok(sse::stream(listener, &state))
}

impl Source for Listener {
    async fn next(&mut self) -> Option<String> {
        let ring: Ring = Listener::next(self).await?;
        // Numbers and names always have a JSON form.
        let ring = serde_json::to_string(&ring).unwrap_or_default();
        Some(format!("event: ring\ndata: {ring}\n\n"))
    }
}

/// Keeps what a node tells; the same batch again changes nothing.
#[utoipa::path(post, path = "/nodes/{node}/reports", tag = "node",
    params(("node" = String, Path, description = "The caller's own name")),
    request_body = Reports, responses(
    (status = 204, description = "All of it is kept"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn reports(
    NodeCaller { node, who }: NodeCaller,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let body = body::read_json(&headers, body, REPORTS_BYTES_MAX).await?;
    let reports: Reports = body::parse(&body)?;
    let batch = report::check(reports).map_err(|error| broken_rule(&error))?;
    let node = node.to_string();
    let told = Told {
        node,
        who,
        batch,
        bytes: body.len(),
    };
    Intake::keep(&state, told).await?;
    Ok(StatusCode::NO_CONTENT)
}
