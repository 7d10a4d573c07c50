//! Reads the body of a request: bounded, with a deadline, and only so many large ones at a time.
//! Called by the routes that take a body.
//! Must never hold an upload in memory for which there is no place.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::limits::{BODY_TIMEOUT, CONTROL_BYTES_MAX, UPLOAD_BYTES_MAX, UPLOAD_WAIT, UPLOADS_MAX};
use super::refusal::Refusal;

/// The places for uploads.
#[derive(Debug, Clone)]
pub(super) struct Uploads(Arc<Semaphore>);

impl Uploads {
    /// All places free.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(UPLOADS_MAX)))
    }
}

/// A body that may hold a payload, and its place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    /// The bytes.
    pub(super) bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

/// Reads a body that may hold a payload.
///
/// # Errors
/// No place in time (503), too long (413), too slow (408), or cut off (400).
pub(super) async fn upload(
    uploads: &Uploads,
    headers: &HeaderMap,
    body: Body,
) -> Result<Upload, Refusal> {
    refuse_declared(headers, UPLOAD_BYTES_MAX)?;
    let place = timeout(UPLOAD_WAIT, Arc::clone(&uploads.0).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        let detail = format!("{UPLOADS_MAX} uploads are under way, the most at a time; try again");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    };
    let bytes = read(body, UPLOAD_BYTES_MAX).await?;
    Ok(Upload {
        bytes,
        _place: place,
    })
}

/// Reads a small JSON document whatever media type it claims to have.
///
/// # Errors
/// As [`upload`]; 422 with the field when it is not such a document.
pub(super) async fn control<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    refuse_declared(headers, CONTROL_BYTES_MAX)?;
    json(&read(body, CONTROL_BYTES_MAX).await?)
}

/// A JSON document as `T`.
///
/// # Errors
/// 422 with the path of the field that is wrong, missing, or there twice.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refusal::field(error.path().to_string(), error.inner().to_string()))?;
    reader
        .end()
        .map_err(|error| Refusal::field(".", error.to_string()))?;
    Ok(value)
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    let collected = timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long(bytes_max, None)),
        Ok(Err(error)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the body ended before it was complete: {error}"),
        )),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body was not complete after {} s",
                BODY_TIMEOUT.as_secs()
            ),
        )),
    }
}

/// Says no before the first byte when the sender itself says that it is too much.
fn refuse_declared(headers: &HeaderMap, bytes_max: usize) -> Result<(), Refusal> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    match declared {
        Some(bytes) if bytes > bytes_max => Err(too_long(bytes_max, Some(bytes))),
        _ => Ok(()),
    }
}

fn too_long(bytes_max: usize, declared: Option<usize>) -> Refusal {
    let found = declared.map_or_else(|| "longer".to_owned(), |bytes| format!("{bytes} bytes"));
    let detail = format!("the body is {found}; this route reads at most {bytes_max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;
    use crate::daemon::chunks::Chunks;

    #[derive(Debug, Deserialize)]
    struct Asked {
        id: u64,
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, field, word) in [
            (r#"{"id":"4"}"#, "id", "string"),
            (r#"{"id":-1}"#, "id", "-1"),
            (r"{}", ".", "id"),
            (r#"{"id":1,"id":2}"#, ".", "duplicate"),
            (r#"{"id":1} x"#, ".", "trailing"),
            ("", ".", "EOF"),
        ] {
            let problem = json::<Asked>(text.as_bytes()).unwrap_err().into_problem();
            assert_eq!(problem.status, 422, "{text}");
            assert_eq!(problem.field.as_deref(), Some(field), "{text}");
            assert!(problem.detail.contains(word), "{text}: {}", problem.detail);
        }
        assert_eq!(json::<Asked>(br#"{"id":4}"#).unwrap().id, 4);
    }

    #[tokio::test]
    async fn a_body_beyond_the_bound_is_not_collected() {
        let body = Body::from(vec![0; 11]);
        assert_eq!(read(body, 10).await.unwrap_err().into_problem().status, 413);
        assert_eq!(read(Body::from(vec![0; 10]), 10).await.unwrap().len(), 10);
    }

    #[tokio::test]
    async fn a_declared_length_beyond_the_bound_is_refused_before_reading() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (UPLOAD_BYTES_MAX + 1).into());
        let refused = upload(&Uploads::new(), &headers, Body::empty())
            .await
            .unwrap_err();
        assert_eq!(refused.into_problem().status, 413);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_meets_its_deadline() {
        let (_open, never) = mpsc::channel::<Bytes>(1);
        let started = Instant::now();
        let refused = read(Body::new(Chunks(never)), 10).await.unwrap_err();
        assert_eq!(refused.into_problem().status, 408);
        assert_eq!(started.elapsed(), BODY_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_beyond_the_places_waits_and_is_then_refused() {
        let uploads = Uploads::new();
        let mut held = Vec::new();
        for _ in 0..UPLOADS_MAX {
            held.push(
                upload(&uploads, &HeaderMap::new(), Body::empty())
                    .await
                    .unwrap(),
            );
        }
        let refused = upload(&uploads, &HeaderMap::new(), Body::empty())
            .await
            .unwrap_err();
        assert_eq!(refused.into_problem().status, 503);
        held.pop();
        assert!(
            upload(&uploads, &HeaderMap::new(), Body::empty())
                .await
                .is_ok()
        );
    }
}
