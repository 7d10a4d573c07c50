//! Who may call what: every route of the fleet with every wrong bearer, refused and audited.

use std::time::{Duration, Instant};

use super::harness::Registry;

/// Method, path and body of every route, and the scopes that open it.
const ROUTES: [(&str, &str, &str, &[&str]); 11] = [
    ("PUT", "/api/v1/deployments/d", SPEC, &["admin", "operate"]),
    ("GET", "/api/v1/deployments", "", READERS),
    ("GET", "/api/v1/deployments/d", "", READERS),
    ("DELETE", "/api/v1/deployments/d", "", &["admin", "operate"]),
    ("POST", "/api/v1/nodes/enrol", ENROL, &["enrol"]),
    ("GET", "/api/v1/nodes", "", READERS),
    ("GET", "/api/v1/nodes/b", "", READERS),
    ("GET", "/api/v1/nodes/b/explain", "", READERS),
    ("GET", "/api/v1/nodes/a/desired", "", &["node a"]),
    ("POST", "/api/v1/nodes/a/reports", REPORT, &["node a"]),
    ("DELETE", "/api/v1/nodes/b", "", &["admin", "operate"]),
];
const READERS: &[&str] = &["admin", "operate", "read", "publish:acme"];
const SPEC: &str = r#"{"payload":"acme/execsnoop","source":{"channel":"stable"},"selector":"x=y"}"#;
const ENROL: &str =
    r#"{"node":"c","facts":{"kernel":"6.1","arch":"x86_64","btf":true,"cpus":2,"version":"1"}}"#;
const REPORT: &str = r#"{"facts":{"kernel":"6.1","arch":"x86_64","btf":true,"cpus":2,"version":"1"},
    "instances":[]}"#;

#[tokio::test]
async fn each_route_opens_for_its_scopes_alone_and_refusals_are_audited() {
    let registry = Registry::start();
    registry.stable().await;
    let mut bearers = Vec::new();
    for scope in ["admin", "operate", "read", "publish:acme", "enrol"] {
        let name = format!("t-{}", scope.replace(':', "-"));
        bearers.push((scope, registry.token(&name, &[scope]).await));
    }
    bearers.push(("node a", registry.node("a", &[]).await.credential));
    bearers.push(("node b", registry.node("b", &[]).await.credential));
    let mut refusals = 0;
    for (method, path, body, open) in ROUTES {
        for (scope, bearer) in &bearers {
            if open.contains(scope) {
                continue;
            }
            let answer = registry.ask_as(bearer, method, path, body);
            assert_eq!(
                answer.status,
                403,
                "{scope} {method} {path}: {}",
                answer.text()
            );
            assert!(answer.header("x-request-id").is_some());
            refusals += 1;
        }
    }
    // Nothing was changed by any of them, and all of them are in the audit.
    let admin = registry.admin();
    assert!(
        admin
            .deployments(None)
            .await
            .unwrap()
            .deployments
            .is_empty()
    );
    assert_eq!(admin.nodes(None).await.unwrap().nodes.len(), 2);
    audited(&registry, "scope.refused", refusals).await;
    for (method, path, body, open) in ROUTES {
        for (scope, bearer) in bearers.iter().filter(|(scope, _)| open.contains(scope)) {
            let answer = registry.ask_as(bearer, method, path, body);
            // A second one may find that it is done: gone, or enrolled.
            let done = matches!(answer.status, 200 | 201 | 204 | 404 | 409);
            assert!(
                done,
                "{scope} {method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn no_wrong_or_missing_bearer_opens_any_route() {
    let registry = Registry::start();
    let unknown = format!("marrow_{}", "A".repeat(43));
    let revoked = registry.token("revoked", &["admin"]).await;
    registry.admin().revoke_token("revoked").await.unwrap();
    let mut refusals = 0;
    for (method, path, body, _) in ROUTES {
        for bearer in [Some(&unknown), Some(&revoked), None] {
            let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
            let mut headers = vec![("Content-Type", "application/json")];
            headers.extend(
                bearer
                    .iter()
                    .map(|bearer| ("Authorization", bearer.as_str())),
            );
            let answer = registry.ask(method, path, &headers, body);
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            refusals += 1;
        }
    }
    audited(&registry, "token.refused", refusals).await;
}

#[tokio::test]
async fn a_node_can_call_for_no_other_node() {
    let registry = Registry::start();
    let a = registry.node("a", &[]).await.credential;
    registry.node("b", &[]).await;
    for (method, path, body) in [
        ("GET", "/api/v1/nodes/b/desired", ""),
        ("GET", "/api/v1/nodes/b/doorbell", ""),
        ("POST", "/api/v1/nodes/b/reports", REPORT),
        ("GET", "/api/v1/nodes/nobody/desired", ""),
        ("GET", "/api/v1/nodes/a%2f..%2fb/desired", ""),
    ] {
        assert_eq!(
            registry.ask_as(&a, method, path, body).status,
            403,
            "{method} {path}"
        );
    }
}

/// Waits until so many entries of the audit say this: refusals are written behind the answer.
async fn audited(registry: &Registry, what: &str, wanted: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = count(registry, what).await;
        if found == wanted {
            return;
        }
        assert!(
            found < wanted && Instant::now() < deadline,
            "{found} of {wanted} {what}"
        );
        tokio::task::yield_now().await;
    }
}

async fn count(registry: &Registry, what: &str) -> usize {
    let (mut found, mut before) = (0, None);
    loop {
        let page = registry.admin().audit(before).await.unwrap();
        found += page
            .entries
            .iter()
            .filter(|entry| entry.what == what)
            .count();
        if page.next.is_none() {
            return found;
        }
        before = page.next;
    }
}
