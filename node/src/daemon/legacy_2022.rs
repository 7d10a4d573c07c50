//! The predecessor's protocol of 2022: `POST /start` and `GET /list`, flat arrays as text.
//! Called by its clients, which parse exactly these arrays.
//! Must never answer `ok` before the program runs, as the predecessor did.

use api::node::Timing;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::State;
use super::body;
use super::refusal::Refusal;
use crate::intake::Asked;

/// An array, as the text that the clients of 2022 parse.
pub(super) struct Flat<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Flat<T> {
    fn into_response(self) -> Response {
        // Strings, numbers and arrays of them always have a JSON form.
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        ([(CONTENT_TYPE, "text/plain")], text).into_response()
    }
}

/// `POST /start`: legacy JSON of any generation, in the wrapper of 2022 or bare. Starts the
/// instance that it names, or hot-updates it; the id is the real one.
pub(super) async fn start(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Flat<(&'static str, &'static str, &'static str, u64)>, Refusal> {
    let upload = body::upload(&state.parts.uploads, &headers, body).await?;
    let applied = state.apply(Asked::default(), Timing::default(), &upload)?;
    Ok(Flat(("status", "ok", "id", applied.instance.id)))
}

/// `GET /list`: ids and names.
pub(super) async fn list(Shared(state): Shared<State>) -> Response {
    let list: Vec<(u64, String)> = state
        .instances_by_id()
        .into_iter()
        .map(|instance| (instance.id, instance.name))
        .collect();
    Flat(("status", "ok", "list", list)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_answers_are_the_arrays_that_the_clients_parse() {
        let list = vec![(1, "process"), (4, "hotupdate")];
        for (response, text) in [
            (
                Flat(("status", "ok", "id", 3)).into_response(),
                r#"["status","ok","id",3]"#,
            ),
            (Flat(("status", "ok")).into_response(), r#"["status","ok"]"#),
            (
                Flat(("status", "ok", "list", list)).into_response(),
                r#"["status","ok","list",[[1,"process"],[4,"hotupdate"]]]"#,
            ),
        ] {
            assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
            let body = http_body_util::BodyExt::collect(response.into_body())
                .await
                .unwrap();
            assert_eq!(body.to_bytes(), text);
        }
    }
}
