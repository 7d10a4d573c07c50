//! `GET /healthz`, `GET /readyz`: that the registry answers, and that it can work.
//! Called by monitoring, without a token.
//! Must never tell more than that.

use api::registry::Health;
use axum::Json;
use axum::extract::State as Shared;

use super::refusal::Refusal;
use crate::db;
use crate::state::State;

/// Answers at once.
pub(crate) async fn alive() -> Json<Health> {
    Json(health())
}

/// Answers once the database does.
pub(crate) async fn ready(Shared(state): Shared<State>) -> Result<Json<Health>, Refusal> {
    let mut reader = state.db.reader().await?;
    db::token::any_admin(&mut reader, state.now_ms()).await?;
    Ok(Json(health()))
}

fn health() -> Health {
    Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
