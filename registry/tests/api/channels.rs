//! Channels: made, moved, removed, and never to what must not run.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{floor, key, made};
use crate::stage::Registry;

fn registry() -> Registry {
    let registry = Registry::start();
    registry.trust();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        registry
            .publish(&registry.admin, &made(version))
            .expect(201);
    }
    registry
}

fn set(registry: &Registry, token: &str, channel: &str, version: &str) -> Answer {
    let path = format!("/payloads/acme/small/channels/{channel}");
    registry.ask(token, "PUT", &path, Some(&json!({ "version": version })))
}

#[test]
fn a_channel_moves_between_versions_and_the_audit_tells() {
    let registry = registry();
    let ci = registry.token("ci", &["publish:acme"]);
    let operator = registry.token("op", &["operate"]);
    set(&registry, &ci, "stable", "1.0.0").expect(201);
    let moved = set(&registry, &operator, "stable", "1.1.0")
        .expect(200)
        .json();
    assert_eq!(moved["version"], "1.1.0");
    assert_eq!(moved["moved_by"], "op");
    let payload = registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(200)
        .json();
    assert_eq!(payload["channels"], json!([moved]));
    let list = registry.admin("GET", "/payloads", None).expect(200).json();
    assert_eq!(
        list["payloads"][0]["channels"],
        json!({ "stable": "1.1.0" })
    );
    let audit = registry.audit();
    assert_eq!(audit[0]["what"], "channel.move");
    assert_eq!(audit[0]["before"], json!({ "version": "1.0.0" }));
    assert_eq!(audit[0]["after"], json!({ "version": "1.1.0" }));
    let path = "/payloads/acme/small/channels/stable";
    registry.ask(&ci, "DELETE", path, None).expect(204);
    registry.ask(&ci, "DELETE", path, None).expect(404);
    let payload = registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(200)
        .json();
    assert_eq!(payload["channels"], Value::Array(Vec::new()));
}

#[test]
fn a_channel_names_available_releases_only() {
    let registry = registry();
    let admin = registry.admin.clone();
    set(&registry, &admin, "stable", "9.9.9").expect(404);
    set(&registry, &admin, "stable", "latest").expect(400);
    for (what, version) in [("yank", "1.0.0"), ("revoke", "1.1.0")] {
        let path = format!("/payloads/acme/small/versions/{version}/{what}");
        registry.admin("POST", &path, Some(&json!({}))).expect(200);
        let refused = set(&registry, &admin, "stable", version).expect(409);
        assert_eq!(refused.field(), "version");
    }
    set(&registry, &admin, "stable", "1.2.0").expect(201);
    let other = registry.token("other", &["publish:other"]);
    set(&registry, &other, "stable", "1.2.0").expect(403);
}

#[test]
fn channels_are_bounded_and_their_names_plain() {
    let registry = registry();
    let admin = registry.admin.clone();
    for name in [
        "..",
        "%2e%2e",
        "a%2fb",
        "A",
        "a%20b",
        "%3Cscript%3E",
        "a%00",
        &"a".repeat(64),
    ] {
        let refused = set(&registry, &admin, name, "1.0.0").expect(400);
        assert!(
            ["channel", "path"].contains(&refused.field().as_str()),
            "{name}"
        );
    }
    for count in 0..64 {
        set(&registry, &admin, &format!("c{count}"), "1.0.0").expect(201);
    }
    set(&registry, &admin, "one-more", "1.0.0").expect(422);
    set(&registry, &admin, "c0", "1.1.0").expect(200);
}

#[test]
fn a_channel_moves_to_no_version_below_the_floor() {
    let registry = registry();
    set(&registry, &registry.admin, "stable", "1.2.0").expect(201);
    let raise = |version, serial| {
        let body = json!({ "envelope": floor("acme/small", version, serial, &key(1)) });
        registry.admin("PUT", "/payloads/acme/small/floor", Some(&body))
    };
    raise("1.1.0", 1).expect(200);
    for channel in ["stable", "edge"] {
        let refused = set(&registry, &registry.admin, channel, "1.0.0").expect(409);
        assert_eq!(refused.field(), "version");
        let detail = refused.detail();
        assert!(
            detail.contains("@1.0.0") && detail.contains("1.1.0"),
            "{detail}"
        );
    }
    set(&registry, &registry.admin, "stable", "1.1.0").expect(200);
    raise("1.0.0", 2).expect(200);
    set(&registry, &registry.admin, "stable", "1.0.0").expect(200);
}
