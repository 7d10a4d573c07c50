//! Requests that are held open while what they were begun with is taken away: an access is worth
//! what it is worth when something is written, and one that holds places leaves some to others.

use std::io::Write;

use payload::digest::Digest;
use serde_json::{Value, json};

use crate::client::{self, Held};
use crate::fixture::made;
use crate::stage::Registry;

/// Begins a request that is let in.
fn begun(registry: &Registry, token: &str, method: &str, path: &str, body: &[u8]) -> Held {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let target = format!("/api/v1{path}");
    client::hold(registry.address, method, &target, &headers, body)
}

/// Begins to put so many bytes.
fn upload(registry: &Registry, token: &str, count: usize) -> Held {
    let bytes = vec![7; count];
    let path = format!("/blobs/{}", Digest::of(&bytes));
    begun(registry, token, "PUT", &path, &bytes)
}

fn facts(kernel: &str) -> Value {
    json!({ "kernel": kernel, "arch": "x86_64", "btf": true, "cpus": 2, "version": "1" })
}

fn enrol() -> Value {
    json!({ "node": "a", "facts": facts("6.1") })
}

/// The credential of a node that enrols.
fn enrolled(registry: &Registry, token: &str) -> String {
    let made = registry.ask(token, "POST", "/nodes/enrol", Some(&enrol()));
    let made = made.expect(201).json();
    made["credential"].as_str().unwrap().to_owned()
}

fn revoke(registry: &Registry, name: &str) {
    let path = format!("/tokens/{name}");
    registry.admin("DELETE", &path, None).expect(204);
}

#[test]
fn a_revoked_token_changes_nothing_with_a_request_that_was_begun_before() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    let next = made("1.1.0");
    registry
        .put_blob(&registry.admin, &next.digest, &next.file)
        .expect(201);
    let bytes = b"some bytes".to_vec();
    let blob = format!("/blobs/{}", Digest::of(&bytes));
    let text = |value: Value| value.to_string().into_bytes();
    let token = text(json!({ "name": "left", "scopes": ["admin"] }));
    let channel = text(json!({ "version": "1.0.0" }));
    let deployment = text(json!({
        "payload": "acme/small", "source": { "version": "1.0.0" }, "selector": "a=b",
    }));
    let yank = format!("{}/yank", release.path());
    for (name, scope, method, path, body) in [
        ("a", "admin", "POST", "/tokens", token),
        ("b", "publish:acme", "PUT", &blob, bytes),
        ("c", "publish:acme", "PUT", &next.path(), text(next.body())),
        (
            "e",
            "operate",
            "PUT",
            "/payloads/acme/small/channels/c",
            channel,
        ),
        ("f", "operate", "PUT", "/deployments/d", deployment),
        (
            "d",
            "publish:acme",
            "POST",
            &yank,
            text(json!({ "reason": "" })),
        ),
    ] {
        let secret = registry.token(name, &[scope]);
        let held = begun(&registry, &secret, method, path, &body);
        revoke(&registry, name);
        let refused = held.end().expect(401);
        assert!(refused.detail().contains("revoked"), "{}", refused.detail());
        // The same from one whose token is in force.
        let again = format!("{name}2");
        let secret = registry.token(&again, &[scope]);
        let held = begun(&registry, &secret, method, path, &body);
        let status = held.end().status;
        assert!([200, 201].contains(&status), "{method} {path}: {status}");
    }
    let changes = registry.audit();
    let mut changes = changes.iter().map(|entry| entry["who"].as_str().unwrap());
    assert!(
        changes.all(|who| who.len() > 1),
        "no revoked token made one"
    );
}

#[test]
fn a_revoked_secret_takes_no_use_of_a_new_token_of_its_name() {
    let registry = Registry::start();
    let first = registry.token("e", &["enrol"]);
    let enrol = enrol().to_string().into_bytes();
    let held = begun(&registry, &first, "POST", "/nodes/enrol", &enrol);
    revoke(&registry, "e");
    let second = registry.token("e", &["enrol"]);
    held.end().expect(401);
    enrolled(&registry, &second);
}

#[test]
fn a_deleted_node_reports_nothing_for_a_new_one_of_its_name() {
    let registry = Registry::start();
    let first = enrolled(&registry, &registry.token("e1", &["enrol"]));
    let report = json!({ "facts": facts("9.9"), "instances": [] });
    let report = report.to_string().into_bytes();
    let held = begun(&registry, &first, "POST", "/nodes/a/reports", &report);
    registry.admin("DELETE", "/nodes/a", None).expect(204);
    enrolled(&registry, &registry.token("e2", &["enrol"]));
    held.end().expect(401);
    let shown = registry.admin("GET", "/nodes/a", None).expect(200).json();
    assert!(!shown.to_string().contains("9.9"), "{shown}");
}

#[test]
fn uploads_that_one_token_holds_open_do_not_keep_others_from_publishing() {
    let registry = Registry::start();
    registry.trust();
    let slow = registry.token("slow", &["publish:acme"]);
    let mut held: Vec<_> = (2..5)
        .map(|count| upload(&registry, &slow, count))
        .collect();
    // More of the same wait; none of them may take the last place.
    let bearer = format!("Bearer {slow}");
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = client::connect(registry.address).unwrap();
            let path = format!("/api/v1/blobs/{}", Digest::of(b"xx"));
            let begin = format!(
                "PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\n\
                 content-length: 2\r\n\r\nx"
            );
            stream.write_all(begin.as_bytes()).unwrap();
            stream
        })
        .collect();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    // Now every place of uploads is taken; releases are checked all the same.
    let next = made("1.1.0");
    registry
        .put_blob(&registry.admin, &next.digest, &next.file)
        .expect(201);
    held.push(upload(&registry, &registry.admin, 5));
    registry
        .admin("PUT", &next.path(), Some(&next.body()))
        .expect(201);
    drop(waiting);
    for held in held {
        // It was not that they had met their deadline.
        held.end().expect(201);
    }
}
