//! `/api/v1/instances`: list, start, hot update, stop, pause, resume, proofs.
//! Called through the router.
//! Must never load what the intake did not let through.

use api::node::{Applied, Instance, Instances, Proofs};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::name::InstanceName;

use super::State;
use super::refusal::Refusal;
use super::{body, query};
use crate::engine::NoInstance;
use crate::intake::Asked;

/// `GET /api/v1/instances`, by id.
pub(super) async fn list(Shared(state): Shared<State>) -> Json<Instances> {
    Json(Instances {
        instances: state.instances_by_id(),
    })
}

/// `GET /api/v1/instances/{name}`.
pub(super) async fn get(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Instance>, Refusal> {
    let name = named(&name)?;
    let instance = state
        .parts
        .engine
        .instance(&name)
        .ok_or_else(|| NoInstance(name.to_string()))?;
    Ok(Json(instance))
}

/// `PUT /api/v1/instances/{name}`: starts it or hot-updates what runs there.
pub(super) async fn put(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Applied>, Refusal> {
    let (settings, timing) = query::of_update(query.as_deref())?;
    let name = Some(named(&name)?);
    let upload = body::upload(&state.parts.uploads, &headers, body).await?;
    Ok(Json(state.apply(
        Asked { name, settings },
        timing,
        &upload,
    )?))
}

/// `POST /api/v1/instances`: as `PUT`, under the name that the file itself asks for.
pub(super) async fn post(
    Shared(state): Shared<State>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Applied>, Refusal> {
    let (settings, timing) = query::of_update(query.as_deref())?;
    let upload = body::upload(&state.parts.uploads, &headers, body).await?;
    let name = None;
    Ok(Json(state.apply(
        Asked { name, settings },
        timing,
        &upload,
    )?))
}

/// `DELETE /api/v1/instances/{name}`: stops it.
pub(super) async fn delete(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.stop(&named(&name)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/instances/{name}/pause`.
pub(super) async fn pause(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Instance>, Refusal> {
    Ok(Json(state.set_paused(&named(&name)?, true)?))
}

/// `POST /api/v1/instances/{name}/resume`.
pub(super) async fn resume(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Instance>, Refusal> {
    Ok(Json(state.set_paused(&named(&name)?, false)?))
}

/// `GET /api/v1/instances/{name}/proofs`, oldest first.
pub(super) async fn proofs(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<Json<Proofs>, Refusal> {
    let name = named(&name)?;
    let proofs = state
        .parts
        .engine
        .proofs(&name)
        .ok_or_else(|| NoInstance(name.to_string()))?;
    Ok(Json(Proofs { proofs }))
}

/// `GET /api/v1/instances/{name}/iterators/{program}`: runs it and gives its text.
pub(super) async fn iterate(
    Shared(state): Shared<State>,
    Path((name, program)): Path<(String, String)>,
) -> Result<Vec<u8>, Refusal> {
    state.iterate(&named(&name)?, &program)
}

/// The name in a path as an instance's name.
///
/// # Errors
/// 422: no instance can have it.
pub(super) fn named(name: &str) -> Result<InstanceName, Refusal> {
    name.parse()
        .map_err(|error: payload::name::NameError| Refusal::field("name", error.to_string()))
}
