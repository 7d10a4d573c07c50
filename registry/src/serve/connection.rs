//! One accepted connection, with or without TLS, until it ends or the registry stops.
//! Begun by the server for each connection.
//! Must never hold its place longer than its deadlines let it.

use std::future::pending;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::limits::{
    FIRST_REQUEST_TIMEOUT, HANDSHAKE_TIMEOUT, HEADER_BYTES_MAX, HEADER_TIMEOUT, HEADERS_MAX,
    WRITE_TIMEOUT,
};
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
    /// Its place among all connections and among those of its address, free again when this is
    /// dropped.
    pub(super) _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Serving {
    /// Serves the connection in a task of its own.
    pub(super) fn begin(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // An answer is written whole; waiting for more of it only delays it. A connection that is
        // gone says so when it is read.
        let _ = stream.set_nodelay(true);
        let stream = progressing(stream);
        tokio::spawn(async move {
            match tls {
                None => self.serve(stream).await,
                // In a box: else the task of each connection would have room for one with TLS.
                Some(tls) => Box::pin(self.serve_tls(stream, tls)).await,
            }
        });
    }

    async fn serve_tls<S>(self, stream: S, tls: TlsAcceptor)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Who does not speak TLS is not told why: it would not understand.
        if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            self.serve(stream).await;
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self {
            routes,
            peer,
            mut stopping,
            _places: places,
        } = self;
        let asked = Arc::new(AtomicBool::new(false));
        let unasked = unasked(Arc::clone(&asked));
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            routes.call(request)
        });
        let connection = http().serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            // The caller broke it off, or sent what is not HTTP and has been told so.
            _ = connection.as_mut() => return,
            // It holds a place and wants nothing.
            () = unasked => return,
            _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
        drop(places);
    }
}

/// Done when there was no request for as long as the first one may take.
async fn unasked(asked: Arc<AtomicBool>) {
    sleep(FIRST_REQUEST_TIMEOUT).await;
    if asked.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
}

/// A stream whose writes fail once its reader takes nothing for too long.
fn progressing<S: AsyncRead + AsyncWrite>(stream: S) -> Pin<Box<TimeoutStream<S>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_ends_when_its_reader_takes_nothing() {
        let (near, _far) = duplex(8);
        let mut near = progressing(near);
        near.write_all(&[0; 8]).await.unwrap();
        let started = Instant::now();
        let error = near.write_all(&[0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(started.elapsed() >= WRITE_TIMEOUT && started.elapsed() < WRITE_TIMEOUT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_goes_on_while_its_reader_takes_something() {
        let (near, mut far) = duplex(8);
        let mut near = progressing(near);
        let written = tokio::spawn(async move { near.write_all(&[0; 80]).await });
        for _ in 0..10 {
            sleep(WRITE_TIMEOUT / 2).await;
            far.read_exact(&mut [0; 8]).await.unwrap();
        }
        written.await.unwrap().unwrap();
    }
}
