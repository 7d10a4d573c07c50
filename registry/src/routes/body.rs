//! Reads JSON bodies: of the right type, bounded, with a deadline.
//! Called by the routes that take one.
//! Must never collect more than the bound, nor wait longer than the deadline.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::limits::JSON_TIMEOUT;

/// Reads a JSON document of at most so many bytes.
///
/// # Errors
/// 415 for another media type, 413, 408, 400 with the field that does not fit.
pub(crate) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<T, Refusal> {
    parse(&read_json(headers, body, bytes_max).await?)
}

/// The bytes of a JSON document, at most so many.
///
/// # Errors
/// As [`json`], but for the fields.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Refusal> {
    refuse_type(headers)?;
    refuse_declared(headers, bytes_max)?;
    read(body, bytes_max).await
}

/// A JSON document as `T`.
///
/// # Errors
/// 400 with the path of the field that is wrong, missing, or there twice.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // To know where one is costs more than to read: that is for documents that don't fit.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refusal::malformed(error.path().to_string(), error.inner().to_string()))?;
    reader
        .end()
        .map_err(|error| Refusal::malformed(".", error.to_string()))?;
    Ok(value)
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    match timeout(JSON_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long(bytes_max, None)),
        Ok(Err(error)) => Err(cut_off(&error.to_string())),
        Err(_) => Err(too_slow(JSON_TIMEOUT.as_secs())),
    }
}

/// A browser sends any other type across origins without asking first.
fn refuse_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let found = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = found.map(|value| value.split(|byte| *byte == b';').next().unwrap_or_default());
    let json = essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
    });
    if json {
        return Ok(());
    }
    let found = String::from_utf8_lossy(found.unwrap_or(b"absent")).into_owned();
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media-type",
        format!("Content-Type is {found}; this route reads application/json"),
    ))
}

/// Says no before the first byte when the sender itself says that it is too much.
///
/// # Errors
/// 413.
pub(crate) fn refuse_declared(headers: &HeaderMap, bytes_max: usize) -> Result<(), Refusal> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    match declared {
        Some(bytes) if bytes > bytes_max => Err(too_long(bytes_max, Some(bytes))),
        _ => Ok(()),
    }
}

/// 413.
pub(crate) fn too_long(bytes_max: usize, declared: Option<usize>) -> Refusal {
    let found = declared.map_or_else(|| "longer".to_owned(), |bytes| format!("{bytes} bytes"));
    let detail = format!("the body is {found}; this route reads at most {bytes_max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", detail)
}

/// 400: the sender broke off.
pub(crate) fn cut_off(reason: &str) -> Refusal {
    let detail = format!("the body ended before it was complete: {reason}");
    Refusal::malformed(".", detail)
}

/// 408.
pub(crate) fn too_slow(seconds: u64) -> Refusal {
    let detail = format!("the body was not complete after {seconds} s");
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}
