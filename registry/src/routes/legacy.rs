//! `POST /legacy?name=&version=`: the predecessor's JSON as an unsigned release.
//! Called by whoever still builds it.
//! Must never make it look signed: no node runs it unless its own configuration says so.

use api::problem::Problem;
use api::registry::Release;
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::digest::Digest;
use payload::limits::LEGACY_JSON_BYTES_MAX;
use payload::name::{PayloadName, Version};
use serde::Deserialize;

use super::caller::Publisher;
use super::page::Asked as Query;
use super::path::named;
use super::refusal::Refusal;
use super::upload;
use super::{blobs, releases};
use crate::publish::{self, Asked};
use crate::state::State;

/// What the release is to be called.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// `namespace/name`.
    name: String,
    /// The version.
    version: String,
}

/// Publishes legacy JSON of any generation, unsigned.
#[utoipa::path(post, path = "/legacy", tag = "releases", params(Named),
    request_body(content = Object, content_type = "application/json"), responses(
        (status = 200, body = Release, description = "It was published before, with this digest"),
        (status = 201, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn publish(
    publisher: Publisher,
    Shared(state): Shared<State>,
    Query(asked): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Release>), Refusal> {
    let name: PayloadName = named("name", &asked.name)?;
    let version: Version = named("version", &asked.version)?;
    let who = publisher.within(&name.to_namespace())?;
    let upload = upload::receive(&state, &who, &headers, body, LEGACY_JSON_BYTES_MAX).await?;
    let (json, place) = (upload.bytes, upload.place);
    let (own_name, own_version) = (name.clone(), version.clone());
    let (file, computed) =
        releases::off_thread(move || publish::legacy(&json, &own_name, &own_version)).await?;
    let asked = Asked {
        name,
        version,
        digest: Digest::of(&file),
    };
    let size_bytes = file.len() as u64;
    blobs::keep(&state, asked.digest, file.into(), &who).await?;
    drop(place);
    releases::keep(&state, asked, None, computed, size_bytes, who).await
}
