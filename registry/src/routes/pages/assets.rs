//! The files of `web/static` and `web/vendor`, in the binary. Called by browsers, before they have
//! logged in.
//! Must never hold anything of this registry's.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use payload::digest::Digest;

use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// A file of the folder `web`.
macro_rules! web {
    ($path:literal) => {
        include_bytes!(concat!("../../../../web/", $path))
    };
}

/// Each file by its name, with its media type.
const FILES: &[(&str, &str, &[u8])] = &[
    ("fleet.css", CSS, web!("static/fleet.css")),
    ("page.css", CSS, web!("static/page.css")),
    ("catalogue.css", CSS, web!("static/catalogue.css")),
    ("rollouts.css", CSS, web!("static/rollouts.css")),
    ("events.js", JS, web!("static/events.js")),
    ("page.js", JS, web!("static/page.js")),
    ("htmx.min.js", JS, web!("vendor/htmx.min.js")),
    ("icon.svg", "image/svg+xml", web!("static/icon.svg")),
];

/// A file. A browser asks each time and gets the bytes when they are others.
pub(super) async fn file(
    Segments(name): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let Some((_, media_type, bytes)) = found else {
        return Err(Refusal::not_found("there is no such file".to_owned()));
    };
    let etag = format!("\"{}\"", Digest::of(bytes));
    let asked = [(CACHE_CONTROL, "no-cache")];
    if headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        return Ok((StatusCode::NOT_MODIFIED, asked, [(ETAG, etag)]).into_response());
    }
    let typed = [(CONTENT_TYPE, *media_type)];
    Ok((asked, [(ETAG, etag)], typed, *bytes).into_response())
}
