//! `/api/v1/instances/{name}/maps`: the maps of an instance, and what is in one.
//! Called through the router.
//! Must never read more maps at a time than there are places: an answer takes megabytes.

use std::sync::Arc;

use api::node::{MapContent, Maps};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use payload::histogram::Scale;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::State;
use super::instances::named;
use super::limits::{MAP_READ_WAIT, MAP_READS_MAX};
use super::refusal::Refusal;
use super::state::blocking;
use crate::maps::Ask;

/// What is asked of a map.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    limit: Option<String>,
    histogram: Option<String>,
}

/// `GET /api/v1/instances/{name}/maps`.
pub(super) async fn list(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Maps>, Refusal> {
    let name = named(&name)?;
    let _place = place(&state).await?;
    Ok(Json(blocking(|| Ok(state.parts.engine.maps(&name)?))?))
}

/// `GET /api/v1/instances/{name}/maps/{map}?limit=N&histogram=log2|linear|linear:STEP`.
pub(super) async fn get(
    Shared(state): Shared<State>,
    Path((name, map)): Path<(String, String)>,
    query: Result<Query<Question>, QueryRejection>,
) -> Result<Json<MapContent>, Refusal> {
    let name = named(&name)?;
    let Query(question) = query.map_err(|error| Refusal::field("query", error.body_text()))?;
    let ask = ask(&question)?;
    let _place = place(&state).await?;
    let content = blocking(|| Ok(state.parts.engine.map(&name, &map, ask)?))?;
    Ok(Json(content))
}

fn ask(question: &Question) -> Result<Ask, Refusal> {
    let limit = question.limit.as_deref().map(|limit| {
        limit.parse::<u32>().map_err(|_| {
            let detail = format!("limit is {limit:?}; it is a number of entries");
            Refusal::field("limit", detail)
        })
    });
    let wish = question.histogram.as_deref().map(|scale| {
        Scale::named(scale).ok_or_else(|| {
            let detail = format!(
                "histogram is {scale:?}; known are log2, linear and linear:STEP with a step from 1"
            );
            Refusal::field("histogram", detail)
        })
    });
    Ok(Ask {
        limit: limit
            .transpose()?
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        wish: wish.transpose()?,
    })
}

async fn place(state: &State) -> Result<OwnedSemaphorePermit, Refusal> {
    let places = Arc::clone(&state.parts.map_reads);
    match timeout(MAP_READ_WAIT, places.acquire_owned()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{MAP_READS_MAX} maps are being read, the most at a time; try again"),
        )),
    }
}
