//! `GET /healthz`: that the daemon answers, and how much it runs.
//! Called by monitoring and by the command line, to find out whether a daemon is there.
//! Must never wait for a verifier.

use api::node::Health;
use axum::Json;
use axum::extract::State as Shared;

use super::State;

/// Answers at once.
pub(super) async fn health(Shared(state): Shared<State>) -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instances: state.parts.engine.instances().len(),
    })
}
