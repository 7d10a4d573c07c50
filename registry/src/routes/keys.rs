//! `/keys`: publishers' keys whose signatures this registry takes.
//! Read by everybody who may read, changed by administrators.
//! Must never be what decides on a node what may run.

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, TrustedKey, TrustedKeys};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::limits::TRUSTED_KEYS_MAX;
use payload::name::Namespace;
use payload::signature::{KeyId, PublicKey};
use serde_json::json;

use super::body;
use super::caller::{Admin, Reader};
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::withdrawal::check_prose;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::KEY_NAMESPACES_MAX;
use crate::state::State;

/// All keys, by id.
#[utoipa::path(get, path = "/keys", tag = "access", responses(
    (status = 200, body = TrustedKeys),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
) -> Result<Json<TrustedKeys>, Refusal> {
    let keys = db::key::all(&mut *state.db.reader().await?).await?;
    Ok(Json(TrustedKeys { keys }))
}

/// Trusts a key for some namespaces from now on, in the place of those before.
#[utoipa::path(put, path = "/keys/{key}", tag = "access",
    params(("key" = String, Path, description = "`sha256:` and the SHA-256 of the key's DER")),
    request_body = TrustedKey, responses(
        (status = 200, body = TrustedKey, description = "It was trusted before"),
        (status = 201, body = TrustedKey),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn put(
    admin: Admin,
    Shared(state): Shared<State>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<TrustedKey>), Refusal> {
    let id = named("key", &id)?;
    let asked = body::json(&headers, body, JSON_BYTES_MAX).await?;
    trust(admin, &state, id, asked).await
}

/// Trusts a key; the status says whether it was not trusted before.
///
/// # Errors
/// 422 for what breaks a rule.
pub(super) async fn trust(
    Admin(who): Admin,
    state: &State,
    id: KeyId,
    asked: TrustedKey,
) -> Result<(StatusCode, Json<TrustedKey>), Refusal> {
    let key = checked(id, asked)?;
    let now_ms = state.now_ms();
    let write = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move { set(write, key, &who, now_ms).await })
    });
    let (new, key) = write.await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(key)))
}

/// A key within the rules, in its one spelling.
fn checked(id: KeyId, asked: TrustedKey) -> Result<TrustedKey, Refusal> {
    if asked.key != id.to_string() {
        let detail = format!("the path says {id}, the body {:?}", shortened(&asked.key));
        return Err(Refusal::rule("key", detail));
    }
    let wrong = |error: payload::signature::KeyError| Refusal::rule("pem", error.to_string());
    let public = PublicKey::from_pem(asked.pem.as_bytes()).map_err(wrong)?;
    if public.id() != id {
        let detail = format!("the path says {id}, the key has {}", public.id());
        return Err(Refusal::rule("pem", detail));
    }
    let found = asked.namespaces.len();
    if !(1..=KEY_NAMESPACES_MAX).contains(&found) {
        let detail = format!("{found} namespaces, 1 to {KEY_NAMESPACES_MAX} are allowed");
        return Err(Refusal::rule("namespaces", detail));
    }
    let mut namespaces = asked.namespaces;
    namespaces.sort();
    namespaces.dedup();
    for namespace in &namespaces {
        let parsed: Result<Namespace, _> = namespace.parse();
        parsed.map_err(|error| Refusal::rule("namespaces", error.to_string()))?;
    }
    check_prose("comment", &asked.comment)?;
    Ok(TrustedKey {
        key: asked.key,
        pem: public.to_pem().map_err(wrong)?,
        namespaces,
        comment: asked.comment,
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

async fn set(
    write: &mut Write,
    key: TrustedKey,
    who: &Who,
    now_ms: u64,
) -> Result<(bool, TrustedKey), Refusal> {
    let before = db::key::by_id(write, &key.key).await?;
    if before.is_none() && db::key::all(write).await?.len() >= TRUSTED_KEYS_MAX {
        let detail = format!("{TRUSTED_KEYS_MAX} keys are trusted, the most at a time");
        return Err(Refusal::rule("key", detail));
    }
    db::key::put(write, &key, now_ms).await?;
    let mut entry = who.entry(now_ms, "key.put", key.key.clone());
    entry.before = before.as_ref().map(told);
    entry.after = Some(told(&key));
    db::audit::add(write, &entry).await?;
    Ok((before.is_none(), key))
}

fn told(key: &TrustedKey) -> serde_json::Value {
    json!({ "namespaces": key.namespaces, "comment": key.comment })
}

/// Trusts a key no longer; what it has signed stays.
#[utoipa::path(delete, path = "/keys/{key}", tag = "access",
    params(("key" = String, Path, description = "`sha256:` and the SHA-256 of the key's DER")),
    responses(
        (status = 204),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn delete(
    Admin(who): Admin,
    Shared(state): Shared<State>,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Refusal> {
    let id: KeyId = named("key", &id)?;
    let now_ms = state.now_ms();
    let write = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move { remove(write, &id.to_string(), &who, now_ms).await })
    });
    write.await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(write: &mut Write, id: &str, who: &Who, now_ms: u64) -> Result<(), Refusal> {
    let Some(before) = db::key::by_id(write, id).await? else {
        return Err(Refusal::not_found(format!("no key {id} is trusted")));
    };
    db::key::delete(write, id).await?;
    let mut entry = who.entry(now_ms, "key.delete", id.to_owned());
    entry.before = Some(told(&before));
    Ok(db::audit::add(write, &entry).await?)
}
