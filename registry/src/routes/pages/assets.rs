//! The files of `web/static`, in the binary. Called by browsers, before they have logged in.
//! Must never hold anything of this registry's.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use payload::digest::Digest;

const STYLE: &[u8] = include_bytes!("../../../../web/static/page.css");
const SCRIPT: &[u8] = include_bytes!("../../../../web/static/page.js");
const ICON: &[u8] = include_bytes!("../../../../web/static/icon.svg");

/// The style of all pages.
pub(super) async fn style(headers: HeaderMap) -> Response {
    file(&headers, "text/css; charset=utf-8", STYLE)
}

/// What keeps a page live.
pub(super) async fn script(headers: HeaderMap) -> Response {
    file(&headers, "text/javascript; charset=utf-8", SCRIPT)
}

/// The icon.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    file(&headers, "image/svg+xml", ICON)
}

/// A browser asks each time and gets the bytes when they are others.
fn file(headers: &HeaderMap, media_type: &'static str, bytes: &'static [u8]) -> Response {
    let etag = format!("\"{}\"", Digest::of(bytes));
    let asked = [(CACHE_CONTROL, "no-cache")];
    if headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, asked, [(ETAG, etag)]).into_response();
    }
    (asked, [(ETAG, etag)], [(CONTENT_TYPE, media_type)], bytes).into_response()
}
