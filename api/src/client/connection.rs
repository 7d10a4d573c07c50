//! One HTTP/1.1 connection a call: connect, send, read the bounded answer.
//! Called by the clients and their streams only.
//! Must never wait without a deadline or read without a bound.

use std::convert::Infallible;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::rustls::Error as TlsFault;

use super::peer::{Address, Peer, PeerKind};
use super::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, ClientError, Reply, SOCKET_PATH_BYTES_MAX};
use crate::problem::Problem;

/// The longest body of a refusal that is shown when it is not Problem JSON, in characters.
const PLAIN_REFUSAL_CHARS_MAX: usize = 500;

/// A connection that is being driven in the background until this is dropped.
#[derive(Debug)]
pub(super) struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of a request.
pub(super) type Body = BoxBody<Bytes, Infallible>;

/// One request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    method: Method,
    path: &'a str,
    media_type: &'a str,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

impl<'a> Call<'a> {
    /// A request without a body.
    pub(super) fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            media_type: "",
            headers: Vec::new(),
            body: Full::new(Bytes::new()).boxed(),
        }
    }

    pub(super) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    /// The same with a body; no `Content-Type` where `media_type` is empty.
    pub(super) fn with_body(self, media_type: &'a str, body: impl Into<Bytes>) -> Self {
        self.with_stream(media_type, Full::new(body.into()).boxed())
    }

    /// The same with a body that is made while it is sent.
    pub(super) fn with_stream(mut self, media_type: &'a str, body: Body) -> Self {
        self.media_type = media_type;
        self.body = body;
        self
    }

    /// The same with one more header. A value that no header can have is left out.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }
}

/// Sends one request and reads the whole answer.
pub(super) async fn exchange(peer: &Peer, call: Call<'_>) -> Result<Reply, ClientError> {
    let answer = async {
        let (response, _driver) = open(peer, call).await?;
        read(peer, response).await
    };
    within(peer, peer.answer_timeout, "answer", answer).await?
}

/// Sends one request and gives the answer as soon as its header has come.
pub(super) async fn open(
    peer: &Peer,
    call: Call<'_>,
) -> Result<(Response<Incoming>, Driver), ClientError> {
    let mut request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(HOST, peer.host());
    if !call.media_type.is_empty() {
        request = request.header(CONTENT_TYPE, call.media_type);
    }
    if let Some(authorization) = &peer.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request
        .header(ACCEPT, "*/*")
        .body(call.body)
        .map_err(|error| broken(peer, &error))?;
    let (mut sender, driver) = connect(peer).await?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| broken(peer, &error))?;
    Ok((response, driver))
}

/// Reads an answer to its end, bounded.
pub(super) async fn read(peer: &Peer, response: Response<Incoming>) -> Result<Reply, ClientError> {
    let status = response.status().as_u16();
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let media_type = header(CONTENT_TYPE).unwrap_or_default();
    let etag = header(ETAG);
    let retry_after_s = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
    let length_bytes = header(CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok());
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await;
    match body {
        Ok(body) => Ok(Reply {
            status,
            media_type,
            etag,
            retry_after_s,
            length_bytes,
            body: body.to_bytes().to_vec(),
        }),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ClientError::TooLong {
            limit_bytes: ANSWER_BYTES_MAX,
        }),
        Err(error) => Err(broken(peer, error.as_ref())),
    }
}

/// The error that a refusal is.
pub(super) fn refusal_of(reply: &Reply) -> ClientError {
    ClientError::Refused {
        problem: Box::new(problem_of(reply)),
        retry_after_s: reply.retry_after_s,
    }
}

/// The problem in a refusal, made up from the status when the server sent none: the 2022 protocol
/// answers with an empty 404.
fn problem_of(reply: &Reply) -> Problem {
    let is_json = reply.media_type.contains("json");
    if let Some(mut problem) = is_json
        .then(|| serde_json::from_slice::<Problem>(&reply.body).ok())
        .flatten()
    {
        problem.status = reply.status;
        return problem;
    }
    let text = String::from_utf8_lossy(&reply.body);
    let title = hyper::StatusCode::from_u16(reply.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("refused");
    let detail: String = text.trim().chars().take(PLAIN_REFUSAL_CHARS_MAX).collect();
    Problem::new(reply.status, title, detail)
}

/// Waits for one step of a call, no longer than `limit`.
pub(super) async fn within<T>(
    peer: &Peer,
    limit: Duration,
    step: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, ClientError> {
    timeout(limit, work).await.map_err(|_| ClientError::Silent {
        peer: peer.kind,
        address: peer.address.to_string(),
        step,
        seconds: limit.as_secs(),
    })
}

fn check_length(path: &Path) -> Result<(), ClientError> {
    let bytes = path.as_os_str().as_bytes().len();
    if bytes <= SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    Err(ClientError::PathLength {
        path: path.display().to_string(),
        bytes,
        bytes_max: SOCKET_PATH_BYTES_MAX,
    })
}

/// What keeps this path from being a node's socket: unix(7) says "connection refused" of whatever
/// is no socket, too.
fn no_socket(path: &Path, reason: io::Error) -> ClientError {
    let shown = path.display().to_string();
    match reason.kind() {
        io::ErrorKind::PermissionDenied => ClientError::Denied {
            path: shown,
            reason,
        },
        io::ErrorKind::ConnectionRefused
            if path
                .metadata()
                .is_ok_and(|found| !found.file_type().is_socket()) =>
        {
            ClientError::NotSocket { path: shown }
        }
        _ => ClientError::Unreachable {
            peer: PeerKind::Node,
            address: shown,
            reason,
        },
    }
}

async fn connect(peer: &Peer) -> Result<(http1::SendRequest<Body>, Driver), ClientError> {
    match &peer.address {
        Address::Unix(path) => {
            check_length(path)?;
            let stream = within(peer, CONNECT_TIMEOUT, "accept", UnixStream::connect(path)).await?;
            handshake(peer, stream.map_err(|error| no_socket(path, error))?).await
        }
        Address::Tcp(host) => {
            let stream = within(peer, CONNECT_TIMEOUT, "accept", TcpStream::connect(host)).await?;
            let stream = stream.map_err(|reason| unreachable(peer, reason))?;
            let Some((tls, name)) = &peer.tls else {
                return handshake(peer, stream).await;
            };
            let secured = tls.connector().connect(name.clone(), stream);
            let secured = within(peer, CONNECT_TIMEOUT, "greet by TLS", secured).await?;
            handshake(peer, secured.map_err(|error| insecure(peer, &error))?).await
        }
    }
}

/// A failed greeting: a certificate that is not trusted will not be later, all else may.
fn insecure(peer: &Peer, error: &io::Error) -> ClientError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(TlsFault::InvalidCertificate(_)) = tls {
        return ClientError::Certificate {
            peer: peer.kind,
            address: peer.address.to_string(),
            reason: error.to_string(),
        };
    }
    broken(peer, error)
}

fn unreachable(peer: &Peer, reason: io::Error) -> ClientError {
    ClientError::Unreachable {
        peer: peer.kind,
        address: peer.address.to_string(),
        reason,
    }
}

async fn handshake<S>(
    peer: &Peer,
    stream: S,
) -> Result<(http1::SendRequest<Body>, Driver), ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(peer, &error))?;
    // An error of the connection comes back through the request that it broke.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok((sender, Driver(driver)))
}

pub(super) fn broken(peer: &Peer, error: &dyn std::error::Error) -> ClientError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        source = error.source();
    }
    ClientError::Broken {
        peer: peer.kind,
        address: peer.address.to_string(),
        reason,
    }
}
