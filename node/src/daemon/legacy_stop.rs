//! `POST /stop`, which both old protocols have, with the same body and different answers.
//! Called by the predecessor's clients.
//! Must never answer one age's client in the other's form: the request's media type tells them
//! apart. The client of 2022 sent `text/plain` (or none), the one of 2023 `application/json`.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::State;
use super::body;
use super::legacy_2022::Flat;
use super::legacy_2023::Message;

#[derive(Debug, Deserialize)]
struct Stop {
    id: u64,
}

/// Stops the instance with this id.
pub(super) async fn stop(Shared(state): Shared<State>, headers: HeaderMap, body: Body) -> Response {
    let is_2023 = sends_json(&headers);
    let stop: Stop = match body::control(&headers, body).await {
        Ok(stop) => stop,
        Err(refusal) => return refusal.into_response(),
    };
    let stopped = match state.parts.engine.name_of(stop.id) {
        Some(name) => match state.stop(&name) {
            Ok(()) => true,
            Err(refusal) if refusal.is_conflict() => return refusal.into_response(),
            Err(_) => false,
        },
        None => false,
    };
    match (stopped, is_2023) {
        (true, true) => Json(serde_json::Map::new()).into_response(),
        (true, false) => Flat(("status", "ok")).into_response(),
        (false, true) => Message::no_task(stop.id).into_response(),
        // The reference server answered so, and its clients look at the status only.
        (false, false) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn sends_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_media_type_tells_the_clients_apart() {
        for (value, is_2023) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonx", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(sends_json(&headers), is_2023, "{value}");
        }
        assert!(
            !sends_json(&HeaderMap::new()),
            "the client of 2022 may send none"
        );
    }
}
