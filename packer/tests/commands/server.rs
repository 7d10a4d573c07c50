//! A socket on loopback that gives the answers a test says, one to a connection, and tells what it
//! was asked. Used by tests of what a real node or registry does only when it is broken or busy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A request as it came.
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// An answer, byte for byte.
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// A whole answer.
    pub(crate) fn new(status: &str, media_type: &str, body: &str) -> Self {
        Self::with_headers(
            status,
            &format!("Content-Type: {media_type}\r\n"),
            body.as_bytes(),
        )
    }

    /// A whole answer with these headers, each of which ends its line.
    pub(crate) fn with_headers(status: &str, headers: &str, body: &[u8]) -> Self {
        Self::claiming(status, headers, body, body.len())
    }

    /// An answer that says it has more bytes than it has, or none of those it says.
    pub(crate) fn claiming(status: &str, headers: &str, body: &[u8], length: usize) -> Self {
        let mut answer = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(body);
        Self(answer)
    }
}

/// Gives these answers on a free port of loopback, in order, and then the requests.
pub(crate) fn answering(answers: Vec<Answer>) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let server = thread::spawn(move || {
        let answer = |Answer(bytes)| {
            let (stream, _) = listener.accept().expect("a connection");
            let request = read(&stream);
            (&stream).write_all(&bytes).expect("the client listens");
            request
        };
        answers.into_iter().map(answer).collect()
    });
    (address, server)
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut request = Request {
        line: lines.remove(0),
        headers: lines,
        body: Vec::new(),
    };
    let length = request.header("content-length").unwrap_or("0");
    request.body = vec![0; length.parse().expect("a length")];
    reader.read_exact(&mut request.body).expect("a body");
    request
}
