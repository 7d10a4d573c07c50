//! One HTTP/1.1 connection a call: connect, send, read the bounded answer.
//! Called by the client and its event stream only.
//! Must never wait without a deadline or read without a bound.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::{
    ANSWER_BYTES_MAX, ANSWER_TIMEOUT, Address, CONNECT_TIMEOUT, ClientError, Reply,
    SOCKET_PATH_BYTES_MAX,
};
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

/// Sends one request and reads the whole answer.
pub(super) async fn exchange(
    address: &Address,
    method: Method,
    path: &str,
    media_type: &str,
    body: Vec<u8>,
) -> Result<Reply, ClientError> {
    let answer = async {
        let (response, _driver) = open(address, method, path, media_type, body).await?;
        read(address, response).await
    };
    within(address, ANSWER_TIMEOUT, "answer", answer).await?
}

/// Sends one request and gives the answer as soon as its header has come.
pub(super) async fn open(
    address: &Address,
    method: Method,
    path: &str,
    media_type: &str,
    body: Vec<u8>,
) -> Result<(Response<Incoming>, Driver), ClientError> {
    let host = match address {
        Address::Unix(_) => "localhost",
        Address::Tcp(host) => host,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host);
    if !media_type.is_empty() {
        request = request.header(CONTENT_TYPE, media_type);
    }
    let request = request
        .header(ACCEPT, "*/*")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| broken(address, &error))?;
    let (mut sender, driver) = connect(address).await?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| broken(address, &error))?;
    Ok((response, driver))
}

/// Reads an answer to its end, bounded.
pub(super) async fn read(
    address: &Address,
    response: Response<Incoming>,
) -> Result<Reply, ClientError> {
    let status = response.status().as_u16();
    let media_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await;
    match body {
        Ok(body) => Ok(Reply {
            status,
            media_type,
            body: body.to_bytes().to_vec(),
        }),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ClientError::TooLong {
            limit_bytes: ANSWER_BYTES_MAX,
        }),
        Err(error) => Err(broken(address, error.as_ref())),
    }
}

/// The problem in a refusal, made up from the status when the server sent none: the 2022 protocol
/// answers with an empty 404.
pub(super) fn problem_of(reply: &Reply) -> Problem {
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
    address: &Address,
    limit: Duration,
    step: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, ClientError> {
    timeout(limit, work).await.map_err(|_| ClientError::Silent {
        address: address.to_string(),
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
            address: shown,
            reason,
        },
    }
}

async fn connect(
    address: &Address,
) -> Result<(http1::SendRequest<Full<Bytes>>, Driver), ClientError> {
    let unreachable = |reason: io::Error| ClientError::Unreachable {
        address: address.to_string(),
        reason,
    };
    match address {
        Address::Unix(path) => {
            check_length(path)?;
            let stream = within(
                address,
                CONNECT_TIMEOUT,
                "accept",
                UnixStream::connect(path),
            )
            .await?;
            handshake(address, stream.map_err(|error| no_socket(path, error))?).await
        }
        Address::Tcp(host) => {
            let stream =
                within(address, CONNECT_TIMEOUT, "accept", TcpStream::connect(host)).await?;
            handshake(address, stream.map_err(unreachable)?).await
        }
    }
}

async fn handshake<S>(
    address: &Address,
    stream: S,
) -> Result<(http1::SendRequest<Full<Bytes>>, Driver), ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(address, &error))?;
    // An error of the connection comes back through the request that it broke.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok((sender, Driver(driver)))
}

pub(super) fn broken(address: &Address, error: &dyn std::error::Error) -> ClientError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        source = error.source();
    }
    ClientError::Broken {
        address: address.to_string(),
        reason,
    }
}
