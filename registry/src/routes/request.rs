//! What every request goes through: it gets an id, its refusal a body, its answer the headers that
//! keep browsers from guessing; and what changes something is done to its end.
//! Called by the router around every route.
//! Must never let a change half done because its caller hung up.

use std::net::{IpAddr, Ipv4Addr};

use api::problem::MEDIA_TYPE;
use axum::extract::{Request, State as Shared};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::serve::Peer;
use crate::state::State;

/// The header that tells the id.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the extractors know of a request.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Its id.
    pub(crate) id: String,
    /// Whom it comes from.
    pub(crate) address: IpAddr,
}

impl Context {
    /// Of a request that went through [`named`].
    pub(crate) fn of(extensions: &axum::http::Extensions) -> Self {
        extensions.get().cloned().unwrap_or(Self {
            id: String::new(),
            address: Ipv4Addr::UNSPECIFIED.into(),
        })
    }
}

/// Names the request, and its refusal.
pub(crate) async fn named(
    Shared(state): Shared<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = state.next_request();
    let address = request.extensions().get::<Peer>().map(|peer| peer.0);
    request.extensions_mut().insert(Context {
        id: id.clone(),
        address: address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
    });
    let mut response = match has_host(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        if let Some(cause) = refusal.cause() {
            state.output.journal(&format!("request {id}: {cause}"));
        }
        // Strings and a number always have a JSON form.
        let problem = serde_json::to_vec(&refusal.into_problem(&id)).unwrap_or_default();
        let (parts, _) = response.into_parts();
        response = Response::from_parts(parts, problem.into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    }
    let headers = response.headers_mut();
    // Hexadecimal digits and a dash.
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let uncached = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(uncached);
    response
}

/// A request of HTTP/1.1 names its host, once (RFC 9112, section 3.2).
fn has_host(request: &Request) -> Result<(), Refusal> {
    let found = request.headers().get_all(HOST).iter().count();
    if found == 1 || (found == 0 && request.version() < Version::HTTP_11) {
        return Ok(());
    }
    let detail = format!("{found} headers `Host`, a request has one");
    Err(Refusal::malformed("host", detail))
}

/// Lets a request that may change something go on when its caller hangs up: hyper drops the future
/// of such a request, wherever it stands.
pub(crate) async fn to_its_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let done = tokio::spawn(next.run(request)).await;
    done.unwrap_or_else(|error| Refusal::broken(error.to_string()).into_response())
}
