//! A raw HTTP/1.1 client: sends what a test says, reads what comes until the connection ends.
//! Must never mend a request: hostile ones go out as they are.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(found, _)| found == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The answer, if it has this status; the test ends here otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        if status >= 400 && !self.body.is_empty() {
            assert_eq!(
                self.header("content-type"),
                Some("application/problem+json")
            );
            let problem = self.json();
            assert_eq!(problem["status"], status);
            assert_eq!(problem["request"].as_str(), self.header("x-request-id"));
            let kind = problem["type"].as_str().unwrap();
            assert!(kind.starts_with("urn:marrow:problem:"), "{kind}");
        }
        self
    }

    /// The field that a refusal names.
    pub(crate) fn field(&self) -> String {
        self.json()["field"].as_str().unwrap_or_default().to_owned()
    }

    /// What a refusal says.
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Sends one request with a body of a length that is told.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = connect(address)?;
    let head = head(address, method, target, headers, body);
    stream.write_all(head.as_bytes())?;
    // A registry that has said no before it read all of it may have closed.
    let _ = stream.write_all(body);
    read(&mut stream)
}

/// A request whose last byte has not been sent.
pub(crate) struct Held {
    stream: TcpStream,
    last: u8,
}

/// Sends a request but for its last byte, once its body is waited for: by then it was let in
/// (RFC 9110, section 10.1.1).
pub(crate) fn hold(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Held {
    let mut stream = connect(address).unwrap();
    let headers = [headers, &[("expect", "100-continue")]].concat();
    let head = head(address, method, target, &headers, body);
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    let expected = go_on;
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(go_on, expected);
    let (last, body) = body.split_last().unwrap();
    stream.write_all(body).unwrap();
    Held {
        stream,
        last: *last,
    }
}

impl Held {
    /// Sends it, and reads the answer.
    pub(crate) fn end(mut self) -> Answer {
        self.stream.write_all(&[self.last]).unwrap();
        read(&mut self.stream).unwrap()
    }
}

fn head(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let told = headers.iter().any(|(name, _)| *name == "content-length");
    if !told && (!body.is_empty() || method != "GET") {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    head
}

/// A connection with deadlines.
pub(crate) fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Reads an answer until the connection ends.
pub(crate) fn read(stream: &mut TcpStream) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    // A reset behind the answer takes nothing of it.
    if let Err(error) = stream.read_to_end(&mut bytes)
        && bytes.is_empty()
    {
        return Err(error);
    }
    let cut_off = || std::io::Error::other(String::from_utf8_lossy(&bytes).into_owned());
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = bytes.split_at(end.ok_or_else(cut_off)? + 4);
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.trim_end().lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Answer {
        status: status.ok_or_else(cut_off)?,
        headers: headers.collect(),
        body: body.to_vec(),
    })
}
