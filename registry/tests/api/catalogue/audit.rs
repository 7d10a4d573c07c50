//! `/audit`.

use crate::browser::Browser;
use crate::fleet::harness::{Registry, spec};
use crate::stage::until;

#[tokio::test]
async fn the_audit_is_for_operators() {
    let registry = Registry::start();
    let reader = Browser::of(&registry, &["read"]).await;
    assert!(!reader.page("/payloads").contains("href=\"/audit\""));
    assert_eq!(reader.ask("/audit").status, 403);
    assert_eq!(reader.ask("/audit.json").status, 403);
    let operator = Browser::of(&registry, &["operate"]).await;
    assert!(operator.page("/payloads").contains("href=\"/audit\""));
    until("the refusals are in the audit", || {
        operator.page("/audit").matches("scope.refused").count() == 2
    });
}

#[tokio::test]
async fn entries_are_found_by_who_what_and_subject_and_lead_to_their_subject() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("*")).await.unwrap();
    registry.node("web-1", &[]).await;
    let browser = Browser::admin(&registry);
    let whats = [
        "release.publish",
        "channel.move",
        "deployment.put",
        "node.enrol",
    ];
    let shown = |query: &str| {
        let page = browser.page(&format!("/audit?{query}"));
        let shown = whats
            .iter()
            .filter(|what| page.contains(&format!("{what}</td>")));
        shown.copied().collect::<Vec<_>>()
    };
    assert_eq!(shown(""), whats);
    assert_eq!(shown("what=release."), ["release.publish"]);
    assert_eq!(
        shown("subject=acme%2Fexecsnoop"),
        ["release.publish", "channel.move"]
    );
    assert_eq!(shown("who=enrol-web-1"), ["node.enrol"]);
    assert!(shown("who=enrol").is_empty(), "who is the whole name");
    assert!(
        shown("what=%25").is_empty(),
        "what people type is no pattern"
    );
    let page = browser.page("/audit");
    for href in [
        "/payloads/acme/execsnoop/versions/1.0.0",
        "/payloads/acme/execsnoop",
        "/deployments/d",
        "/nodes/web-1",
    ] {
        assert!(
            page.contains(&format!("<a href=\"{href}\">")),
            "{href} is not in {page}"
        );
    }
    assert!(
        browser
            .page("/audit?who=nobody-here")
            .contains("Nothing like this was done.")
    );
}

#[tokio::test]
async fn what_was_and_what_is_stand_line_by_line() {
    let registry = Registry::start();
    registry.stable().await;
    registry.publish("1.1.0").await;
    registry.channel("1.1.0").await;
    let browser = Browser::admin(&registry);
    let page = browser.page("/audit?what=channel.move");
    for line in [
        "<li class=\"was\"><code>- version: &#34;1.0.0&#34;</code></li>",
        "<li class=\"is\"><code>+ version: &#34;1.1.0&#34;</code></li>",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
}

#[tokio::test]
async fn what_callers_sent_is_text_and_no_link() {
    let registry = Registry::start();
    let reader = Browser::of(&registry, &["read"]).await;
    let path = "/access/tokens/%3Cscript%3Ealert(1)%3C%2Fscript%3E/revoke";
    assert_eq!(reader.send(path, &[]).status, 403);
    let browser = Browser::admin(&registry);
    let audit = "/audit?what=scope.refused";
    until("the refusal is in the audit", || {
        browser.page(audit).contains(">scope.refused<")
    });
    let page = browser.page(audit);
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("%3Cscript%3Ealert(1)") || page.contains("&#60;script&#62;"));
}

#[tokio::test]
async fn the_audit_comes_in_pages_and_as_the_apis_json() {
    let registry = Registry::start();
    for index in 0..60 {
        registry.token(&format!("t{index:02}"), &["read"]).await;
    }
    let browser = Browser::admin(&registry);
    let first = browser.page("/audit?what=token.create");
    assert!(
        first.contains(">t59<") && !first.contains(">t00<"),
        "{first}"
    );
    let json = browser.ask("/audit.json?what=token.create");
    let type_of = json.header("content-type").map(str::to_owned);
    assert_eq!(type_of.as_deref(), Some("application/json"));
    let json = json.json();
    assert_eq!(json["entries"].as_array().unwrap().len(), 50);
    let before = json["next"].as_u64().unwrap();
    let href = format!("/audit?what=token.create&#38;before={before}");
    assert!(
        first.contains(&format!("href=\"{href}\" rel=\"next\"")),
        "{first}"
    );
    let second = browser.page(&href.replace("&#38;", "&"));
    assert!(
        second.contains(">t00<") && !second.contains(">t59<"),
        "{second}"
    );
    assert!(second.contains("href=\"/audit?what=token.create\" rel=\"first\""));
    assert!(!second.contains("rel=\"next\""), "{second}");
    // The API finds the same.
    let path = "/api/v1/audit?what=token.create&subject=t07";
    let found = registry
        .ask_as(&registry.stage.admin, "GET", path, "")
        .json();
    assert_eq!(found["entries"].as_array().unwrap().len(), 1);
    assert_eq!(found["entries"][0]["subject"], "t07");
}
