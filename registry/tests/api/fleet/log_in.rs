//! Logging in and out: where it leads, and which log-ins are in force behind it.

use super::harness::Registry;
use super::pages::{cookie, get, log_in, post};
use crate::browser::encoded;

#[tokio::test]
async fn a_log_in_leads_to_where_somebody_was_going() {
    let registry = Registry::start();
    let sought = "/rollouts/1?stands=failed";
    let sent = get(&registry, sought, "");
    let address = "/login?next=%2Frollouts%2F1%3Fstands%3Dfailed";
    assert_eq!((sent.status, sent.header("location")), (303, Some(address)));
    let hidden = format!("<input type=\"hidden\" name=\"next\" value=\"{sought}\">");
    let form = get(&registry, address, "").text();
    assert!(form.contains(&hidden), "{form}");
    // A token that was mistyped does not lose it.
    let body = format!("token=x&next={}", encoded(sought));
    let again = post(&registry, "/login", &[], &body);
    assert_eq!(again.status, 401);
    assert!(again.text().contains(&hidden), "{}", again.text());
    let body = format!("token={}&next={}", registry.stage.admin, encoded(sought));
    let answer = post(&registry, "/login", &[], &body);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(sought))
    );
    // What a page asks for by itself leads to the page, not to the part of it.
    let own = format!("{}/nodes?q=web", registry.url());
    for (current, leads_to) in [
        (own.as_str(), "/login?next=%2Fnodes%3Fq%3Dweb"),
        ("https://evil.example/nodes", "/login"),
    ] {
        let headers = [("HX-Request", "true"), ("HX-Current-URL", current)];
        let answer = registry.ask("GET", "/rollouts/new/preview", &headers, "");
        assert_eq!(
            (answer.status, answer.header("hx-redirect")),
            (204, Some(leads_to))
        );
    }
}

#[tokio::test]
async fn a_log_in_leads_nowhere_but_to_this_registry() {
    let registry = Registry::start();
    let long = format!("/{}", "a".repeat(2000));
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\r\nSet-Cookie: a=b",
        "/%0d%0aSet-Cookie:%20a=b\n",
        "/\t/evil.example",
        "javascript:alert(1)",
        "nodes",
        "/\"><script>alert(1)</script>\0",
        &long,
    ] {
        let form = get(&registry, &format!("/login?next={}", encoded(next)), "");
        assert_eq!(form.status, 200, "{next:?}");
        let form = form.text();
        assert!(!form.contains("name=\"next\""), "{next:?}: {form}");
        let body = format!("token={}&next={}", registry.stage.admin, encoded(next));
        let answer = post(&registry, "/login", &[], &body);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/")),
            "{next:?}"
        );
        assert!(cookie(&answer).starts_with("__Host-marrow=marrow_"));
    }
    // Encoded it is a path like any other, and stays encoded.
    let next = "/%0d%0aSet-Cookie:%20a=b?q=\"><script>";
    let form = get(&registry, &format!("/login?next={}", encoded(next)), "").text();
    assert!(!form.contains("<script>"), "{form}");
    let body = format!("token={}&next={}", registry.stage.admin, encoded(next));
    let answer = post(&registry, "/login", &[], &body);
    assert_eq!(answer.header("location"), Some(next));
    assert!(cookie(&answer).starts_with("__Host-marrow=marrow_"));
}

#[tokio::test]
async fn a_log_in_ends_the_one_that_the_browser_had() {
    let registry = Registry::start();
    let token = registry.token("viewer", &["read"]).await;
    let first = cookie(&log_in(&registry, &token));
    let elsewhere = cookie(&log_in(&registry, &token));
    // One that fails ends nothing.
    let headers = [("Cookie", first.as_str())];
    assert_eq!(post(&registry, "/login", &headers, "token=x").status, 401);
    assert_eq!(get(&registry, "/", &first).status, 200);
    let body = format!("token={}", registry.stage.admin);
    let second = cookie(&post(&registry, "/login", &headers, &body));
    assert_eq!(get(&registry, "/", &first).status, 303, "the first is over");
    for cookie in [&second, &elsewhere] {
        assert_eq!(get(&registry, "/", cookie).status, 200);
    }
}

#[tokio::test]
async fn who_logs_out_loses_the_cookie_whatever_is_said() {
    let registry = Registry::start_with("2");
    let live = cookie(&log_in(&registry, &registry.stage.admin));
    let stale = format!("__Host-marrow=marrow_{}", "A".repeat(43));
    let log_out = |cookie: &str| post(&registry, "/logout", &[("Cookie", cookie)], "");
    let answers: Vec<_> = (0..3).map(|_| log_out(&stale)).collect();
    for answer in &answers {
        let taken = answer.header("set-cookie").unwrap();
        assert!(taken.contains("Max-Age=0"), "{taken}");
    }
    let statuses = answers.iter().map(|answer| answer.status);
    assert_eq!(statuses.collect::<Vec<_>>(), [303, 303, 429]);
    // Who is logged in is not in the way of that address's guesses.
    assert_eq!(log_out(&live).status, 303);
    assert_ne!(get(&registry, "/", &live).status, 200, "the log-in is over");
}
