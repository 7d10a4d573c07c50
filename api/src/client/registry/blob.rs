//! The bytes of payloads, to and from a registry. See `registry`.
//! Must never give more bytes to a keeper than were asked for, nor wait for ever on a slow end.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_RANGE, HeaderMap, RANGE};

use super::{RegistryClient, part};
use crate::client::connection::{self, Call};
use crate::client::{ANSWER_TIMEOUT, ClientError, PeerKind, accepted};
use crate::registry::PREFIX;

/// How long the next piece of a blob may take.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a whole upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);
/// Bytes that are handed to the connection at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Is told how many bytes of a transfer are done.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Which bytes of a blob to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// `sha256:<hex>` of the whole.
    pub digest: &'a str,
    /// Bytes that are there already; the rest is asked for.
    pub from_byte: u64,
    /// Bytes of the whole: what comes beyond them is refused.
    pub size_bytes: u64,
}

impl RegistryClient {
    /// `HEAD /blobs/{digest}`: how many bytes it has; `None` where the registry does not have it.
    ///
    /// # Errors
    /// As every call.
    pub async fn blob_bytes(&self, digest: &str) -> Result<Option<u64>, ClientError> {
        let path = blob_path(digest)?;
        let reply = self.exchange(Call::new(Method::HEAD, &path)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let size_bytes = accepted(reply)?.length_bytes;
        let size_bytes = size_bytes.ok_or_else(|| ClientError::NotUnderstood {
            peer: PeerKind::Registry,
            reason: "the blob has no Content-Length".to_owned(),
        })?;
        Ok(Some(size_bytes))
    }

    /// `PUT /blobs/{digest}`. The registry answers when the bytes are on its disk.
    ///
    /// # Errors
    /// `Refused` with 422 when the bytes have another digest, 413 when they are too many; as every
    /// call.
    pub async fn put_blob(
        &self,
        digest: &str,
        bytes: impl Into<Bytes> + Send,
        progress: Option<Progress>,
    ) -> Result<(), ClientError> {
        let path = blob_path(digest)?;
        let upload = Upload {
            left: bytes.into(),
            sent_bytes: 0,
            progress,
        };
        let call =
            Call::new(Method::PUT, &path).with_stream("application/wasm", BodyExt::boxed(upload));
        let answer = async {
            let (response, _driver) = connection::open(&self.peer, call).await?;
            connection::read(&self.peer, response).await
        };
        let reply = connection::within(&self.peer, UPLOAD_TIMEOUT, "take the blob", answer);
        accepted(reply.await??).map(|_nothing| ())
    }

    /// `GET /blobs/{digest}`, from a byte on. Each piece goes to `keep`, with its place in the
    /// whole: 0 first where the registry starts over. Whoever asked compares the digest.
    ///
    /// # Errors
    /// `Blob` when other bytes come than were asked for, `Keep` when `keep` fails; as every call.
    /// What `keep` has taken until then is good to go on from.
    pub async fn fetch_blob(
        &self,
        download: Download<'_>,
        mut keep: impl FnMut(u64, &[u8]) -> io::Result<()> + Send,
    ) -> Result<(), ClientError> {
        let path = blob_path(download.digest)?;
        let mut call = Call::get(&path);
        if download.from_byte > 0 {
            call = call.with_header(RANGE, &format!("bytes={}-", download.from_byte));
        }
        let answer = connection::open(&self.peer, call);
        let (response, _driver) =
            connection::within(&self.peer, ANSWER_TIMEOUT, "answer", answer).await??;
        let status = response.status().as_u16();
        if status != 200 && status != 206 {
            let rest = connection::read(&self.peer, response);
            let reply = connection::within(&self.peer, ANSWER_TIMEOUT, "answer", rest).await??;
            return Err(connection::refusal_of(&reply));
        }
        let wrong = |reason: String| ClientError::Blob {
            digest: download.digest.to_owned(),
            reason,
        };
        let mut at = if status == 206 {
            first_byte(response.headers(), download).map_err(&wrong)?
        } else {
            0
        };
        let mut body = response.into_body();
        loop {
            let piece =
                connection::within(&self.peer, PIECE_TIMEOUT, "send anything", body.frame());
            let Some(piece) = piece.await? else { break };
            let piece = piece.map_err(|error| connection::broken(&self.peer, &error))?;
            let Ok(piece) = piece.into_data() else {
                continue;
            };
            let end = at + piece.len() as u64;
            if end > download.size_bytes {
                let size_bytes = download.size_bytes;
                return Err(wrong(format!("{end} bytes and more, it has {size_bytes}")));
            }
            keep(at, &piece).map_err(|reason| ClientError::Keep { reason })?;
            at = end;
        }
        if at == download.size_bytes {
            return Ok(());
        }
        let size_bytes = download.size_bytes;
        Err(wrong(format!("{at} bytes, it has {size_bytes}")))
    }
}

/// The first byte of a partial answer: the one that was asked for.
fn first_byte(headers: &HeaderMap, download: Download<'_>) -> Result<u64, String> {
    let range = headers
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let first = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('-'))
        .and_then(|(first, _)| first.parse().ok());
    match first {
        Some(first) if first == download.from_byte => Ok(first),
        _ => Err(format!(
            "the range {range:?}, asked for was the one from byte {}",
            download.from_byte
        )),
    }
}

fn blob_path(digest: &str) -> Result<String, ClientError> {
    Ok(format!("{PREFIX}/blobs/{}", part(digest)?))
}

/// A body that tells how much of it the connection has taken.
struct Upload {
    left: Bytes,
    sent_bytes: u64,
    progress: Option<Progress>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Upload({} sent, {} left)",
            self.sent_bytes,
            self.left.len()
        )
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let piece_bytes = self.left.len().min(PIECE_BYTES);
        let piece = self.left.split_to(piece_bytes);
        self.sent_bytes += piece.len() as u64;
        if let Some(progress) = &self.progress {
            progress(self.sent_bytes);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }
}
