//! `GET /api/v1/instances/{name}/events`: server-sent events (WHATWG HTML, section 9.2).
//! Called by `node events`, by `packer`, by `curl`.
//! Must never hold more than one page for a slow reader: it gets a `lost` mark instead.

use std::sync::Arc;

use api::node::Lost;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use super::State;
use super::chunks::Chunks;
use super::instances::named;
use super::limits::{STREAM_ALIVE, STREAM_LINES_MAX, SUBSCRIBERS_MAX};
use super::refusal::Refusal;
use crate::engine::NoInstance;
use crate::sink::hub::{Hub, Page};

/// The last event of a stream: the instance was stopped.
const STOPPED: &[u8] = b"event: stopped\ndata: {}\n\n";
/// A comment, so that the reader knows that the connection lives.
const ALIVE: &[u8] = b":\n\n";

/// Where to begin; the header `Last-Event-ID` says the same and goes first.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    cursor: Option<String>,
}

/// Where a stream begins.
enum Start {
    At(u64),
    Now,
    Oldest,
}

/// Streams an instance's events from a cursor on, or from the oldest that is still there.
pub(super) async fn stream(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    query: Result<Query<From>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let name = named(&name)?;
    let Query(from) = query.map_err(|error| Refusal::field("cursor", error.body_text()))?;
    let last = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap_or_default());
    let start = match (last, from.cursor.as_deref()) {
        (Some(last), _) => Start::At(number("Last-Event-ID", last)?),
        (None, Some("now")) => Start::Now,
        (None, Some(cursor)) => Start::At(number("cursor", cursor)?),
        (None, None) => Start::Oldest,
    };
    let hub = state
        .parts
        .engine
        .hub(&name)
        .ok_or_else(|| NoInstance(name.to_string()))?;
    let cursor = match start {
        Start::At(cursor) => Some(cursor),
        Start::Now => Some(hub.end()),
        Start::Oldest => None,
    };
    let place = Arc::clone(&state.parts.subscribers)
        .try_acquire_owned()
        .map_err(|_| {
            let detail = format!("{SUBSCRIBERS_MAX} event streams are open, the most at a time");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })?;
    let (sender, receiver) = mpsc::channel(1);
    let stopping = state.parts.stopping.clone();
    tokio::spawn(feed(hub, cursor, sender, stopping, place));
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(Chunks(receiver))).into_response())
}

fn number(field: &str, text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| {
        Refusal::field(
            field,
            format!("{field} is {text:?}; it is the id of an event, a number"),
        )
    })
}

/// Writes pages until the reader goes away or the instance stops.
async fn feed(
    hub: Arc<Hub>,
    cursor: Option<u64>,
    sender: mpsc::Sender<Bytes>,
    mut stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let mut cursor = cursor;
    loop {
        let page = hub.read(cursor, STREAM_LINES_MAX);
        cursor = Some(page.next);
        let chunk = if !page.lines.is_empty() || page.lost > 0 {
            Bytes::from(render(&page))
        } else {
            tokio::select! {
                () = sender.closed() => return,
                // An open stream would hold up the end of the daemon.
                () = until(&mut stopping) => return,
                waited = timeout(STREAM_ALIVE, hub.wait(page.next)) => match waited {
                    Ok(true) => continue,
                    Ok(false) => {
                        // Whether the reader is still there does not matter any more.
                        let _ = sender.send(Bytes::from_static(STOPPED)).await;
                        return;
                    }
                    Err(_) => Bytes::from_static(ALIVE),
                },
            }
        };
        if sender.send(chunk).await.is_err() {
            return;
        }
    }
}

async fn until(stopping: &mut watch::Receiver<bool>) {
    // Fails when the sender is gone, and with it the daemon.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// A page as events. The id of each is the cursor to go on from.
fn render(page: &Page) -> String {
    use std::fmt::Write;

    let mut text = String::new();
    if page.lost > 0 {
        let at = page.lines.first().map_or(page.next, |line| line.seq);
        let lost = serde_json::to_string(&Lost { lost: page.lost }).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = write!(text, "id: {at}\nevent: lost\ndata: {lost}\n\n");
    }
    for line in &page.lines {
        let _ = write!(text, "id: {}\ndata: {}\n\n", line.seq + 1, line.text);
    }
    text
}
