//! What must hold on every page: nothing in the console, no request to elsewhere, no violation that
//! axe-core finds in light or dark, nothing wider than a small phone.

use super::axe;
use super::site::Site;
use super::tab::{Scheme, Tab};

/// A small phone's.
pub(super) const NARROW_PX: u32 = 360;
const WIDE_PX: u32 = 1280;
/// What reaches over the right edge.
const WIDER: &str = "(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll('*')]
        .filter((one) => one.getBoundingClientRect().right > width)
        .map((one) => one.outerHTML.slice(0, 160));
})()";
/// Whether a page that is kept live is, and has read itself again, or none is.
const LIVE: &str = "(() => {
    const link = document.getElementById('link');
    if (!link) return true;
    if (link.dataset.state !== 'live') return false;
    htmx.trigger(document.getElementById('main'), 'stale');
    return true;
})()";
/// Whether the page is dark: the brightness of what is behind everything, of 255.
const GROUND: &str = "Math.max(...getComputedStyle(document.body).backgroundColor\
                      .match(/[0-9]+/g).slice(0, 3).map(Number))";

/// Every page, by what it is of.
pub(super) const PAGES: [(&str, &str); 16] = [
    ("login", "/login"),
    ("fleet", "/"),
    ("payloads", "/payloads"),
    ("payload", "/payloads/acme/exec"),
    ("version", "/payloads/acme/exec/versions/1.1.0"),
    ("deployments", "/deployments"),
    ("deployment", "/deployments/exec"),
    ("rollouts", "/rollouts"),
    ("new-rollout", "/rollouts/new?deployment=exec"),
    ("rollout", "/rollouts/1"),
    ("preflight", "/rollouts/1/preflight"),
    ("nodes", "/nodes"),
    ("node", "/nodes/n0"),
    ("events", "/nodes/n0/events/exec"),
    ("audit", "/audit"),
    ("access", "/access"),
];

/// Faults of all pages, each with its page.
pub(super) fn each(tab: &mut Tab, mut look: impl FnMut(&mut Tab) -> Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, path) in PAGES {
        tab.go(path);
        assert_eq!(tab.status(), 200, "{path}");
        let faults = look(tab);
        found.extend(faults.iter().map(|fault| format!("{name}: {fault}")));
    }
    found
}

#[track_caller]
pub(super) fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_page_has_an_error_in_its_console_or_asks_elsewhere() {
    let Some(mut site) = Site::furnished() else {
        return;
    };
    site.tab.faults();
    let faults = each(&mut site.tab, |tab| {
        // So that what it does once it is live is seen too.
        tab.until("it is live", LIVE);
        tab.faults()
    });
    none(&faults);
}

#[test]
fn no_page_is_wider_than_a_small_phone() {
    let Some(mut site) = Site::furnished() else {
        return;
    };
    site.tab.look(NARROW_PX, Scheme::Light);
    let faults = each(&mut site.tab, |tab| {
        serde_json::from_value(tab.ask(WIDER)).unwrap()
    });
    none(&faults);
}

#[test]
fn every_page_is_dark_where_everything_is() {
    let Some(mut site) = Site::furnished() else {
        return;
    };
    for (scheme, is_dark) in [(Scheme::Light, false), (Scheme::Dark, true)] {
        site.tab.look(WIDE_PX, scheme);
        each(&mut site.tab, |tab| {
            let ground = tab.ask(GROUND).as_u64().unwrap();
            assert_eq!(ground < 64, is_dark, "{ground}");
            Vec::new()
        });
    }
}

#[test]
fn axe_finds_no_violation_in_light_and_dark() {
    let script = match axe::script() {
        Ok(script) => script,
        Err(why) => return println!("not run: {why}"),
    };
    let Some(mut site) = Site::furnished() else {
        return;
    };
    for scheme in [Scheme::Light, Scheme::Dark] {
        site.tab.look(WIDE_PX, scheme);
        none(&each(&mut site.tab, |tab| axe::violations(tab, &script)));
    }
}
