//! What is sent by who means harm or knows no better: a clear refusal, nothing kept, and the next
//! one is served.

use std::io::Write;

use serde_json::json;

use crate::client;
use crate::fixture::made;
use crate::stage::Registry;

fn post(registry: &Registry, path: &str, kind: &str, body: &[u8]) -> client::Answer {
    let bearer = format!("Bearer {}", registry.admin);
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    registry.send("POST", path, &headers, body)
}

#[test]
fn names_that_are_more_than_names_are_refused_wherever_they_stand() {
    let registry = Registry::start();
    registry.trust();
    registry
        .publish(&registry.admin, &made("1.0.0"))
        .expect(201);
    for name in [
        "..",
        "%2e%2e",
        "a%2fb",
        "..%2f..%2fetc",
        "%00",
        "a%00b",
        "a%0ab",
        "%1b[2J",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "a'%20OR%20'1'='1",
        "%22",
        "%ff%fe",
        "A",
        "-a",
        "a--b",
        "%E2%80%AE",
        &"a".repeat(64),
        &"a".repeat(5000),
    ] {
        for path in [
            format!("/payloads/{name}/small"),
            format!("/payloads/acme/{name}"),
            format!("/payloads/{name}/small/versions/1.0.0"),
            format!("/payloads/acme/{name}/versions/1.0.0"),
            format!("/payloads/acme/small/versions/{name}"),
        ] {
            let answer = registry.admin("GET", &path, None).expect(400);
            let shown = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!shown.contains("<script>") || answer.header("content-type").is_some());
            assert!(shown.len() < 2000, "{path}: {shown}");
        }
    }
    registry
        .admin("GET", "/payloads/acme/small/versions/1.0.0", None)
        .expect(200);
}

#[test]
fn json_that_is_deep_huge_twice_or_of_another_type_is_refused() {
    let registry = Registry::start();
    let good = json!({ "name": "x", "scopes": ["read"] }).to_string();
    let deep = format!("{{\"name\":{}", "[".repeat(50_000));
    for (body, status) in [
        (deep, 400),
        (String::new(), 400),
        ("null".to_owned(), 400),
        ("[]".to_owned(), 400),
        (r#"{"name":1,"scopes":["read"]}"#.to_owned(), 400),
        (r#"{"name":"x","scopes":"read"}"#.to_owned(), 400),
        (
            r#"{"name":"x","name":"y","scopes":["read"]}"#.to_owned(),
            400,
        ),
        (
            r#"{"name":"x","scopes":["enrol"],"labels":{"env":"a","env":"b"}}"#.to_owned(),
            400,
        ),
        (
            r#"{"name":"x","scopes":["read"],"admin":true}"#.to_owned(),
            400,
        ),
        (
            r#"{"name":"x","scopes":["read"],"expires_in_s":-1}"#.to_owned(),
            400,
        ),
        (
            r#"{"name":"x","scopes":["read"],"expires_in_s":1e99}"#.to_owned(),
            400,
        ),
        (format!("{good} x"), 400),
        (format!("{{\"name\":\"{}\"}}", "x".repeat(300_000)), 413),
    ] {
        let answer = post(&registry, "/tokens", "application/json", body.as_bytes());
        assert_eq!(answer.status, status, "{}", &body[..body.len().min(100)]);
    }
    post(
        &registry,
        "/tokens",
        "application/json",
        b"{\"name\":\"\xff\"}",
    )
    .expect(400);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/jsonx",
    ] {
        post(&registry, "/tokens", kind, good.as_bytes()).expect(415);
    }
    let tokens = registry.admin("GET", "/tokens", None).expect(200).json();
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 1);
    post(
        &registry,
        "/tokens",
        "application/json; charset=utf-8",
        good.as_bytes(),
    )
    .expect(201);
}

#[test]
fn what_is_no_http_is_refused_and_the_next_caller_is_served() {
    let registry = Registry::start();
    let long = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(100_000)
    );
    let many = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n",
        "a: b\r\n".repeat(1000)
    );
    let line = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    for raw in [
        long.as_bytes(),
        many.as_bytes(),
        line.as_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PUT /api/v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"PUT /api/v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"PUT /api/v1/tokens HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    ] {
        let mut stream = client::connect(registry.address).unwrap();
        // It may have said no already.
        let _ = stream.write_all(raw);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        if let Ok(answer) = client::read(&mut stream) {
            let shown = String::from_utf8_lossy(&raw[..raw.len().min(60)]);
            assert!((400..500).contains(&answer.status), "{shown}: {answer:?}");
        }
        registry.send("GET", "/healthz", &[], b"").expect(200);
    }
}

#[test]
fn many_half_requests_do_not_keep_others_out() {
    let registry = Registry::start();
    let held: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = client::connect(registry.address).unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-half: ")
                .unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        registry.admin("GET", "/whoami", None).expect(200);
    }
    drop(held);
}

#[test]
fn a_request_names_its_host_once() {
    let registry = Registry::start();
    for (head, status) in [
        ("HTTP/1.1\r\n", 400),
        ("HTTP/1.1\r\nhost: x\r\nhost: x\r\n", 400),
        ("HTTP/1.1\r\nhost: x\r\n", 200),
        ("HTTP/1.0\r\n", 200),
    ] {
        let mut stream = client::connect(registry.address).unwrap();
        let raw = format!("GET /healthz {head}connection: close\r\n\r\n");
        stream.write_all(raw.as_bytes()).unwrap();
        client::read(&mut stream).unwrap().expect(status);
    }
}
