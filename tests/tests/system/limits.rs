//! What is too long, too slow, too many, twice or nowhere is refused, and the daemon goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::http::{self, Request};
use super::node::Node;
use super::waiting::{PATIENCE, is_root, until};

#[test]
fn bodies_beyond_the_bound_are_refused_before_they_are_read() {
    if !is_root("long bodies") {
        return;
    }
    let node = Node::start();
    for (line, bytes) in [("POST /start", 100_u64 << 20), ("POST /stop", 100 << 10)] {
        let text = format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {bytes}\r\n\r\n");
        let answer = http::tcp(node.address(), format!("{text}{{").as_bytes());
        assert_eq!(answer.status, 413, "{line}: {answer:?}");
    }
}

#[test]
fn a_body_without_a_declared_end_is_bounded_too() {
    if !is_root("chunked bodies") {
        return;
    }
    let node = Node::start();
    let mut stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "POST /stop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [
        b"8000\r\n".as_slice(),
        " ".repeat(0x8000).as_bytes(),
        b"\r\n",
    ]
    .concat();
    // The daemon stops reading at its bound, and this side learns of it in time.
    for _ in 0..1000 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
        "{answer}"
    );
    assert_eq!(node.ask("GET /healthz", &[], b"").status, 200);
}

#[test]
fn headers_beyond_the_bound_are_refused() {
    if !is_root("long headers") {
        return;
    }
    let node = Node::start();
    let long = "x".repeat(64 << 10);
    assert_eq!(node.ask("GET /list", &[("X-Long", &long)], b"").status, 431);
    let many = vec![("X-Many", "y"); 200];
    assert_eq!(node.ask("GET /list", &many, b"").status, 431);
}

#[test]
fn what_is_there_twice_is_refused() {
    if !is_root("duplicates") {
        return;
    }
    let node = Node::start();
    let twice = [("Host", "localhost"), ("Host", "localhost")];
    assert_eq!(node.ask("GET /list", &twice, b"").status, 400);
    let lengths = [("Content-Length", "5")];
    assert_eq!(node.ask("POST /stop", &lengths, br#"{"id":1}"#).status, 400);
    assert_eq!(
        node.post("/stop", br#"{"id":1,"id":2}"#).problem()["status"],
        422
    );
    let cursors = "GET /api/v1/instances/a/events?cursor=1&cursor=2";
    assert_eq!(node.ask(cursors, &[], b"").problem()["status"], 422);
}

#[test]
fn unknown_routes_methods_and_names_are_refused() {
    if !is_root("unknown routes") {
        return;
    }
    let node = Node::start();
    for (line, status) in [
        ("GET /nothing", 404),
        ("GET /api/v1", 404),
        ("GET /start", 405),
        ("DELETE /api/v1/instances", 405),
        ("GET /api/v1/instances/..%2fa", 422),
        ("GET /api/v1/instances/%00", 422),
        ("GET /api/v1/instances/%3Cscript%3E", 422),
        ("PUT /api/v1/instances/-a", 422),
        ("GET /api/v1/instances/a/events?cursor=x", 422),
    ] {
        let problem = node.ask(line, &[], b"").problem();
        assert_eq!(problem["status"], status, "{line}");
    }
}

#[test]
fn connections_that_say_nothing_do_not_keep_others_out_for_long() {
    if !is_root("silent connections") {
        return;
    }
    let node = Node::start();
    let silent: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(node.address()).unwrap())
        .collect();
    // Beyond the places connections are closed; the silent ones lose theirs when the header is late.
    until("a caller is served again", || {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = Request {
            line: "GET /healthz",
            headers: &[],
            body: b"",
        };
        stream.write_all(&request.bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    });
    drop(silent);
}

#[test]
fn event_streams_have_a_bound() {
    if !is_root("many event streams") {
        return;
    }
    let node = Node::start();
    let document = super::objects::generation_0("a", &super::objects::object("bare"));
    assert_eq!(node.post("/start", document.as_bytes()).status, 200);
    let request = Request {
        line: "GET /api/v1/instances/a/events",
        headers: &[],
        body: b"",
    }
    .bytes();
    let mut open = Vec::new();
    let refused = until("a stream is refused", || {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream.write_all(&request).unwrap();
        let mut reader = std::io::BufReader::new(stream);
        let (status, _) = http::head(&mut reader);
        open.push(reader);
        (status != 200).then_some(status)
    });
    assert_eq!((refused, open.len()), (503, 33));
    open.clear();
    until("the places are free again", || {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream.write_all(&request).unwrap();
        (http::head(&mut std::io::BufReader::new(stream)).0 == 200).then_some(())
    });
}

#[test]
fn half_an_upload_loads_nothing() {
    if !is_root("half an upload") {
        return;
    }
    let node = Node::start();
    let document = super::objects::generation_0("a", &super::objects::object("bare"));
    for line in ["POST /start", "PUT /api/v1/instances/a"] {
        let whole = Request {
            line,
            headers: &[],
            body: document.as_bytes(),
        }
        .bytes();
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream.write_all(&whole[..whole.len() / 2]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{line}: {answer}"
        );
        assert!(node.instances().is_empty());
    }
}
