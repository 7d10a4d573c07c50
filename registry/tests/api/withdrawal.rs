//! Yanked, shown again, revoked: what is hidden and what never comes back.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::made;
use crate::stage::Registry;

fn change(registry: &Registry, token: &str, version: &str, what: &str, reason: &str) -> Answer {
    let path = format!("/payloads/acme/small/versions/{version}/{what}");
    registry.ask(token, "POST", &path, Some(&json!({ "reason": reason })))
}

fn latest(registry: &Registry) -> Value {
    let list = registry.admin("GET", "/payloads", None).expect(200).json();
    list["payloads"][0]["latest"].clone()
}

#[test]
fn a_yanked_release_is_hidden_and_a_revoked_one_is_gone_for_good() {
    let registry = Registry::start();
    registry.trust();
    for version in ["1.0.0", "1.1.0"] {
        registry
            .publish(&registry.admin, &made(version))
            .expect(201);
    }
    let ci = registry.token("ci", &["publish:acme"]);
    let operator = registry.token("op", &["operate"]);
    assert_eq!(latest(&registry), "1.1.0");
    let yanked = change(&registry, &ci, "1.1.0", "yank", "too\nloud")
        .expect(200)
        .json();
    assert_eq!(yanked["state"], "yanked");
    assert_eq!(yanked["reason"], "too\nloud");
    assert_eq!(latest(&registry), "1.0.0");
    // The same again changes nothing.
    let again = change(&registry, &ci, "1.1.0", "yank", "other")
        .expect(200)
        .json();
    assert_eq!(again, yanked);
    let back = change(&registry, &operator, "1.1.0", "unyank", "")
        .expect(200)
        .json();
    assert_eq!(back["state"], "available");
    assert_eq!(back.get("reason"), None);
    assert_eq!(latest(&registry), "1.1.0");

    change(&registry, &ci, "1.1.0", "revoke", "").expect(403);
    let revoked = change(&registry, &operator, "1.1.0", "revoke", "CVE")
        .expect(200)
        .json();
    assert_eq!(revoked["state"], "revoked");
    for what in ["yank", "unyank"] {
        change(&registry, &operator, "1.1.0", what, "").expect(409);
    }
    change(&registry, &operator, "1.1.0", "revoke", "again").expect(200);
    // Published again it stays what it is.
    let same = registry
        .publish(&registry.admin, &made("1.1.0"))
        .expect(200)
        .json();
    assert_eq!(same["state"], "revoked");
    change(&registry, &operator, "1.0.0", "yank", "").expect(200);
    assert_eq!(latest(&registry), Value::Null);
    change(&registry, &operator, "3.0.0", "yank", "").expect(404);
    let audit = registry.audit();
    let what: Vec<&str> = audit
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    for wanted in ["release.yank", "release.unyank", "release.revoke"] {
        let times = what.iter().filter(|found| **found == wanted).count();
        assert_eq!(
            times,
            if wanted == "release.yank" { 2 } else { 1 },
            "{wanted}"
        );
    }
}

#[test]
fn a_reason_is_bounded_and_plain() {
    let registry = Registry::start();
    registry.trust();
    registry
        .publish(&registry.admin, &made("1.0.0"))
        .expect(201);
    for reason in [
        "x".repeat(1025),
        "\u{1b}[31m".to_owned(),
        "\u{0}".to_owned(),
    ] {
        let refused = change(&registry, &registry.admin, "1.0.0", "yank", &reason).expect(422);
        assert_eq!(refused.field(), "reason");
    }
    change(
        &registry,
        &registry.admin,
        "1.0.0",
        "yank",
        &"x".repeat(1024),
    )
    .expect(200);
}
