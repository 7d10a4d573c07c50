//! `POST /collect`: removes bytes that no release names.
//! Called by administrators.
//! Must never remove bytes that a row names, nor a row that a release names.

use std::collections::BTreeMap;

use api::problem::Problem;
use api::registry::Collected;
use axum::Json;
use axum::extract::State as Shared;
use payload::digest::Digest;
use serde::Deserialize;
use serde_json::json;

use super::caller::Admin;
use super::page::Asked;
use super::refusal::Refusal;
use crate::access::Who;
use crate::blobs::Blobs;
use crate::db::{self, Work, Write};
use crate::limits::COLLECTED_MAX;
use crate::state::State;

/// Whether only to look.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collect {
    /// Only tell what would be removed.
    #[serde(default)]
    dry_run: bool,
}

/// Removes bytes that no release has named for a while, at most 1,000 at a time.
#[utoipa::path(post, path = "/collect", tag = "blobs", params(Collect), responses(
    (status = 200, body = Collected),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn collect(
    Admin(who): Admin,
    Shared(state): Shared<State>,
    Asked(Collect { dry_run }): Asked<Collect>,
) -> Result<Json<Collected>, Refusal> {
    let now_ms = state.now_ms();
    let before_ms = now_ms.saturating_sub(state.collect_after_ms);
    let mut found = orphans(&state, before_ms).await?;
    if dry_run {
        let mut reader = state.db.reader().await?;
        let rows = db::blob::unreferenced(&mut reader, before_ms, COLLECTED_MAX).await?;
        found.extend(rows.iter().map(|blob| (blob.digest, blob.size_bytes)));
        return Ok(Json(told(true, &found)));
    }
    // First the rows: bytes without a row are an orphan, a row without its bytes is a broken
    // promise. A crash in between leaves orphans, which the next collection finds.
    let access = who.access;
    let forgotten = state
        .db
        .write_as(access, now_ms, move |write| {
            forget(write, who, before_ms, now_ms)
        })
        .await?;
    found.extend(forgotten);
    let blobs = state.blobs.clone();
    let removed = state
        .db
        .write_as(access, now_ms, move |write| remove(write, blobs, found))
        .await?;
    Ok(Json(told(false, &removed)))
}

fn told(dry_run: bool, found: &BTreeMap<Digest, u64>) -> Collected {
    Collected {
        dry_run,
        digests: found.keys().map(Digest::to_string).collect(),
        bytes: found.values().sum(),
    }
}

/// Bytes without a row: left by a crash, or by an upload that broke off after they were written.
async fn orphans(state: &State, before_ms: u64) -> Result<BTreeMap<Digest, u64>, Refusal> {
    let stored = state.blobs.list().await?;
    let mut reader = state.db.reader().await?;
    let mut found = BTreeMap::new();
    for blob in stored.iter().filter(|blob| blob.written_ms < before_ms) {
        if db::blob::size_bytes(&mut reader, &blob.digest)
            .await?
            .is_none()
        {
            found.insert(blob.digest, blob.size_bytes);
        }
        if found.len() >= usize::try_from(COLLECTED_MAX).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(found)
}

/// Forgets the rows that no release names.
fn forget(
    write: &mut Write,
    who: Who,
    before_ms: u64,
    now_ms: u64,
) -> Work<'_, Vec<(Digest, u64)>, Refusal> {
    Box::pin(async move {
        let rows = db::blob::unreferenced(write, before_ms, COLLECTED_MAX).await?;
        for blob in &rows {
            db::blob::delete(write, &blob.digest).await?;
            let mut entry = who.entry(now_ms, "blob.collect", blob.digest.to_string());
            entry.before = Some(json!({ "size_bytes": blob.size_bytes }));
            db::audit::add(write, &entry).await?;
        }
        Ok(rows
            .iter()
            .map(|blob| (blob.digest, blob.size_bytes))
            .collect())
    })
}

/// Removes the bytes of those that still have no row. In the writer, so that no row comes to be
/// between the look and the removal: who puts the same bytes again looks for them there too.
fn remove(
    write: &mut Write,
    blobs: Blobs,
    found: BTreeMap<Digest, u64>,
) -> Work<'_, BTreeMap<Digest, u64>, Refusal> {
    Box::pin(async move {
        let mut removed = BTreeMap::new();
        for (digest, size_bytes) in found {
            if db::blob::size_bytes(write, &digest).await?.is_none() {
                blobs.delete(&digest).await?;
                removed.insert(digest, size_bytes);
            }
        }
        Ok(removed)
    })
}
