//! Server-sent events (WHATWG HTML, section 9.2) as the body of an answer: what a source tells, and
//! comments in between. Used by the doorbell, by live pages and by live events.
//! Must never hold more than one event for a slow reader, nor hold up the registry's end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::db::Access;
use crate::limits::{STREAM_ALIVE, TOKEN_LIVE_PAGES_MAX};
use crate::state::State;

/// When to ask again while no place is free.
const PLACES_REST: Duration = Duration::from_mins(1);
/// A comment, so that the reader knows that the connection lives.
const ALIVE: &[u8] = b":\n\n";

/// Where events come from.
pub(super) trait Source: Send + 'static {
    /// The next event as it is written; `None` when there will be no more. Dropping the future
    /// loses no event.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;
}

/// The places that somebody who looks takes: one of all, and one of their token's.
pub(super) struct Places(
    #[expect(dead_code, reason = "free when dropped")] [OwnedSemaphorePermit; 2],
);

impl Places {
    /// Takes them.
    ///
    /// # Errors
    /// 503 where one is not free.
    pub(super) fn take(state: &State, access: Access) -> Result<Self, Refusal> {
        let full = |most: usize, whose: &str| {
            let detail =
                format!("{most} pages and events{whose} are kept live, the most at a time");
            Refusal::busy(detail, PLACES_REST)
        };
        let place = Arc::clone(&state.live_pages).try_acquire_owned();
        let place = place.map_err(|_| full(state.capacity.live_pages, ""))?;
        let share = state.live_pages_of.take(access);
        let share = share.ok_or_else(|| full(TOKEN_LIVE_PAGES_MAX, " of this token"))?;
        Ok(Self([place, share]))
    }
}

/// The answer that tells what `source` does, until it ends, its reader goes or the registry stops.
pub(super) fn stream(source: impl Source, state: &State) -> Response {
    // Asked for the next event when the one before is written: a task and a queue of its own would
    // cost each node that waits as much memory as all else that is known of it.
    let told = stream::unfold(
        (source, state.stopping.clone()),
        |(mut source, mut stopping)| async {
            let chunk = next(&mut source, &mut stopping).await?;
            Some((Ok::<_, Infallible>(chunk), (source, stopping)))
        },
    );
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // Proxies that know it pass each event on at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(told)).into_response()
}

async fn next(source: &mut impl Source, stopping: &mut watch::Receiver<bool>) -> Option<Bytes> {
    tokio::select! {
        // Fails when the sender is gone, and with it the registry.
        _ = stopping.wait_for(|stops| *stops) => None,
        told = timeout(STREAM_ALIVE, source.next()) => match told {
            Ok(event) => event.map(Bytes::from),
            Err(_) => Some(Bytes::from_static(ALIVE)),
        },
    }
}
