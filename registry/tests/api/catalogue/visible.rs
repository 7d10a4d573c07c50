//! Texts of nodes and people that would act on a terminal or turn a line: no page shows them raw.

use api::problem::Problem;
use api::registry::{OutcomeKind, Reports};

use crate::browser::Browser;
use crate::fixture;
use crate::fleet::harness::{Registry, facts, outcome, runs, spec};

/// Turns what is behind it, and can't be seen.
const TURNED: &str = "a\u{202e}b\u{200b}c\u{2066}d";
/// The same, and acts on a terminal.
const ACTS: &str = "a\u{1b}[31m\u{7f}\u{9b}b\u{202e}c\u{200b}d";

/// The first letter of a page that acts, turns or hides.
fn raw(page: &str) -> Option<char> {
    let mut letters = page.chars();
    letters.find(|letter| {
        let acts = letter.is_control() && *letter != '\n' && *letter != '\t';
        let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        acts || turns || matches!(letter, '\u{2060}'..='\u{2069}' | '\u{feff}')
    })
}

#[tokio::test]
async fn what_acts_on_a_terminal_or_turns_a_line_is_shown_by_its_number() {
    let registry = Registry::start();
    let keys = [fixture::key(1)];
    let made = fixture::made_with(fixture::OBJECT, "acme/execsnoop", "1.0.0", TURNED, &keys);
    let stage = &registry.stage;
    stage.publish(&stage.admin, &made).expect(201);
    registry.channel("1.0.0").await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("*")).await.unwrap();
    let labels = [("env", TURNED)];
    let node = registry.node("web-1", &labels).await;
    let wanted = &node.instances().await[0];
    let mut by_hand = runs(wanted);
    (by_hand.payload, by_hand.version) = (TURNED.to_owned(), Some(TURNED.to_owned()));
    let mut refused = outcome(1, OutcomeKind::LoadRejected, &wanted.digest);
    refused.problem = Some(Box::new(
        Problem::new(422, "Load rejected", ACTS).with_log(ACTS),
    ));
    let mut failed = outcome(2, OutcomeKind::Failed, &wanted.digest);
    (failed.payload, failed.version) = (TURNED.to_owned(), Some(TURNED.to_owned()));
    let mut facts = facts(&labels);
    (facts.kernel, facts.os) = (TURNED.to_owned(), TURNED.to_owned());
    let reports = Reports {
        facts,
        instances: vec![by_hand],
        outcomes: vec![refused, failed],
    };
    node.report(reports).await.unwrap();
    let browser = Browser::admin(&registry);
    let fields = [("deployment", "d"), ("version", ""), ("reason", TURNED)];
    browser.press("/nodes/web-1/pin", &fields);
    let yank = "/payloads/acme/execsnoop/versions/1.0.0/yank";
    browser.press(yank, &[("reason", TURNED)]);
    for path in [
        "/",
        "/nodes",
        "/nodes/web-1",
        "/audit",
        "/payloads",
        "/payloads/acme/execsnoop",
        "/payloads/acme/execsnoop/versions/1.0.0",
    ] {
        let page = browser.page(path);
        assert_eq!(raw(&page), None, "{path}: {page:?}");
        // What is yanked has no description in lists.
        let shown = path == "/payloads" || page.contains("a\\u{202e}b\\u{200b}c\\u{2066}d");
        assert!(shown, "{path}: {page}");
    }
    let page = browser.page("/nodes/web-1");
    let acts = "a\\u{1b}[31m\\u{7f}\\u{9b}b\\u{202e}c\\u{200b}d";
    assert_eq!(page.matches(acts).count(), 2, "why, and the log: {page}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_as_a_page_to_who_reads_pages() {
    let registry = Registry::start();
    let browser = Browser::of(&registry, &["read"]).await;
    let html = ("Accept", "text/html,application/xhtml+xml");
    for (method, path, status, why) in [
        ("GET", "/fleets", 404, "no route /fleets"),
        (
            "GET",
            "/nodes/web-1/shoes",
            404,
            "no route /nodes/web-1/shoes",
        ),
        ("DELETE", "/nodes", 405, "/nodes does not take DELETE"),
    ] {
        let page = registry.ask(method, path, &[html], "");
        assert_eq!(page.status, status, "{path}");
        assert!(
            page.header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(page.header("content-security-policy").is_some(), "{path}");
        assert!(page.text().contains(why), "{}", page.text());
        let problem = registry.ask(method, path, &[], "");
        assert_eq!(problem.status, status, "{path}");
        assert_eq!(problem.json()["detail"], why);
    }
    let gone = browser.ask("/nodes/web-1");
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("web-1"), "{}", gone.text());
}
