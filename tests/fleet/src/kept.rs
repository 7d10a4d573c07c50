//! A bounded number of kept connections that all simulated nodes share for their calls.
//! Called by the nodes. Must never open one more, nor read an answer without a bound.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Connections at a time: with one doorbell a node, as many as a registry serves of one address.
const CONNECTIONS: usize = 2048;
/// Those of them before the fleet is at rest: its memory is measured then, and these are no node's.
const CONNECTIONS_AT_FIRST: usize = 256;
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A call.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) bearer: &'a HeaderValue,
    /// Sent as `If-None-Match`.
    pub(crate) etag: Option<HeaderValue>,
    /// JSON; empty for none.
    pub(crate) body: Vec<u8>,
}

/// An answer that is no refusal.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// The connections.
pub(crate) struct Kept {
    address: String,
    host: HeaderValue,
    places: Semaphore,
    free: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Kept {
    /// None is open yet. `address` is `HOST:PORT`.
    ///
    /// # Errors
    /// When it is no address.
    pub(crate) fn new(address: &str) -> Result<Self> {
        Ok(Self {
            address: address.to_owned(),
            host: HeaderValue::from_str(address)?,
            places: Semaphore::new(CONNECTIONS_AT_FIRST),
            free: Mutex::new(Vec::with_capacity(CONNECTIONS)),
        })
    }

    /// Lets as many calls be made at a time as there may be connections.
    pub(crate) fn open_all(&self) {
        self.places.add_permits(CONNECTIONS - CONNECTIONS_AT_FIRST);
    }

    /// Sends a request over a free connection and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is a refusal.
    pub(crate) async fn exchange(&self, call: Call<'_>) -> Result<Answer> {
        let _place = self.places.acquire().await?;
        let mut connection = match self.taken() {
            Some(connection) => connection,
            None => self.opened().await?,
        };
        let what = format!("{} {}", call.method, call.path);
        let answer = self.asked(&mut connection, call).await;
        let answer = answer.with_context(|| what.clone())?;
        ensure!(
            answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED,
            "{what} answered {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        self.free().push(connection);
        Ok(answer)
    }

    async fn asked(
        &self,
        connection: &mut SendRequest<Full<Bytes>>,
        call: Call<'_>,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, call.bearer);
        if let Some(etag) = call.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(Bytes::from(call.body)))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        Ok(Answer {
            status: head.status,
            etag: head.headers.get(ETAG).cloned(),
            body: body.map_err(anyhow::Error::from_boxed)?.to_bytes(),
        })
    }

    async fn opened(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // An error of the connection comes back through the request that it broke.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn taken(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.free().pop()
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Full<Bytes>>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
