//! A proxy between node and registry that gives each answer to the test, which may alter it. Answers
//! are whole: the stream of the doorbell is refused, so that the node has to ask.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use payload::digest::Digest;

/// How long one end may keep the other waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests and answers of tests are smaller.
const BYTES_MAX: u64 = 8 << 20;

/// Gets the path of a request and its whole answer, and gives what the node is to get.
pub(crate) type Alter = dyn FnMut(&str, Vec<u8>) -> Vec<u8> + Send;

/// A proxy that ends with the test.
pub(crate) struct Proxy {
    address: SocketAddr,
    upstream: Arc<Mutex<String>>,
    alter: Arc<Mutex<Box<Alter>>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and passes on what comes, unaltered.
    pub(crate) fn start(upstream_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = upstream_url.strip_prefix("http://").unwrap().to_owned();
        let upstream = Arc::new(Mutex::new(upstream));
        let alter: Arc<Mutex<Box<Alter>>> =
            Arc::new(Mutex::new(Box::new(|_path: &str, answer: Vec<u8>| answer)));
        let done = Arc::new(AtomicBool::new(false));
        let own = (Arc::clone(&upstream), Arc::clone(&alter), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.2.load(Ordering::Relaxed) {
                    return;
                }
                let (upstream, alter) = (own.0.lock().unwrap().clone(), Arc::clone(&own.1));
                std::thread::spawn(move || {
                    // A node that is gone, or a registry: the other end finds out by itself.
                    let _ = pass(stream?, &upstream, &alter);
                    Ok::<(), std::io::Error>(())
                });
            }
        });
        Self {
            address,
            upstream,
            alter,
            done,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it asks the registry at this address.
    pub(crate) fn turn_to(&self, upstream_url: &str) {
        let upstream = upstream_url.strip_prefix("http://").unwrap();
        upstream.clone_into(&mut self.upstream.lock().unwrap());
    }

    /// From now on answers go through this.
    pub(crate) fn alter(&self, alter: impl FnMut(&str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        *self.alter.lock().unwrap() = Box::new(alter);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request and its answer.
fn pass(mut node: TcpStream, upstream: &str, alter: &Mutex<Box<Alter>>) -> std::io::Result<()> {
    node.set_read_timeout(Some(PATIENCE))?;
    let request = read_request(&mut node)?;
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = if path.ends_with("/doorbell") {
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    } else {
        let mut registry = TcpStream::connect(upstream)?;
        registry.set_read_timeout(Some(PATIENCE))?;
        registry.write_all(&for_a_whole_answer(&request))?;
        let mut answer = Vec::new();
        registry.take(BYTES_MAX).read_to_end(&mut answer)?;
        let mut alter = alter.lock().unwrap();
        alter(&path, answer)
    };
    node.write_all(&answer)?;
    node.shutdown(std::net::Shutdown::Write)
}

/// The request, asking for an answer with a body, after which the connection ends.
fn for_a_whole_answer(request: &[u8]) -> Vec<u8> {
    let end = head_end(request).unwrap_or(request.len());
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("if-none-match:"));
    lines.insert(1, "Connection: close");
    let mut whole = lines.join("\r\n").into_bytes();
    whole.extend_from_slice(b"\r\n\r\n");
    whole.extend_from_slice(&request[end..]);
    whole
}

/// A head and the body that its `Content-Length` announces.
fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        if let Some(end) = head_end(&request) {
            let length = header(&request[..end], "content-length");
            let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            if request.len() >= end + length {
                return Ok(request);
            }
        }
        let read = stream.read(&mut piece)?;
        if read == 0 || request.len() as u64 > BYTES_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&piece[..read]);
    }
}

/// Where the body begins.
pub(crate) fn head_end(message: &[u8]) -> Option<usize> {
    let end = message.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some(end + 4)
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head).into_owned();
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// The body of an answer with a success and a `Content-Length`.
pub(crate) fn body(answer: &[u8]) -> Option<&[u8]> {
    let head_end = head_end(answer)?;
    answer
        .starts_with(b"HTTP/1.1 200 ")
        .then(|| &answer[head_end..])
}

/// What a registry would answer that means this body: its length and its digest are true.
pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"{}\"\r\n\
         Content-Length: {}\r\n\r\n",
        Digest::of(body),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}
