//! `/payloads` and `/payloads/{namespace}/{name}`: what there is.
//! Called by everybody who may read.
//! Must never list a release that is not there whole.

use std::collections::BTreeMap;

use api::problem::Problem;
use api::registry::{Difference, Payload, PayloadSummary, Payloads, Release};
use axum::Json;
use axum::extract::State as Shared;
use payload::name::{PayloadName, Version};
use serde::Deserialize;

use super::caller::Reader;
use super::page::{self, Asked, Page};
use super::path::{Segments, named, payload_name};
use super::refusal::Refusal;
use crate::db::{self, Connection};
use crate::difference;
use crate::limits::MANIFESTS_BYTES_MAX;
use crate::state::State;

/// Which payloads.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Only those whose name has this in it.
    #[serde(default)]
    #[param(required = false)]
    pub(super) named: String,
    /// Only what comes behind this: the `next` of the page before.
    pub(super) after: Option<String>,
    /// Most rows; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// Payloads, by name.
#[utoipa::path(get, path = "/payloads", tag = "payloads", params(Listing), responses(
    (status = 200, body = Payloads),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Payloads>, Refusal> {
    let limit = page::limit(listing.limit)?;
    let (named, after) = (listing.named, listing.after.unwrap_or_default());
    let mut reader = state.db.reader().await?;
    let mut listed = db::payload::page(&mut reader, &named, &after, limit + 1).await?;
    let next = Page::cut(&mut listed, limit, |one| one.name.clone());
    let ends = listed.first().zip(listed.last());
    let mut channels = match ends {
        Some((first, last)) => db::channel::between(&mut reader, &first.name, &last.name).await?,
        None => BTreeMap::new(),
    };
    let payloads = listed.into_iter().map(|one| PayloadSummary {
        channels: channels.remove(&one.name).unwrap_or_default(),
        nodes: state.fleet.nodes_of_payload(&one.name),
        payload: one.name,
        latest: one.latest,
        description: one.description,
        releases: one.releases,
        published_ms: one.published_ms,
    });
    Ok(Json(Payloads {
        payloads: payloads.collect(),
        next,
    }))
}

/// One payload: its releases with what is different between them, its channels, its floor.
#[utoipa::path(get, path = "/payloads/{namespace}/{name}", tag = "payloads",
    params(("namespace" = String, Path), ("name" = String, Path), Page), responses(
    (status = 200, body = Payload),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Reader,
    Shared(state): Shared<State>,
    Segments((namespace, name)): Segments<(String, String)>,
    Asked(page): Asked<Page>,
) -> Result<Json<Payload>, Refusal> {
    let name = payload_name(&namespace, &name)?;
    let limit = page.limit()?;
    let after: Option<Version> = page.after.map(|text| named("after", &text)).transpose()?;
    let mut reader = state.db.reader().await?;
    if !db::payload::exists(&mut reader, &name).await? {
        return Err(Refusal::not_found(format!("no payload {name}")));
    }
    let found = db::release::versions(&mut reader, &name).await?;
    let mut versions: Vec<Version> = found.into_iter().map(|found| found.version).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(after) = after {
        versions.retain(|version| *version < after);
    }
    let (mut releases, below) = releases(&mut reader, &name, &versions, limit).await?;
    for release in &mut releases {
        release.nodes = state.fleet.nodes_of_digest(&release.digest);
    }
    let pairs = releases.iter().zip(releases.iter().skip(1).chain(&below));
    let differences: Vec<Difference> = pairs
        .map(|(higher, lower)| difference::between(lower, higher))
        .collect();
    let last = releases.last().map(|release| release.version.clone());
    Ok(Json(Payload {
        payload: name.to_string(),
        channels: db::channel::all(&mut reader, &name).await?,
        floor: db::floor::find(&mut reader, &name).await?,
        differences,
        next: last.filter(|_| below.is_some()),
        releases,
    }))
}

/// The releases of a page, and the one below them, if there is one.
async fn releases(
    connection: &mut Connection,
    name: &PayloadName,
    versions: &[Version],
    limit: u32,
) -> Result<(Vec<Release>, Option<Release>), Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut releases, mut bytes) = (Vec::new(), 0);
    for version in versions {
        let Some(release) = db::release::find(connection, name, version).await? else {
            continue;
        };
        if releases.len() >= limit || bytes > MANIFESTS_BYTES_MAX {
            return Ok((releases, Some(release)));
        }
        bytes += release.manifest.to_string().len();
        releases.push(release);
    }
    Ok((releases, None))
}
