//! Publishers' keys: trusted for namespaces, changed, no longer trusted.

use serde_json::json;

use crate::fixture::{key, made, trusted_key};
use crate::stage::Registry;

#[test]
fn a_key_is_trusted_for_its_namespaces_until_it_is_not() {
    let registry = Registry::start();
    let mut body = trusted_key(&key(1), &["zeta", "acme", "acme"]);
    let path = format!("/keys/{}", key(1).public().id());
    let made_key = registry.admin("PUT", &path, Some(&body)).expect(201).json();
    assert_eq!(made_key["namespaces"], json!(["acme", "zeta"]));
    let listed = registry.admin("GET", "/keys", None).expect(200).json();
    assert_eq!(listed["keys"], json!([made_key]));
    registry
        .publish(&registry.admin, &made("1.0.0"))
        .expect(201);
    body["namespaces"] = json!(["zeta"]);
    registry.admin("PUT", &path, Some(&body)).expect(200);
    registry
        .publish(&registry.admin, &made("1.1.0"))
        .expect(422);
    registry.admin("DELETE", &path, None).expect(204);
    registry.admin("DELETE", &path, None).expect(404);
    registry
        .publish(&registry.admin, &made("1.2.0"))
        .expect(422);
    // What it has signed stays.
    registry
        .admin("GET", "/payloads/acme/small/versions/1.0.0", None)
        .expect(200);
    let what: Vec<_> = registry
        .audit()
        .iter()
        .map(|entry| entry["what"].clone())
        .collect();
    assert!(what.contains(&json!("key.delete")) && what.contains(&json!("key.put")));
}

#[test]
fn what_is_no_key_or_another_one_is_refused() {
    let registry = Registry::start();
    let good = trusted_key(&key(1), &["acme"]);
    let path = format!("/keys/{}", key(1).public().id());
    for (field, value) in [
        ("key", json!(key(2).public().id().to_string())),
        ("pem", json!(key(2).public().to_pem().unwrap())),
        ("pem", json!(key(1).to_pem().unwrap().as_str())),
        ("pem", json!("no key")),
        ("pem", json!("x".repeat(100_000))),
        // Its bytes are a point of order 1: anybody could sign for it.
        (
            "pem",
            json!(
                "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n"
            ),
        ),
        ("namespaces", json!([])),
        ("namespaces", json!(["a/b"])),
        ("namespaces", json!(["*"])),
        ("namespaces", json!(vec!["a"; 65])),
        ("comment", json!("\u{1b}[2J")),
        ("comment", json!("x".repeat(2000))),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = registry.admin("PUT", &path, Some(&body)).expect(422);
        assert_eq!(refused.field(), field, "{}", refused.detail());
    }
    registry
        .admin("PUT", "/keys/sha256:00", Some(&good))
        .expect(400);
    let listed = registry.admin("GET", "/keys", None).expect(200).json();
    assert_eq!(listed["keys"], json!([]));
}
