//! `/api/v1/instances/{name}/…`: going back, staging, flipping, the history.
//! Called through the router.
//! Must never load what the intake did not let through.

use api::node::{Applied, Flipped, History, Instance};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;

use super::instances::named;
use super::refusal::Refusal;
use super::{State, body, query};
use crate::intake::Asked;

/// `POST /api/v1/instances/{name}/rollback`.
pub(super) async fn roll_back(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Applied>, Refusal> {
    Ok(Json(state.roll_back(&named(&name)?)?))
}

/// `GET /api/v1/instances/{name}/history`, oldest first.
pub(super) async fn history(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<History>, Refusal> {
    Ok(Json(state.history(&named(&name)?)?))
}

/// `PUT /api/v1/instances/{name}/staged`.
pub(super) async fn stage(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Instance>, Refusal> {
    let (settings, timing) = query::of_stage(query.as_deref())?;
    let name = Some(named(&name)?);
    let upload = body::upload(&state.parts.uploads, &headers, body).await?;
    Ok(Json(state.stage(
        Asked { name, settings },
        timing,
        &upload,
    )?))
}

/// `DELETE /api/v1/instances/{name}/staged`.
pub(super) async fn unstage(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.unstage(&named(&name)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/instances/{name}/flip`.
pub(super) async fn flip(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Flipped>, Refusal> {
    let at_ms = query::of_flip(query.as_deref())?;
    Ok(Json(state.flip(&named(&name)?, at_ms)?))
}
