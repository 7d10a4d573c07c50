//! `/nodes`.

use crate::browser::{Browser, encoded};
use crate::fleet::harness::{Registry, spec};

#[tokio::test]
async fn an_empty_fleet_says_how_a_node_enrols() {
    let registry = Registry::start();
    let page = Browser::of(&registry, &["read"]).await.page("/nodes");
    assert!(
        page.contains("packer token new node-1 --scope enrol"),
        "{page}"
    );
}

#[tokio::test]
async fn nodes_are_found_by_name_labels_state_and_what_they_run() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    let prod = [("env", "prod")];
    admin.put_deployment("d", &spec("env=prod")).await.unwrap();
    registry.node("web-1", &prod).await.settle(&prod).await;
    registry.node("web-2", &prod).await;
    registry.node("db-1", &[("env", "test")]).await;
    let browser = Browser::of(&registry, &["read"]).await;
    let names = |query: &str| {
        let page = browser.page(&format!("/nodes?{query}"));
        let all = ["db-1", "web-1", "web-2"];
        let shown = all
            .into_iter()
            .filter(|name| page.contains(&format!(">{name}</a>")));
        let shown: Vec<&str> = shown.collect();
        let found = match shown.len() {
            1 => "1 node".to_owned(),
            nodes => format!("{nodes} nodes"),
        };
        assert!(page.contains(&format!("role=\"status\">{found}")), "{page}");
        shown
    };
    assert_eq!(names(""), ["db-1", "web-1", "web-2"]);
    // As a form sends it where nothing is filled in.
    assert_eq!(
        names("q=&select=&presence=&state=&payload=&version=").len(),
        3
    );
    assert_eq!(names("q=web"), ["web-1", "web-2"]);
    assert_eq!(names("select=env%3Dprod%2C+node!%3Dweb-2"), ["web-1"]);
    assert_eq!(names("select=kernel%3E%3D5.15").len(), 3);
    assert_eq!(names("state=unsettled"), ["web-2"]);
    assert_eq!(names("state=settled&q=web"), ["web-1"]);
    assert_eq!(names("presence=online").len(), 3);
    assert!(names("presence=stale").is_empty());
    assert!(names("presence=lost").is_empty());
    assert_eq!(names("payload=acme%2Fexecsnoop"), ["web-1"]);
    assert_eq!(names("payload=acme%2Fexecsnoop&version=1.0.0"), ["web-1"]);
    assert!(names("payload=acme%2Fexecsnoop&version=2.0.0").is_empty());
    assert_eq!(browser.ask("/nodes?presence=perhaps").status, 400);
    assert_eq!(browser.ask("/nodes?colour=red").status, 400);
}

#[tokio::test]
async fn an_expression_that_is_none_is_marked_where_it_goes_wrong() {
    let registry = Registry::start();
    registry.node("web-1", &[]).await;
    let browser = Browser::admin(&registry);
    let answer = browser.ask("/nodes?select=env%3D%24x%3Cscript%3E&q=web");
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(
        page.contains("env=<mark>$</mark>x&#60;script&#62;"),
        "{page}"
    );
    assert!(page.contains("aria-describedby=\"select-mistake\"") && page.contains("at byte 4"));
    assert!(page.contains("value=\"env=$x&#60;script&#62;\""), "{page}");
    assert!(page.contains("value=\"web\"") && !page.contains(">web-1<"));
    let long = format!("/nodes?select={}", "a".repeat(2000));
    assert_eq!(browser.ask(&long).status, 422);
}

#[tokio::test]
async fn nodes_come_in_pages_that_keep_what_is_looked_for() {
    let registry = Registry::start();
    let token = registry
        .token_with("many", &["enrol"], Some(102), &[])
        .await;
    for index in 0..102 {
        let labels = [("env", "prod")];
        let name = format!("n{index:03}");
        registry.enrol(&token, &name, &labels).await.unwrap();
    }
    let browser = Browser::admin(&registry);
    let selector = encoded("env=prod");
    let first = browser.page(&format!("/nodes?select={selector}"));
    assert!(first.contains("102 nodes found"), "{first}");
    assert!(first.contains(">n099<") && !first.contains(">n100<"));
    let next = "/nodes?select=env%3Dprod&#38;after=n099";
    assert!(
        first.contains(&format!("href=\"{next}\" rel=\"next\"")),
        "{first}"
    );
    let second = browser.page(&next.replace("&#38;", "&"));
    assert!(
        second.contains("102 nodes found"),
        "the count is that of all pages"
    );
    assert!(second.contains(">n101<") && !second.contains(">n099<"));
    assert!(second.contains("href=\"/nodes?select=env%3Dprod\" rel=\"first\""));
    assert!(!second.contains("rel=\"next\""));
}

#[tokio::test]
async fn what_nodes_say_of_themselves_is_text() {
    let registry = Registry::start();
    let hostile = "<script>alert(1)</script>";
    let labels = [("owner", hostile), ("quote", "\"'&<img src=x>")];
    registry.node("a", &labels).await;
    let browser = Browser::admin(&registry);
    for path in ["/nodes", "/nodes/a"] {
        let page = browser.page(path);
        assert!(!page.contains(hostile) && !page.contains("<img"), "{page}");
        assert!(page.contains("owner=&#60;script&#62;alert(1)"), "{page}");
    }
}

#[tokio::test]
async fn the_api_finds_the_same_nodes_and_counts_them() {
    let registry = Registry::start();
    registry.node("web-1", &[("env", "prod")]).await;
    registry.node("web-2", &[("env", "prod")]).await;
    registry.node("db-1", &[]).await;
    let token = registry.token("viewer", &["read"]).await;
    let ask = |query: &str| {
        let path = format!("/api/v1/nodes?{query}");
        registry.ask_as(&token, "GET", &path, "")
    };
    let found = ask("selector=env%3Dprod&limit=1").json();
    assert_eq!(found["matches"], 2);
    assert_eq!(found["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(found["next"], "web-1");
    assert_eq!(
        ask("named=db&presence=online&settled=true").json()["matches"],
        1
    );
    let wrong = ask("selector=env%3D");
    assert_eq!((wrong.status, wrong.field().as_str()), (400, "selector"));
}
