//! Server-sent events (WHATWG HTML, section 9.2) as the body of an answer: what a source tells, and
//! comments in between. Used by the doorbell and by the live page.
//! Must never hold more than one event for a slow reader, nor hold up the registry's end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::{Bytes, Frame};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::limits::STREAM_ALIVE;
use crate::state::State;

/// A comment, so that the reader knows that the connection lives.
const ALIVE: &[u8] = b":\n\n";

/// Where events come from.
pub(super) trait Source: Send + 'static {
    /// The next event as it is written; `None` when there will be no more. Dropping the future
    /// loses no event.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;
}

/// The answer that tells what `source` does, until it ends, its reader goes or the registry stops.
pub(super) fn stream(source: impl Source, state: &State) -> Response {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(source, sender, state.stopping.clone()));
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // Proxies that know it pass each event on at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::new(Chunks(receiver))).into_response()
}

async fn feed(
    mut source: impl Source,
    sender: mpsc::Sender<Bytes>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let chunk = tokio::select! {
            () = sender.closed() => return,
            // Fails when the sender is gone, and with it the registry.
            _ = stopping.wait_for(|stops| *stops) => return,
            told = timeout(STREAM_ALIVE, source.next()) => match told {
                Ok(Some(event)) => Bytes::from(event),
                Ok(None) => return,
                Err(_) => Bytes::from_static(ALIVE),
            },
        };
        tokio::select! {
            sent = sender.send(chunk) => if sent.is_err() { return },
            _ = stopping.wait_for(|stops| *stops) => return,
        }
    }
}

/// A body made of what arrives in a channel.
struct Chunks(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.0.poll_recv(context);
        chunk.map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}
