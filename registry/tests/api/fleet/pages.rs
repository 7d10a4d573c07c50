//! The pages: log-in and out, cookies, foreign forms, what a page may load, escaping, lists.

use super::harness::{Registry, spec};
use crate::client::Answer;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(super) fn post(
    registry: &Registry,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let own = registry.url();
    let mut all = vec![FORM];
    all.extend(headers);
    if !headers.iter().any(|(name, _)| *name == "Origin") {
        all.push(("Origin", &own));
    }
    registry.ask("POST", path, &all, body)
}

pub(super) fn log_in(registry: &Registry, token: &str) -> Answer {
    post(registry, "/login", &[], &format!("token={token}"))
}

/// The pair of the cookie.
pub(super) fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().unwrap().to_owned()
}

pub(super) fn get(registry: &Registry, path: &str, cookie: &str) -> Answer {
    registry.ask(
        "GET",
        path,
        &[("Cookie", cookie), ("Accept", "text/html")],
        "",
    )
}

#[tokio::test]
async fn a_token_that_may_read_logs_in_and_out() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let answer = log_in(&registry, &token);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-marrow=marrow_"), "{set}");
    for part in [
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=43200",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let cookie = cookie(&answer);
    let page = get(&registry, "/", &cookie);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("viewer"), "{}", page.text());
    // The cookie is no bearer, and the token no cookie.
    let secret = cookie.split_once('=').unwrap().1;
    let answer = registry.ask_as(secret, "GET", "/api/v1/nodes", "");
    assert_eq!(answer.status, 401);
    assert_eq!(
        get(&registry, "/", &format!("__Host-marrow={token}")).status,
        303
    );
    let answer = post(&registry, "/logout", &[("Cookie", &cookie)], "");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(get(&registry, "/", &cookie).status, 303);
    let audit = registry.admin().audit(None).await.unwrap().entries;
    for what in ["page.login", "page.logout"] {
        assert!(
            audit
                .iter()
                .any(|entry| entry.what == what && entry.who == "viewer"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn every_page_needs_a_log_in() {
    let registry = Registry::start();
    for (path, leads_to) in [
        ("/", "/login"),
        (
            "/payloads/acme/execsnoop",
            "/login?next=%2Fpayloads%2Facme%2Fexecsnoop",
        ),
    ] {
        let answer = registry.ask("GET", path, &[("Accept", "text/html")], "");
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(leads_to)),
            "{path}"
        );
        assert!(answer.text().is_empty());
    }
    assert_eq!(registry.ask("GET", "/live", &[], "").status, 401);
    // A bearer opens the API, not the pages.
    let bearer = format!("Bearer {}", registry.stage.admin);
    assert_eq!(
        registry
            .ask("GET", "/", &[("Authorization", &bearer)], "")
            .status,
        303
    );
}

#[tokio::test]
async fn a_log_in_ends_with_its_token() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let cookie = cookie(&log_in(&registry, &token));
    assert_eq!(get(&registry, "/", &cookie).status, 200);
    registry.admin().revoke_token("viewer").await.unwrap();
    assert_eq!(get(&registry, "/", &cookie).status, 303);
    assert_eq!(log_in(&registry, &token).status, 401);
    // Nor does another token of the name bring it back.
    registry.token("viewer", &["read"]).await;
    assert_eq!(get(&registry, "/", &cookie).status, 303);
}

#[tokio::test]
async fn a_log_in_outlives_a_restart() {
    let mut registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let cookie = cookie(&log_in(&registry, &token));
    registry.restart();
    assert_eq!(get(&registry, "/", &cookie).status, 200);
}

#[tokio::test]
async fn what_may_not_read_does_not_log_in_and_is_slowed_down() {
    let registry = Registry::start_with("5");
    let enrol = registry.token("e", &["enrol"]).await;
    let node = registry.node("a", &[]).await.credential;
    let unknown = format!("marrow_{}", "A".repeat(43));
    for token in [enrol.as_str(), &node, &unknown, "", "%3Cscript%3E"] {
        let answer = log_in(&registry, token);
        assert_eq!(answer.status, 401, "{token}");
        assert!(answer.header("set-cookie").is_none());
        assert!(
            answer.text().contains("This token does not open the page"),
            "{}",
            answer.text()
        );
    }
    let answer = log_in(&registry, &unknown);
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let cookie = cookie(&log_in(&registry, &token));
    let own = registry.url();
    for headers in [
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "null")],
        vec![("Origin", own.as_str()), ("Sec-Fetch-Site", "cross-site")],
        vec![("Origin", own.as_str()), ("Sec-Fetch-Site", "same-site")],
    ] {
        let answer = post(&registry, "/login", &headers, &format!("token={token}"));
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(answer.header("set-cookie").is_none());
        let mut headers = headers;
        headers.push(("Cookie", &cookie));
        assert_eq!(
            post(&registry, "/logout", &headers, "").status,
            403,
            "{headers:?}"
        );
    }
    let bare = registry.ask("POST", "/logout", &[("Cookie", &cookie)], "");
    assert_eq!(bare.status, 403, "a form without an origin");
    assert_eq!(
        get(&registry, "/", &cookie).status,
        200,
        "it is still logged in"
    );
}

#[tokio::test]
async fn a_form_is_bounded_and_of_its_type() {
    let registry = Registry::start();
    let long = format!("token={}", "x".repeat(20_000));
    assert_eq!(post(&registry, "/login", &[], &long).status, 413);
    let own = registry.url();
    let origin = ("Origin", own.as_str());
    let json = ("Content-Type", "application/json");
    assert_eq!(
        registry.ask("POST", "/login", &[origin, json], "{}").status,
        415
    );
    assert_eq!(post(&registry, "/login", &[], "other=1").status, 422);
}

#[tokio::test]
async fn a_page_may_load_nothing_but_its_own_files() {
    let registry = Registry::start();
    let cookie = cookie(&log_in(&registry, &registry.stage.admin));
    for page in [get(&registry, "/", &cookie), get(&registry, "/login", "")] {
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        for inline in [
            "<style",
            " style=",
            " onclick=",
            "javascript:",
            "<script>",
            "http://",
            "https://",
        ] {
            assert!(!page.text().contains(inline), "{inline} in {}", page.text());
        }
    }
    for (path, media_type) in [
        ("/static/page.css", "text/css; charset=utf-8"),
        ("/static/page.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let file = registry.ask("GET", path, &[], "");
        assert_eq!(
            (file.status, file.header("content-type")),
            (200, Some(media_type)),
            "{path}"
        );
        assert!(
            !file.text().contains("//fonts.") && !file.text().contains("@import"),
            "{path}"
        );
        let etag = file.header("etag").unwrap();
        assert_eq!(
            registry
                .ask("GET", path, &[("If-None-Match", etag)], "")
                .status,
            304
        );
    }
}

#[tokio::test]
async fn what_a_node_says_of_itself_is_text() {
    let registry = Registry::start();
    let hostile = "<script>alert(1)</script>";
    registry
        .node("a", &[("owner", hostile), ("quote", "\"'&<img src=x>")])
        .await;
    let cookie = cookie(&log_in(&registry, &registry.stage.admin));
    let page = get(&registry, "/nodes/a", &cookie).text();
    assert!(
        !page.contains(hostile) && !page.contains("<img src=x>"),
        "{page}"
    );
    assert!(
        page.contains("owner=&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{page}"
    );
    // A refusal shows what was asked for as text as well.
    let refusal = get(
        &registry,
        "/payloads/acme/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        &cookie,
    );
    assert_eq!(refusal.status, 400);
    assert!(!refusal.text().contains("<script>"), "{}", refusal.text());
}

#[tokio::test]
async fn the_fleet_shows_who_is_there_what_runs_and_what_is_new() {
    let registry = Registry::start();
    let cookie = cookie(&log_in(&registry, &registry.stage.admin));
    let empty = get(&registry, "/", &cookie).text();
    for text in [
        "packer publish",
        "--enrol-token-file",
        "packer rollout start",
    ] {
        assert!(empty.contains(text), "{text} is not in {empty}");
    }
    registry.stable().await;
    registry.publish("1.1.0").await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    registry
        .node("web-1", &[])
        .await
        .settle(&[("env", "prod")])
        .await;
    registry.node("web-2", &[]).await;
    let page = get(&registry, "/?span=hour&payload=acme/execsnoop", &cookie).text();
    for text in [
        "<dd>2<small> of 2</small></dd>",
        "<th scope=\"row\">6.1.0-18-cloud-amd64</th>",
        "acme/execsnoop <span class=\"about\">1.0.0</span>",
        "href=\"/payloads/acme/execsnoop/versions/1.1.0\"",
        "href=\"/nodes?presence=stale\"",
        "href=\"/nodes?presence=lost\"",
        "href=\"/?span=week&#38;payload=acme%2Fexecsnoop\"",
        "aria-current=\"true\">hour</a>",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let unused = get(&registry, "/?payload=acme%2Fabsent", &cookie).text();
    assert!(
        unused.contains("aria-current=\"true\">acme/absent</a>"),
        "{unused}"
    );
    assert_eq!(get(&registry, "/?span=year", &cookie).status, 400);
    assert_eq!(get(&registry, "/?payload=x", &cookie).status, 400);
}

#[tokio::test]
async fn a_page_of_what_is_not_there_says_so() {
    let registry = Registry::start();
    let cookie = cookie(&log_in(&registry, &registry.stage.admin));
    let absent = get(&registry, "/payloads/acme/absent", &cookie);
    assert_eq!(absent.status, 404);
    let text = absent.text();
    assert!(text.contains("<h1>Not Found</h1>"), "{text}");
}
