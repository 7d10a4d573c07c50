//! One request over a unix socket, with the moment at which its last byte was sent.
//! Called by `bench load`; everything else uses curl. Must never be used where time is not measured.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// An answer, and when the last byte of its request was sent.
pub(crate) struct Answer {
    pub(crate) body: Value,
    /// Milliseconds since 1970, with their fraction.
    pub(crate) sent_ms: f64,
}

/// `PUT` of a file to the node's local API.
///
/// # Errors
/// When nobody answers, or the answer is no success or no JSON.
pub(crate) fn put(socket: &Path, path: &str, file: &[u8]) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("connecting to {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    stream.write_all(head.as_bytes())?;
    let (last, most) = file.split_last().context("the file is empty")?;
    stream.write_all(most)?;
    // Before the last byte, not behind it: the node may run first, on this very core.
    let sent_ms = wall_clock_ms();
    stream.write_all(&[*last])?;
    let mut answer = Vec::new();
    // The node closes behind its answer.
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8(answer).context("the answer is no text")?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the answer has no body")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("PUT {path} answered {status}: {body}");
    }
    let body = serde_json::from_str(body).with_context(|| format!("the answer is {body}"))?;
    Ok(Answer { body, sent_ms })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the node's proof says by the wall clock when it flipped"
)]
fn wall_clock_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1e3
}
