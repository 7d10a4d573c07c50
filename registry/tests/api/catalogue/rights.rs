//! What each page and each button asks of who uses it.

use crate::browser::Browser;
use crate::fleet::harness::Registry;
use crate::stage::until;

const PAGES: [&str; 7] = [
    "/payloads",
    "/payloads/acme/execsnoop",
    "/payloads/acme/execsnoop/versions/1.0.0",
    "/nodes",
    "/nodes/web-1",
    "/audit",
    "/access",
];

const BUTTONS: [&str; 12] = [
    "/payloads/acme/execsnoop/channels/stable/remove",
    "/payloads/acme/execsnoop/versions/1.0.0/yank",
    "/payloads/acme/execsnoop/versions/1.0.0/unyank",
    "/payloads/acme/execsnoop/versions/1.0.0/revoke",
    "/payloads/acme/execsnoop/versions/1.0.0/channel",
    "/nodes/web-1/pin",
    "/nodes/web-1/unpin",
    "/nodes/web-1/forget",
    "/access/tokens",
    "/access/tokens/ci/revoke",
    "/access/keys",
    "/access/keys/sha256:0000000000000000000000000000000000000000000000000000000000000000/remove",
];

/// Fields of every form.
const FIELDS: [(&str, &str); 6] = [
    ("deployment", "d"),
    ("name", "t"),
    ("read", "on"),
    ("pem", "x"),
    ("namespaces", "x"),
    ("channel", "edge"),
];

#[tokio::test]
async fn every_page_and_every_button_needs_a_log_in() {
    let registry = Registry::start();
    registry.stable().await;
    let own = registry.url();
    let bearer = format!("Bearer {}", registry.stage.admin);
    for path in PAGES.into_iter().chain(["/audit.json"]) {
        let answer = registry.ask("GET", path, &[("Authorization", &bearer)], "");
        let next = path.replace('/', "%2F");
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(format!("/login?next={next}").as_str())),
            "{path}"
        );
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let headers = [form, ("Origin", own.as_str()), ("Authorization", &bearer)];
    for path in BUTTONS {
        let answer = registry.ask("POST", path, &headers, "deployment=d");
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/login")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_that_reads_sees_no_button_and_presses_none() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[]).await;
    let reader = Browser::of(&registry, &["read"]).await;
    for path in PAGES.into_iter().filter(|path| *path != "/audit") {
        let page = reader.page(path);
        let forms = page.matches("method=\"post\"").count();
        assert_eq!(forms, 1, "only to log out: {path}: {page}");
    }
    for path in BUTTONS {
        assert_eq!(reader.send(path, &FIELDS).status, 403, "{path}");
    }
    // Refusals are audited behind their answers.
    until("each refusal is audited", || {
        let audit = registry.stage.audit();
        let refusals = audit
            .iter()
            .filter(|entry| entry["what"] == "scope.refused");
        refusals.count() == BUTTONS.len()
    });
}

#[tokio::test]
async fn a_form_from_elsewhere_presses_nothing() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[]).await;
    let admin = Browser::admin(&registry);
    let before = registry.stage.audit().len();
    for path in BUTTONS {
        for origin in ["https://evil.example", "null"] {
            let answer = admin.send_from(path, origin, &FIELDS);
            assert_eq!(answer.status, 403, "{path} from {origin}");
        }
    }
    assert_eq!(registry.stage.audit().len(), before, "nothing was done");
}

#[tokio::test]
async fn what_a_form_said_is_its_page_when_it_is_read_again() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[]).await;
    let reader = Browser::of(&registry, &["read"]).await;
    let before = registry.stage.audit().len();
    for path in BUTTONS {
        let answer = reader.ask(path);
        let leads_to = answer.header("location").unwrap_or_default();
        assert_eq!(answer.status, 303, "{path}");
        assert!(PAGES.contains(&leads_to), "{path} leads to {leads_to}");
        assert!(path.starts_with(leads_to), "{path} leads to {leads_to}");
        let bare = registry.ask("GET", path, &[], "");
        assert!(bare.header("location").unwrap().starts_with("/login"));
    }
    for path in [
        "/nodes/%2F%2Fevil.example/pin",
        "/payloads/acme/%2F..%2Fx/channels/stable/remove",
        "/payloads/acme/execsnoop/versions/%0d%0a/yank",
    ] {
        assert_eq!(reader.ask(path).status, 400, "{path}");
    }
    assert_eq!(registry.stage.audit().len(), before, "nothing was done");
}

#[tokio::test]
async fn no_page_has_anything_inline() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[]).await;
    let admin = Browser::admin(&registry);
    for path in PAGES {
        let page = admin.page(path);
        for inline in [
            "<style",
            " style=",
            " onclick=",
            "javascript:",
            "<script>",
            "hx-on",
        ] {
            assert!(!page.contains(inline), "{inline} in {path}: {page}");
        }
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        // Each control has a label, each label a control.
        for id in page.split(" for=\"").skip(1) {
            let id = id.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "{id} in {path}");
        }
    }
}

#[tokio::test]
async fn a_page_with_a_form_is_not_read_again_under_the_hands() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[]).await;
    let reader = Browser::of(&registry, &["read"]).await;
    let admin = Browser::admin(&registry);
    // Without JavaScript a page reads itself again by this.
    let refresh = "http-equiv=\"refresh\"";
    assert!(reader.page("/nodes/web-1").contains(refresh));
    for path in [
        "/nodes/web-1",
        "/payloads/acme/execsnoop/versions/1.0.0",
        "/access",
    ] {
        assert!(!admin.page(path).contains(refresh), "{path}");
    }
    for path in ["/payloads", "/payloads/acme/execsnoop", "/nodes", "/audit"] {
        assert!(admin.page(path).contains(refresh), "{path}");
    }
}
