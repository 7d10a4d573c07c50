//! A registry as a node sees it: real HTTP on a real socket, with answers that a test decides.
//! It serves what a registry would, and what a hijacked one or a proxy would make of it.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payload::digest::Digest;
use serde_json::{Value, json};

use super::release::Release;

/// What the registry knows the node by.
pub(crate) const CREDENTIAL: &str = "marrow_credential";
/// The token that enrols.
pub(crate) const TOKEN: &str = "marrow_token";

/// What is done to the bytes of an answer on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// They arrive.
    None,
    /// The bit of this number is flipped, counted over the body and from the beginning again.
    Flip(usize),
    /// The connection ends after this many bytes of the body.
    Cut(usize),
}

/// What the registry says and has heard.
#[derive(Debug)]
pub(crate) struct Says {
    /// `instances` of the desired state.
    pub(crate) wanted: Vec<Value>,
    /// `staged` of it.
    pub(crate) staged: Vec<Value>,
    pub(crate) floors: Vec<String>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// The status of every answer that is not the right one.
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u64>,
    /// What happens to desired states.
    pub(crate) harm_desired: Harm,
    /// What happens to blobs.
    pub(crate) harm_blobs: Harm,
    /// Bodies of `POST …/reports`.
    pub(crate) reports: Vec<Value>,
    /// `METHOD PATH` of each request, with `Range` where there is one.
    pub(crate) asked: Vec<String>,
    bells: Vec<TcpStream>,
    /// Nobody is answered.
    stopped: bool,
}

/// A registry.
pub(crate) struct Served {
    address: SocketAddr,
    says: Arc<Mutex<Says>>,
}

impl Served {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let says = Arc::new(Mutex::new(Says {
            wanted: Vec::new(),
            staged: Vec::new(),
            floors: Vec::new(),
            blobs: BTreeMap::new(),
            status: 200,
            retry_after_s: None,
            harm_desired: Harm::None,
            harm_blobs: Harm::None,
            reports: Vec::new(),
            asked: Vec::new(),
            bells: Vec::new(),
            stopped: false,
        }));
        let heard = Arc::clone(&says);
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let says = Arc::clone(&heard);
                std::thread::spawn(move || serve(stream.unwrap(), &says));
            }
        });
        Self { address, says }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the files of releases, and wants them under these instances.
    pub(crate) fn wants(&self, releases: &[(&str, &Release)]) {
        let mut says = self.says();
        says.wanted = releases
            .iter()
            .map(|(instance, one)| one.wanted(instance))
            .collect();
        for (_, release) in releases {
            says.blobs
                .insert(release.digest.clone(), release.file.clone());
        }
    }

    /// Has the files of releases, and wants these run and those staged, as told.
    pub(crate) fn tells(&self, releases: &[&Release], wanted: Vec<Value>, staged: Vec<Value>) {
        let mut says = self.says();
        (says.wanted, says.staged) = (wanted, staged);
        for release in releases {
            says.blobs
                .insert(release.digest.clone(), release.file.clone());
        }
    }

    /// Ends every connection, and answers none of those that come, until it goes on.
    pub(crate) fn stop(&self) {
        let mut says = self.says();
        says.stopped = true;
        says.bells.clear();
    }

    /// Answers again.
    pub(crate) fn go_on(&self) {
        self.says().stopped = false;
    }

    /// Rings every doorbell that is open.
    pub(crate) fn ring(&self) {
        let ring = "event: ring\ndata: {\"revision\":1,\"spread_ms\":0}\n\n";
        let chunk = format!("{:x}\r\n{ring}\r\n", ring.len());
        let mut says = self.says();
        says.bells
            .retain_mut(|bell| bell.write_all(chunk.as_bytes()).is_ok());
    }

    /// Every outcome that was reported, as `KIND INSTANCE VERSION`; those of staging as
    /// `staging KIND …`.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let says = self.says();
        let outcomes = says
            .reports
            .iter()
            .filter_map(|report| report["outcomes"].as_array());
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        outcomes
            .flatten()
            .map(|one| {
                let parts = [&one["kind"], &one["instance"], &one["version"]];
                let staging = if one["staging"] == true {
                    "staging "
                } else {
                    ""
                };
                format!("{staging}{}", parts.map(text).join(" "))
            })
            .collect()
    }

    /// The latest outcome of this kind.
    pub(crate) fn outcome(&self, kind: &str) -> Option<Value> {
        let says = self.says();
        let outcomes = says
            .reports
            .iter()
            .filter_map(|report| report["outcomes"].as_array());
        outcomes.flatten().rfind(|one| one["kind"] == kind).cloned()
    }
}

struct Asked {
    line: String,
    bearer: String,
    range: Option<usize>,
    etag: String,
    body: Vec<u8>,
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .next()
            .map_or_else(String::new, |(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let range = header("range");
    let range = range
        .strip_prefix("bytes=")
        .and_then(|from| from.trim_end_matches('-').parse().ok());
    let line = head
        .lines()
        .next()?
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    Some(Asked {
        bearer: header("authorization"),
        etag: header("if-none-match"),
        line,
        range,
        body,
    })
}

fn serve(mut stream: TcpStream, says: &Mutex<Says>) {
    let Some(asked) = read(&stream) else { return };
    let mut says = says.lock().unwrap_or_else(PoisonError::into_inner);
    if says.stopped {
        return;
    }
    let range = asked
        .range
        .map_or_else(String::new, |from| format!(" from {from}"));
    says.asked.push(format!("{}{range}", asked.line));
    let (method, path) = asked.line.split_once(' ').unwrap();
    let route = path.strip_prefix("/api/v1").unwrap_or_default();
    if route == "/nodes/enrol" {
        enrol(&mut stream, &asked);
        return;
    }
    let known = asked.bearer == format!("Bearer {CREDENTIAL}");
    let status = if known { says.status } else { 401 };
    if status != 200 {
        let after = says.retry_after_s;
        let after = after.map_or_else(String::new, |s| format!("Retry-After: {s}\r\n"));
        answer(&mut stream, status, &after, b"", Harm::None);
        return;
    }
    match (method, route.rsplit_once('/').unwrap_or_default()) {
        ("GET", (of, "desired")) => {
            let node = of.strip_prefix("/nodes/").unwrap();
            desired(&mut stream, node, &asked.etag, &says);
        }
        ("GET", (_, "doorbell")) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                        Transfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            says.bells.push(stream);
        }
        ("POST", (_, "reports")) => {
            says.reports
                .push(serde_json::from_slice(&asked.body).unwrap());
            answer(&mut stream, 204, "", b"", Harm::None);
        }
        ("GET", ("/blobs", digest)) => blob(&mut stream, digest, asked.range, &says),
        _ => answer(&mut stream, 404, "", b"", Harm::None),
    }
}

fn enrol(stream: &mut TcpStream, asked: &Asked) {
    let known = asked.bearer == format!("Bearer {TOKEN}");
    let node: Value = serde_json::from_slice(&asked.body).unwrap();
    let body = json!({ "node": node["node"], "credential": CREDENTIAL });
    let status = if known { 201 } else { 401 };
    answer(stream, status, "", body.to_string().as_bytes(), Harm::None);
}

fn desired(stream: &mut TcpStream, node: &str, known: &str, says: &Says) {
    let desired = json!({
        "node": node,
        "poll_ms": 200,
        "instances": says.wanted,
        "staged": says.staged,
        "floors": says.floors,
    });
    let body = desired.to_string();
    let etag = format!("\"{}\"", Digest::of(body.as_bytes()));
    if known == etag {
        answer(stream, 304, "", b"", Harm::None);
        return;
    }
    let header = format!("ETag: {etag}\r\n");
    answer(stream, 200, &header, body.as_bytes(), says.harm_desired);
}

fn blob(stream: &mut TcpStream, digest: &str, range: Option<usize>, says: &Says) {
    let Some(blob) = says.blobs.get(digest) else {
        answer(stream, 404, "", b"", Harm::None);
        return;
    };
    let from = range.unwrap_or(0).min(blob.len());
    let size = blob.len();
    let header = format!("Content-Range: bytes {from}-{}/{size}\r\n", size - 1);
    let (status, header) = match range {
        Some(_) => (206, header.as_str()),
        None => (200, ""),
    };
    answer(stream, status, header, &blob[from..], says.harm_blobs);
}

fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8], harm: Harm) {
    let mut body = body.to_vec();
    let length = body.len();
    match harm {
        Harm::None => {}
        Harm::Flip(_) if body.is_empty() => {}
        Harm::Flip(bit) => {
            let bit = bit % (8 * length);
            body[bit / 8] ^= 1 << (bit % 8);
        }
        Harm::Cut(at) => body.truncate(at),
    }
    let length = if status == 304 || status == 204 {
        String::new()
    } else {
        format!("Content-Length: {length}\r\n")
    };
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}{length}\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend(body);
    // A node that has gone away hears nothing.
    let _ = stream.write_all(&bytes);
}
