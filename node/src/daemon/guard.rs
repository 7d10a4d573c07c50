//! Looks at the headers of every request before its route is known.
//! Called by the router for each request.
//! Must never read the body.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::door::{self, Caller};

/// Serves the request if nothing betrays a web page.
pub(super) async fn guard(State(caller): State<Caller>, request: Request, next: Next) -> Response {
    let checked = door::check_headers(
        caller.via,
        request.version(),
        request.uri(),
        request.headers(),
    );
    match checked {
        Ok(()) => next.run(request).await,
        Err(foreign) => Refusal::from(foreign).into_response(),
    }
}
