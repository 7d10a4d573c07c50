//! `/blobs/{digest}`: bytes put and fetched by their digest.
//! Called by publishers, by `packer pull` and by nodes.
//! Must never answer before what was put is on the disk, nor give out bytes of another digest.

use std::ops::Range;

use api::problem::Problem;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use hyper::body::Bytes;
use payload::digest::Digest;
use payload::limits::PAYLOAD_BYTES_MAX;
use serde_json::json;

use super::caller::{Fetcher, Publisher};
use super::description::PayloadFile;
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::upload;
use crate::access::Who;
use crate::blobs::Blobs;
use crate::blobs::range::{Wanted, wanted};
use crate::db::{self, Work, Write};
use crate::limits::{CACHED_BLOB_BYTES_MAX, PUT_ATTEMPTS};
use crate::state::State;

/// What payload files are.
const MEDIA_TYPE: &str = "application/wasm";
/// The same digest is the same bytes for ever; only who has a token may have them.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// The bytes of a payload file; `Range` with one range is honoured.
#[utoipa::path(method(get, head), path = "/blobs/{digest}", tag = "blobs",
    params(("digest" = String, Path, description = "`sha256:` and 64 hexadecimal digits")),
    responses(
        (status = 200, content_type = "application/wasm", body = PayloadFile),
        (status = 206, content_type = "application/wasm", body = PayloadFile),
        (status = 304),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Fetcher,
    Shared(state): Shared<State>,
    Segments(digest): Segments<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let digest: Digest = named("digest", &digest)?;
    let missing = || Refusal::not_found(format!("no blob {digest}"));
    // What is in memory is served from there; whether it is still kept matters to who publishes,
    // and that one asks with HEAD.
    let hot = state.blobs.hot(&digest).filter(|_| method == Method::GET);
    let size_bytes = if let Some(bytes) = &hot {
        bytes.len() as u64
    } else {
        let mut reader = state.db.reader().await?;
        let found = db::blob::size_bytes(&mut reader, &digest).await?;
        found.ok_or_else(missing)?
    };
    let tag = format!("\"{digest}\"");
    if headers
        .get(IF_NONE_MATCH)
        .is_some_and(|value| matches(value, &tag))
    {
        return Ok(described(StatusCode::NOT_MODIFIED, &tag, Body::empty()));
    }
    let range = asked_range(&headers, &tag, size_bytes);
    let (status, range) = match range {
        Wanted::Whole => (StatusCode::OK, 0..size_bytes),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Beyond => return Ok(beyond(&digest, size_bytes)),
    };
    let blob = db::blob::Kept { digest, size_bytes };
    let body = if method == Method::HEAD {
        // Who publishes sends what is not there, and that mends what the disk has changed.
        if !is_there(&state.blobs, blob).await {
            return Err(missing());
        }
        Body::empty()
    } else {
        body(&state, blob, hot, range.clone()).await?
    };
    let mut response = described(status, &tag, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end - 1;
        insert(
            headers,
            CONTENT_RANGE,
            &format!("bytes {}-{last}/{size_bytes}", range.start),
        );
    }
    Ok(response)
}

/// Whether the bytes of a row are on the disk, as far as that can be told cheaply: of large ones
/// the length.
async fn is_there(blobs: &Blobs, blob: db::blob::Kept) -> bool {
    if blob.size_bytes <= CACHED_BLOB_BYTES_MAX as u64 {
        return matches!(blobs.read(&blob.digest).await, Ok(Some(_)));
    }
    matches!(blobs.size_bytes(&blob.digest).await, Ok(Some(found)) if found == blob.size_bytes)
}

/// What a request asks for, were it not for another version of it (RFC 9110, section 13.1.5).
fn asked_range(headers: &HeaderMap, tag: &str, size_bytes: u64) -> Wanted {
    let other = headers.get(IF_RANGE).is_some_and(|value| value != tag);
    match headers.get(RANGE).and_then(|value| value.to_str().ok()) {
        Some(value) if !other => wanted(value, size_bytes),
        _ => Wanted::Whole,
    }
}

/// Whether `If-None-Match` names this tag (RFC 9110, section 13.1.2).
fn matches(value: &HeaderValue, tag: &str) -> bool {
    let value = value.to_str().unwrap_or_default();
    value.split(',').any(|one| {
        let one = one.trim_ascii();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

fn described(status: StatusCode, tag: &str, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(headers, ETAG, tag);
    response
}

fn beyond(digest: &Digest, size_bytes: u64) -> Response {
    let detail = format!("blob {digest} has {size_bytes} bytes, none of them is in the range");
    let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", detail);
    let mut response = refusal.into_response();
    insert(
        response.headers_mut(),
        CONTENT_RANGE,
        &format!("bytes */{size_bytes}"),
    );
    response
}

/// Digits, a digest and punctuation are always a header's value.
fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Small blobs from memory, large ones piece by piece.
async fn body(
    state: &State,
    blob: db::blob::Kept,
    hot: Option<Bytes>,
    range: Range<u64>,
) -> Result<Body, Refusal> {
    let digest = blob.digest;
    let whole = match hot {
        Some(bytes) => Some(bytes),
        None if blob.size_bytes <= CACHED_BLOB_BYTES_MAX as u64 => {
            let read = state.blobs.read(&digest).await?;
            // A row has its bytes, always.
            Some(read.ok_or_else(|| Refusal::broken(format!("blob {digest} has no bytes")))?)
        }
        None => None,
    };
    if let Some(bytes) = whole {
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(range.end).unwrap_or(usize::MAX);
        if end > bytes.len() {
            return Err(Refusal::broken(format!("blob {digest} is too short")));
        }
        return Ok(bytes.slice(start..end).into());
    }
    let pieces = state.blobs.stream(blob, range).await?;
    let output = state.output;
    // The status is sent: the answer ends before its length, and the journal says why.
    let told = pieces.inspect_err(move |error| output.journal(&error.to_string()));
    Ok(Body::from_stream(told))
}

/// Keeps the bytes of a payload file, until a release names them or collection removes them.
#[utoipa::path(put, path = "/blobs/{digest}", tag = "blobs",
    params(("digest" = String, Path, description = "`sha256:` and 64 hexadecimal digits")),
    request_body(content = PayloadFile, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "They were kept already; where the disk had changed them, they \
                                      are written again"),
        (status = 201, description = "They are kept now"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn put(
    publisher: Publisher,
    Shared(state): Shared<State>,
    Segments(digest): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let who = publisher.anywhere();
    let digest: Digest = named("digest", &digest)?;
    let upload = upload::receive(&state, &who, &headers, body, PAYLOAD_BYTES_MAX).await?;
    upload.check(&digest)?;
    let new = keep(&state, digest, upload.bytes.into(), &who).await?;
    Ok(if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    })
}

/// Keeps bytes whose digest was checked, also where they were kept and the disk has changed them;
/// whether they are new.
///
/// # Errors
/// The disk's and the database's.
pub(crate) async fn keep(
    state: &State,
    digest: Digest,
    bytes: Bytes,
    who: &Who,
) -> Result<bool, Refusal> {
    let blob = db::blob::Kept {
        digest,
        size_bytes: bytes.len() as u64,
    };
    for _ in 0..PUT_ATTEMPTS {
        let now_ms = state.now_ms();
        // Its release may come only now: until then it is as new.
        let renew = state.db.write_as(who.access, now_ms, move |write| {
            Box::pin(async move { db::blob::renew(write, &digest, now_ms).await })
        });
        let mends = renew.await?;
        if mends && state.blobs.is_whole(blob).await {
            return Ok(false);
        }
        state.blobs.put(&digest, bytes.clone()).await?;
        let (who, blobs) = (who.clone(), state.blobs.clone());
        let kept = state
            .db
            .write_as(who.access, now_ms, move |write| {
                row(write, blobs, blob, (who, mends), now_ms)
            })
            .await?;
        if let Some(new) = kept {
            return Ok(new);
        }
    }
    Err(Refusal::broken(format!(
        "blob {digest} was removed as often as it was kept"
    )))
}

/// The row of bytes that are there; whether it is new. `None` where a collection has removed the
/// bytes since they were put: it does so in the writer too, so that they are there from now on.
/// `mends` where a row was there and its bytes were not.
fn row(
    write: &mut Write,
    blobs: Blobs,
    blob: db::blob::Kept,
    (who, mends): (Who, bool),
    now_ms: u64,
) -> Work<'_, Option<bool>, Refusal> {
    Box::pin(async move {
        let entry = |what| {
            let mut entry = who.entry(now_ms, what, blob.digest.to_string());
            entry.after = Some(json!({ "size_bytes": blob.size_bytes }));
            entry
        };
        if db::blob::renew(write, &blob.digest, now_ms).await? {
            if mends {
                db::audit::add(write, &entry("blob.mend")).await?;
            }
            return Ok(Some(false));
        }
        if blobs.size_bytes(&blob.digest).await? != Some(blob.size_bytes) {
            return Ok(None);
        }
        db::blob::insert(write, blob, now_ms).await?;
        db::audit::add(write, &entry("blob.put")).await?;
        Ok(Some(true))
    })
}
