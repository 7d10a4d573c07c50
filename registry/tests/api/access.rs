//! Tokens: made, listed, revoked, expired; never shown twice, never kept.

use serde_json::{Value, json};

use crate::stage::Registry;

fn make(registry: &Registry, body: &Value) -> crate::client::Answer {
    registry.admin("POST", "/tokens", Some(body))
}

#[test]
fn a_secret_is_told_once_and_kept_nowhere() {
    let mut registry = Registry::start();
    let secret = registry.token("ci", &["publish:acme", "read"]);
    assert_eq!(secret.len(), "marrow_".len() + 43);
    let who = registry
        .ask(&secret, "GET", "/whoami", None)
        .expect(200)
        .json();
    assert_eq!(who["name"], "ci");
    assert_eq!(who["scopes"], json!(["publish:acme", "read"]));
    let listed = registry.admin("GET", "/tokens", None).expect(200);
    let names = listed.json()["tokens"].as_array().unwrap().len();
    assert_eq!(names, 2);
    let audit = registry.admin("GET", "/audit", None).expect(200);
    assert!(registry.stop().success());
    let letters = secret.strip_prefix("marrow_").unwrap().as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(letters.len()).any(|part| part == letters);
    assert!(!holds(&listed.body) && !holds(&audit.body));
    for entry in std::fs::read_dir(registry.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert!(!holds(&std::fs::read(&path).unwrap()), "{}", path.display());
        }
    }
    registry.start_again();
    registry.ask(&secret, "GET", "/whoami", None).expect(200);
}

#[test]
fn a_revoked_token_ends_at_once_and_its_name_is_free_again() {
    let registry = Registry::start();
    let first = registry.token("ci", &["read"]);
    registry.ask(&first, "GET", "/payloads", None).expect(200);
    let taken = make(&registry, &json!({ "name": "ci", "scopes": ["read"] })).expect(409);
    assert_eq!(taken.field(), "name");
    registry.admin("DELETE", "/tokens/ci", None).expect(204);
    registry.ask(&first, "GET", "/payloads", None).expect(401);
    registry.admin("DELETE", "/tokens/ci", None).expect(404);
    let second = registry.token("ci", &["read"]);
    registry.ask(&second, "GET", "/payloads", None).expect(200);
    registry.ask(&first, "GET", "/payloads", None).expect(401);
}

#[test]
fn what_breaks_a_rule_of_tokens_names_its_field() {
    let registry = Registry::start();
    for (body, field) in [
        (json!({ "name": "", "scopes": ["read"] }), "name"),
        (json!({ "name": "node:x", "scopes": ["read"] }), "name"),
        (json!({ "name": "<script>", "scopes": ["read"] }), "name"),
        (
            json!({ "name": "a".repeat(64), "scopes": ["read"] }),
            "name",
        ),
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "x", "scopes": ["root"] }), "scopes"),
        (json!({ "name": "x", "scopes": ["publish:a/b"] }), "scopes"),
        (
            json!({ "name": "x", "scopes": ["enrol", "read"] }),
            "scopes",
        ),
        (json!({ "name": "x", "scopes": vec!["read"; 33] }), "scopes"),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in_s": 0 }),
            "expires_in_s",
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in_s": u64::MAX }),
            "expires_in_s",
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "uses": 1 }),
            "uses",
        ),
        (
            json!({ "name": "x", "scopes": ["enrol"], "uses": 0 }),
            "uses",
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "labels": {"a": "b"} }),
            "labels",
        ),
        (
            json!({ "name": "x", "scopes": ["enrol"], "labels": {"a b": "c"} }),
            "labels",
        ),
    ] {
        let refused = make(&registry, &body).expect(422);
        assert_eq!(refused.field(), field, "{body}: {}", refused.detail());
    }
    let tokens = registry.admin("GET", "/tokens", None).expect(200).json();
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 1);
}

#[test]
fn the_audit_tells_who_did_what_newest_first_and_page_by_page() {
    let registry = Registry::start();
    for name in ["a", "b", "c"] {
        registry.token(name, &["read"]);
    }
    registry.admin("DELETE", "/tokens/b", None).expect(204);
    let mut found = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    loop {
        let page = registry.admin("GET", &path, None).expect(200).json();
        for entry in page["entries"].as_array().unwrap() {
            let what = entry["what"].as_str().unwrap();
            found.push(format!("{what} {}", entry["subject"].as_str().unwrap()));
        }
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/audit?limit=2&before={next}");
    }
    assert_eq!(
        found,
        [
            "token.revoke b",
            "token.create c",
            "token.create b",
            "token.create a",
            "token.create admin"
        ]
    );
    for entry in registry.audit().iter().take(4) {
        assert_eq!(entry["who"], "admin");
        assert!(entry["request"].as_str().unwrap().contains('-'));
    }
}

#[test]
fn nobody_revokes_the_token_that_asks_and_so_not_the_last_of_an_administrator() {
    let registry = Registry::start();
    let refused = registry.admin("DELETE", "/tokens/admin", None).expect(409);
    assert_eq!(refused.field(), "name");
    let detail = refused.detail();
    assert!(
        detail.contains("the token of this very request"),
        "{detail}"
    );
    registry.admin("GET", "/tokens", None).expect(200);
    let second = registry.token("second", &["admin"]);
    registry
        .ask(&second, "DELETE", "/tokens/admin", None)
        .expect(204);
    registry
        .ask(&second, "DELETE", "/tokens/second", None)
        .expect(409);
    registry.ask(&second, "GET", "/tokens", None).expect(200);
}
