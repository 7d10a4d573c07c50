//! The pages: log-in, overview, and one of each thing that there is, with what keeps them live; what
//! their buttons do. Called by browsers.
//! Must never answer a page to who has not logged in, nor believe a form from another origin.

mod access;
mod assets;
mod audit;
mod deployments;
mod events;
mod fleet;
mod form;
mod login;
mod node;
mod nodes;
mod onward;
mod origin;
mod payload;
mod payloads;
mod rollouts;
mod version;
mod viewer;

use askama::Template;
use axum::extract::{Request, State as Shared};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{Router, get, post};
use tokio::sync::watch;
use tokio::time::sleep;

use super::refusal::Refusal;
use super::sse::{self, Places, Source};
use crate::limits::LIVE_REST;
use crate::page::Refused;
use crate::state::State;
use viewer::LiveViewer;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The routes of the pages.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/", get(fleet::page))
        .route("/payloads", get(payloads::page))
        .route("/payloads/{namespace}/{name}", get(payload::page))
        .route(
            "/payloads/{namespace}/{name}/channels/{channel}/remove",
            post(payload::remove_channel).get(payload::back),
        )
        .merge(version::routes())
        .route("/nodes", get(nodes::page))
        .route("/nodes/{node}", get(node::page))
        .route("/nodes/{node}/pin", post(node::pin).get(node::back))
        .route("/nodes/{node}/unpin", post(node::unpin).get(node::back))
        .route("/nodes/{node}/forget", post(node::forget).get(node::back))
        .route("/nodes/{node}/events/{instance}", get(events::page))
        .route(
            "/nodes/{node}/events/{instance}/stream",
            get(events::stream),
        )
        .merge(deployments::routes())
        .merge(rollouts::routes())
        .route("/audit", get(audit::page))
        .route("/audit.json", get(audit::export))
        .merge(access::routes())
        .route("/live", get(live))
        .route("/login", get(login::page).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/static/{file}", get(assets::file))
        .layer(from_fn(guarded))
}

/// A page, or why there is none.
fn html(page: &impl Template) -> Result<Response, Refusal> {
    let text = page.render();
    let text = text.map_err(|error| Refusal::broken(format!("writing a page: {error}")))?;
    Ok(Html(text).into_response())
}

/// Adds what browsers hold a page to, and says no as a page to those who read pages.
pub(crate) async fn guarded(request: Request, next: Next) -> Response {
    let reads_pages = request.headers().get("accept").is_some_and(|accept| {
        let accept = accept.to_str().unwrap_or_default();
        accept.contains("text/html")
    });
    let mut response = next.run(request).await;
    if reads_pages
        && let Some(refusal) = response.extensions().get::<Refusal>()
        && refusal.cause().is_none()
    {
        response = refused(&response, refusal);
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // With `no-referrer` a browser would hide the origin of its own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let isolated = HeaderValue::from_static("same-origin");
    let of_others = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(of_others, isolated.clone());
    let by_others = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(by_others, isolated);
    response
}

fn refused(response: &Response, refusal: &Refusal) -> Response {
    let status = response.status();
    let detail = refusal.detail().to_owned();
    let title = status.canonical_reason().unwrap_or("Refused");
    let detail = &detail;
    match html(&Refused { title, detail }) {
        Ok(page) => {
            let mut answer = (status, page).into_response();
            let kept = response.headers().iter();
            let kept = kept.filter(|(name, _)| !name.as_str().starts_with("content-"));
            answer
                .headers_mut()
                .extend(kept.map(|(name, value)| (name.clone(), value.clone())));
            answer
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Tells an open page that it shows something old.
async fn live(viewer: LiveViewer, Shared(state): Shared<State>) -> Result<Response, Refusal> {
    let places = Places::take(&state, viewer.access)?;
    let changes = Changes {
        fleet: state.fleet.changes(),
        commits: state.db.revisions().commits(),
        pending: false,
        viewer,
        state: state.clone(),
        _places: places,
    };
    Ok(sse::stream(changes, &state))
}

/// What makes a page old: another fleet, or anything else that was written.
struct Changes {
    fleet: watch::Receiver<u64>,
    commits: watch::Receiver<u64>,
    /// Something changed that was not told yet.
    pending: bool,
    viewer: LiveViewer,
    state: State,
    _places: Places,
}

impl Source for Changes {
    async fn next(&mut self) -> Option<String> {
        if !self.pending {
            let changed = tokio::select! {
                changed = self.fleet.changed() => changed,
                changed = self.commits.changed() => changed,
            };
            changed.ok()?;
            self.pending = true;
        }
        // Changes come in bursts; a page is read by a person.
        sleep(LIVE_REST).await;
        // To lose either is a change too.
        if !self.viewer.may_look(&self.state).await {
            return None;
        }
        self.fleet.borrow_and_update();
        self.commits.borrow_and_update();
        self.pending = false;
        Some("event: changed\ndata: {}\n\n".to_owned())
    }
}
