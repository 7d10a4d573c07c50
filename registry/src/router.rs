//! The whole surface of the registry as one table, grouped by what it is about; the same table
//! describes itself as `OpenAPI`. Called once by the server.
//! Must never hold logic: each route's file does.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler as _;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use hyper_util::service::TowerToHyperService;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::routes::rollouts::asked;
use crate::routes::{
    audit, blobs, channels, collection, deployments, description, enrol, floors, health, keys,
    legacy, live, metrics, node_calls, nodes, pages, payloads, pins, refusal, releases, request,
    rollouts, tokens, withdrawal,
};
use crate::state::State;

/// All routes, as the server calls them.
pub(crate) type Routes = TowerToHyperService<axum::Router>;

/// The routes under `/api/v1`, with what they take and answer.
fn described() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        // Payloads.
        .routes(routes!(blobs::get, blobs::put))
        .routes(routes!(payloads::list))
        .routes(routes!(payloads::get))
        .routes(routes!(releases::get, releases::put))
        .routes(routes!(releases::sign))
        .routes(routes!(withdrawal::yank))
        .routes(routes!(withdrawal::unyank))
        .routes(routes!(withdrawal::revoke))
        .routes(routes!(channels::put, channels::delete))
        .routes(routes!(floors::put))
        .routes(routes!(legacy::publish))
        .routes(routes!(collection::collect))
        // Access.
        .routes(routes!(tokens::whoami))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(keys::list))
        .routes(routes!(keys::put, keys::delete))
        .routes(routes!(audit::list))
        // The fleet.
        .routes(routes!(deployments::list))
        .routes(routes!(
            deployments::get,
            deployments::put,
            deployments::delete
        ))
        .routes(routes!(pins::list))
        .routes(routes!(pins::put, pins::delete))
        .routes(routes!(rollouts::list, rollouts::start))
        .routes(routes!(rollouts::dry_run))
        .routes(routes!(rollouts::get))
        .routes(routes!(rollouts::nodes))
        .routes(routes!(asked::pause))
        .routes(routes!(asked::resume))
        .routes(routes!(asked::promote))
        .routes(routes!(asked::abort))
        .routes(routes!(asked::roll_back))
        .routes(routes!(asked::events))
        .routes(routes!(enrol::enrol))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::get, nodes::delete))
        .routes(routes!(nodes::explain))
        .routes(routes!(live::view))
        // What nodes call themselves.
        .routes(routes!(node_calls::desired))
        .routes(routes!(node_calls::doorbell))
        .routes(routes!(node_calls::reports))
        .routes(routes!(live::pass))
}

/// Every route, answering with this state.
pub(crate) fn router(state: State) -> Routes {
    let table = OpenApiRouter::with_openapi(description::Description::openapi())
        .nest(api::registry::PREFIX, described());
    let (routes, openapi) = table.split_for_parts();
    let routes = routes
        .route("/api/v1/openapi.json", get(description::answer(&openapi)))
        // Monitoring.
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .merge(pages::routes())
        .fallback(refusal::no_route.layer(from_fn(pages::guarded)))
        .method_not_allowed_fallback(refusal::no_method.layer(from_fn(pages::guarded)))
        // Every body is read by `body`, with its own bound and a deadline.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(request::to_its_end))
        .layer(from_fn_with_state(state.clone(), request::named))
        .with_state(state);
    TowerToHyperService::new(routes)
}
