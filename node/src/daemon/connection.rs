//! One accepted connection: judged by the door, then served or told no.
//! Called by the listeners for each connection.
//! Must never read a byte before the door has judged.

use std::time::Instant;

use axum::response::IntoResponse;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::limits::{
    HEADER_BYTES_MAX, HEADER_TIMEOUT, HEADERS_MAX, REFUSAL_BYTES_MAX, REFUSAL_TIMEOUT,
};
use super::refusal::Refusal;
use super::router::router;
use super::{Parts, Places, State};
use crate::door::{Caller, Closed, Door};

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// What the door says about it.
    ///
    /// # Errors
    /// It may not come in.
    fn judged_by(&self, door: &Door) -> Result<Caller, Closed>;
}

impl Stream for TcpStream {
    fn judged_by(&self, door: &Door) -> Result<Caller, Closed> {
        door.admit_tcp(self)
    }
}

impl Stream for UnixStream {
    fn judged_by(&self, door: &Door) -> Result<Caller, Closed> {
        door.admit_unix(self)
    }
}

/// Judges a connection and begins to serve it, if there is a place for it.
pub(super) fn begin<S: Stream>(stream: S, door: &Door, parts: &Parts, places: &Places) {
    match stream.judged_by(door) {
        Ok(caller) => {
            // Without a place the connection is closed: the kernel's queue holds the next ones.
            if let Some(place) = places.connection() {
                let parts = parts.clone();
                tokio::spawn(serve(stream, State { parts, caller }, place));
            }
        }
        Err(closed) => {
            parts.journal.closed(&closed, Instant::now());
            if let Some(place) = places.refusal() {
                tokio::spawn(refuse(stream, closed, place));
            }
        }
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        // A client that has shut down its sending side still waits for the answer.
        .half_close(true);
    http
}

async fn serve<S: Stream>(stream: S, state: State, _place: OwnedSemaphorePermit) {
    let mut stopping = state.parts.stopping.clone();
    let service = TowerToHyperService::new(router(state));
    let connection = http().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // The caller broke it off, or sent what is not HTTP and has been told so.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Answers one request with the door's reason. What the caller sends is read a little and thrown
/// away: closing a socket with unread bytes resets it, and the answer would be lost.
async fn refuse<S: Stream>(stream: S, closed: Closed, _place: OwnedSemaphorePermit) {
    let answer = |request: hyper::Request<Incoming>| {
        let response = Refusal::from(&closed).into_response();
        async move {
            let _ = Limited::new(request.into_body(), REFUSAL_BYTES_MAX)
                .collect()
                .await;
            Ok::<_, std::convert::Infallible>(response)
        }
    };
    let mut http = http();
    http.keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), service_fn(answer));
    let _ = timeout(REFUSAL_TIMEOUT, connection).await;
}
