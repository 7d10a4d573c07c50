//! `GET /api/v1/registry`: how the node stands with the registry it follows.
//! Called by `node registry`.
//! Must never wait for the registry.

use api::node::Following;
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;

use super::State;
use super::refusal::Refusal;

/// Answers at once; 404 where the node follows none.
pub(super) async fn following(Shared(state): Shared<State>) -> Result<Json<Following>, Refusal> {
    let Some(fleet) = &state.parts.fleet else {
        let detail = "this node follows no registry: start its daemon with --registry, or name one in \
                      its configuration";
        return Err(Refusal::new(StatusCode::NOT_FOUND, detail));
    };
    Ok(Json(fleet.now().0))
}
