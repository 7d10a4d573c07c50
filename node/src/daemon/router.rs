//! The whole surface of the daemon as one table, grouped by who calls.
//! Called once a connection that the door let in.
//! Must never hold logic: each route's file does.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};

use super::{
    State, events, guard, health, instances, legacy_2022, legacy_2023, legacy_stop, maps, metrics,
    refusal, registry, steps,
};

/// The routes for one caller.
pub(super) fn router(state: State) -> Router {
    Router::new()
        // The predecessor's clients of 2022.
        .route("/start", post(legacy_2022::start))
        .route("/list", get(legacy_2022::list))
        // The predecessor's clients of 2022 and of 2023.
        .route("/stop", post(legacy_stop::stop))
        // The predecessor's clients of 2023.
        .route("/task", get(legacy_2023::list).post(legacy_2023::start))
        .route("/log", post(legacy_2023::log))
        .route("/pause", post(legacy_2023::pause))
        .route("/resume", post(legacy_2023::resume))
        // The node's own command line, `packer push`, scripts.
        .route(
            "/api/v1/instances",
            get(instances::list).post(instances::post),
        )
        .route(
            "/api/v1/instances/{name}",
            get(instances::get)
                .put(instances::put)
                .delete(instances::delete),
        )
        .route("/api/v1/instances/{name}/pause", post(instances::pause))
        .route("/api/v1/instances/{name}/resume", post(instances::resume))
        .route("/api/v1/instances/{name}/proofs", get(instances::proofs))
        .route("/api/v1/instances/{name}/history", get(steps::history))
        .route("/api/v1/instances/{name}/rollback", post(steps::roll_back))
        .route(
            "/api/v1/instances/{name}/staged",
            put(steps::stage).delete(steps::unstage),
        )
        .route("/api/v1/instances/{name}/flip", post(steps::flip))
        .route("/api/v1/instances/{name}/events", get(events::stream))
        .route(
            "/api/v1/instances/{name}/iterators/{program}",
            get(instances::iterate),
        )
        .route("/api/v1/instances/{name}/maps", get(maps::list))
        .route("/api/v1/instances/{name}/maps/{map}", get(maps::get))
        .route("/api/v1/registry", get(registry::following))
        // Monitoring.
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::health))
        .fallback(refusal::no_route)
        .method_not_allowed_fallback(refusal::no_method)
        // Every body is read by `body`, with its own bound and a deadline.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state.caller, guard::guard))
        .with_state(state)
}
