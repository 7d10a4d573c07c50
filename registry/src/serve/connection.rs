//! One accepted connection, with or without TLS, until it ends or the registry stops.
//! Begun by the server for each connection.
//! Must never hold its place longer than its deadlines let it.

use std::net::IpAddr;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::limits::{HANDSHAKE_TIMEOUT, HEADER_BYTES_MAX, HEADER_TIMEOUT, HEADERS_MAX};
use crate::router::Routes;

/// The address of the other end, as an extension of each of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What a connection is served with.
pub(super) struct Serving {
    /// The routes.
    pub(super) routes: Routes,
    /// Who is at the other end.
    pub(super) peer: Peer,
    /// Turns true when the registry stops.
    pub(super) stopping: watch::Receiver<bool>,
    /// Its place among the connections, free again when this is dropped.
    pub(super) _place: OwnedSemaphorePermit,
}

impl Serving {
    /// Serves the connection in a task of its own.
    pub(super) fn begin(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // An answer is written whole; waiting for more of it only delays it. A connection that is
        // gone says so when it is read.
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return self.serve(stream).await;
            };
            // Who does not speak TLS is not told why: it would not understand.
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                self.serve(stream).await;
            }
        });
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self {
            routes,
            peer,
            mut stopping,
            _place: place,
        } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            routes.call(request)
        });
        let connection = http().serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            // The caller broke it off, or sent what is not HTTP and has been told so.
            _ = connection.as_mut() => return,
            _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
        drop(place);
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
