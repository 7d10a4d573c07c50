//! `/payloads/{namespace}/{name}/versions/{version}`: a release published and looked at, and
//! signatures added to it. Called by publishers and by everybody who may read.
//! Must never keep a release whose bytes and signatures were not checked, nor change its bytes.

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, PublishRelease, Release, ReleaseState, SetEnvelope};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::digest::Digest;
use payload::signature::Envelope;
use serde_json::json;

use super::body;
use super::caller::{Publisher, Reader};
use super::path::{Segments, named, payload_name};
use super::refusal::Refusal;
use super::upload;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::RELEASES_MAX;
use crate::publish::{self, Asked, Computed, PublishError};
use crate::state::State;

/// The names in the path of a release.
pub(crate) type Names = (String, String, String);

/// A release.
#[utoipa::path(get, path = "/payloads/{namespace}/{name}/versions/{version}", tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Reader,
    Shared(state): Shared<State>,
    Segments((namespace, name, version)): Segments<Names>,
) -> Result<Json<Release>, Refusal> {
    let name = payload_name(&namespace, &name)?;
    let version = named("version", &version)?;
    let mut reader = state.db.reader().await?;
    let found = db::release::find(&mut reader, &name, &version).await?;
    let missing = || Refusal::not_found(format!("no release {name}@{version}"));
    let mut release = found.ok_or_else(missing)?;
    release.nodes = state.fleet.nodes_of_digest(&release.digest);
    Ok(Json(release))
}

/// Publishes a release: its bytes were put before.
#[utoipa::path(put, path = "/payloads/{namespace}/{name}/versions/{version}", tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    request_body = PublishRelease, responses(
        (status = 200, body = Release,
            description = "It was published before, with this digest; new signatures were added"),
        (status = 201, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn put(
    publisher: Publisher,
    Shared(state): Shared<State>,
    Segments((namespace, name, version)): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Release>), Refusal> {
    let name = payload_name(&namespace, &name)?;
    let version = named("version", &version)?;
    let who = publisher.within(&name.to_namespace())?;
    let asked: PublishRelease = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let digest = named("digest", &asked.digest)?;
    let envelope = asked.envelope;
    let asked = Asked {
        name,
        version,
        digest,
    };
    let same = published(&mut *state.db.reader().await?, &asked).await?;
    if let Some(same) = same {
        let signed = add_signatures(&state, same, asked, envelope, who).await?;
        return Ok((StatusCode::OK, Json(signed)));
    }
    let (computed, size_bytes) = checked(&state, envelope.clone(), asked.clone()).await?;
    keep(&state, asked, Some(envelope), computed, size_bytes, who).await
}

/// The release of this name and version, if it has the same digest.
///
/// # Errors
/// 409: it has another.
async fn published(
    connection: &mut db::Connection,
    asked: &Asked,
) -> Result<Option<Release>, Refusal> {
    let found = db::release::find(connection, &asked.name, &asked.version).await?;
    match found {
        Some(release) if release.digest != asked.digest.to_string() => {
            let detail = format!(
                "{}@{} is {}, published by {}; a release never changes: publish {} as another version",
                asked.name, asked.version, release.digest, release.published_by, asked.digest
            );
            Err(Refusal::conflict("digest", detail))
        }
        found => Ok(found),
    }
}

/// Reads the bytes and checks them with the envelope, off the async threads.
async fn checked(
    state: &State,
    envelope: String,
    asked: Asked,
) -> Result<(Computed, u64), Refusal> {
    let mut reader = state.db.reader().await?;
    let kept = db::blob::size_bytes(&mut reader, &asked.digest).await?;
    let size_bytes = kept.ok_or_else(|| no_blob(&asked.digest))?;
    let keys = db::key::all(&mut reader).await?;
    drop(reader);
    let place = upload::check_place(state).await?;
    let file = state.blobs.read(&asked.digest).await?;
    let file = file.ok_or_else(|| no_blob(&asked.digest))?;
    let computed = off_thread(move || {
        let keys = publish::trusted(&keys)?;
        publish::signed(file.to_vec(), envelope.as_bytes(), &keys, &asked)
    })
    .await?;
    drop(place);
    Ok((computed, size_bytes))
}

fn no_blob(digest: &Digest) -> Refusal {
    let detail = format!("no blob {digest}: put it first, at /blobs/{digest}");
    Refusal::conflict("digest", detail)
}

/// Work that takes a while.
///
/// # Errors
/// What the work says.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Refusal::broken(error.to_string())),
    }
}

/// Keeps a release that was checked; the status says whether it is new.
///
/// # Errors
/// 409 where another digest came first.
pub(crate) async fn keep(
    state: &State,
    asked: Asked,
    envelope: Option<String>,
    computed: Computed,
    size_bytes: u64,
    who: Who,
) -> Result<(StatusCode, Json<Release>), Refusal> {
    let release = Release {
        payload: asked.name.to_string(),
        version: asked.version.to_string(),
        digest: asked.digest.to_string(),
        size_bytes,
        state: ReleaseState::Available,
        reason: None,
        signers: computed.signers,
        envelope,
        manifest: computed.manifest,
        privileges: computed.privileges,
        published_ms: state.now_ms(),
        published_by: who.name.clone(),
        nodes: 0,
    };
    let description = computed.description;
    state
        .db
        .write_as(who.access, release.published_ms, move |write| {
            Box::pin(async move { insert(write, &asked, release, description, &who).await })
        })
        .await
}

async fn insert(
    write: &mut Write,
    asked: &Asked,
    release: Release,
    description: Option<String>,
    who: &Who,
) -> Result<(StatusCode, Json<Release>), Refusal> {
    if let Some(same) = published(write, asked).await? {
        // An unsigned one adds nothing to what is there.
        if release.envelope.is_some() && release.envelope != same.envelope {
            return Err(signed_meanwhile());
        }
        return Ok((StatusCode::OK, Json(same)));
    }
    // A collection may have removed it while it was checked.
    if db::blob::size_bytes(write, &asked.digest).await?.is_none() {
        return Err(no_blob(&asked.digest));
    }
    let count = db::release::versions(write, &asked.name).await?.len();
    if count >= RELEASES_MAX {
        let detail = format!(
            "{} has {count} releases, the most that a payload may have",
            asked.name
        );
        return Err(Refusal::rule("version", detail));
    }
    db::payload::ensure(write, &asked.name, release.published_ms).await?;
    db::release::insert(write, &release, description.as_deref()).await?;
    db::payload::refresh(write, &asked.name).await?;
    // A deployment may have waited for this version.
    write.touch_fleet();
    let subject = format!("{}@{}", asked.name, asked.version);
    let mut entry = who.entry(release.published_ms, "release.publish", subject);
    entry.after = Some(json!({
        "digest": release.digest,
        "signers": release.signers,
        "unsigned": release.envelope.is_none(),
    }));
    db::audit::add(write, &entry).await?;
    Ok((StatusCode::CREATED, Json(release)))
}

/// Adds the signatures of an envelope over the very same bytes.
#[utoipa::path(post, path = "/payloads/{namespace}/{name}/versions/{version}/signatures",
    tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    request_body = SetEnvelope, responses(
        (status = 200, body = Release),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn sign(
    publisher: Publisher,
    Shared(state): Shared<State>,
    Segments((namespace, name, version)): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Release>, Refusal> {
    let name = payload_name(&namespace, &name)?;
    let version = named("version", &version)?;
    let who = publisher.within(&name.to_namespace())?;
    let SetEnvelope { envelope } = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let found = db::release::find(&mut *state.db.reader().await?, &name, &version).await?;
    let missing = || Refusal::not_found(format!("no release {name}@{version}"));
    let before = found.ok_or_else(missing)?;
    let asked = Asked {
        digest: named("digest", &before.digest)?,
        name,
        version,
    };
    let signed = add_signatures(&state, before, asked, envelope, who).await?;
    Ok(Json(signed))
}

/// Checks the signatures of an envelope and keeps those that the release has not yet.
///
/// # Errors
/// 422 for an envelope about something else, or with a signature that does not hold or that nobody
/// here can check.
async fn add_signatures(
    state: &State,
    mut before: Release,
    asked: Asked,
    envelope: String,
    who: Who,
) -> Result<Release, Refusal> {
    before.nodes = state.fleet.nodes_of_digest(&before.digest);
    let Some(envelope) = joined(before.envelope.as_deref(), envelope)? else {
        return Ok(before);
    };
    let (computed, _) = checked(state, envelope.clone(), asked.clone()).await?;
    let now_ms = state.now_ms();
    let signed = Signed {
        asked,
        before,
        envelope,
        signers: computed.signers,
        now_ms,
    };
    let write = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move { set_signatures(write, signed, &who).await })
    });
    write.await
}

/// Both envelopes' signatures in one; `None` where the first has them all.
fn joined(before: Option<&str>, added: String) -> Result<Option<String>, Refusal> {
    let Some(before) = before else {
        return Ok(Some(added));
    };
    let wrong = |error: String| Refusal::rule("envelope", error);
    let more = Envelope::decode(added.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let broken = |error: String| Refusal::broken(error);
    let mut all = Envelope::decode(before.as_bytes()).map_err(|error| broken(error.to_string()))?;
    let new = all.merge(&more).map_err(|error| wrong(error.to_string()))?;
    if new == 0 {
        return Ok(None);
    }
    let bytes = all.encode().map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| broken(error.to_string()))?;
    Ok(Some(text))
}

fn signed_meanwhile() -> Refusal {
    let detail = "somebody else signed it at this moment; send yours again";
    Refusal::conflict("envelope", detail)
}

/// A release with signatures that were checked.
struct Signed {
    asked: Asked,
    /// As it was when they were.
    before: Release,
    envelope: String,
    signers: Vec<String>,
    now_ms: u64,
}

async fn set_signatures(write: &mut Write, signed: Signed, who: &Who) -> Result<Release, Refusal> {
    let Asked { name, version, .. } = &signed.asked;
    let gone = || Refusal::broken(format!("release {name}@{version} is gone"));
    let found = db::release::find(write, name, version).await?;
    if found.ok_or_else(gone)?.envelope != signed.before.envelope {
        return Err(signed_meanwhile());
    }
    db::release::set_signatures(write, name, version, &signed.envelope, &signed.signers).await?;
    write.touch_fleet();
    let subject = format!("{name}@{version}");
    let mut entry = who.entry(signed.now_ms, "release.sign", subject);
    entry.before = Some(json!({ "signers": signed.before.signers }));
    entry.after = Some(json!({ "signers": signed.signers }));
    db::audit::add(write, &entry).await?;
    Ok(Release {
        envelope: Some(signed.envelope),
        signers: signed.signers,
        ..signed.before
    })
}
