//! A watch that nobody ended: the daemon was told to end, or went down with all that it ran. What was
//! watched is not taken for well because of it.

use serde_json::Value;

use super::home::{Home, one, polled, reported, runs, two};
use super::kernel::pinned;
use super::served::Served;
use super::waiting::is_root;

const INSTANCE: &str = "fleet-broken";

/// An update from 1.0.0 to 1.1.0 that is watched, on a node that then ends as `ends` says.
fn watched(registry: &Served, home: &Home, more: &[&str], ends: impl FnOnce(super::node::Node)) {
    registry.wants(&[(INSTANCE, &one("1.0.0"))]);
    let node = home.start_with(&registry.url(), more);
    runs(&node, INSTANCE, "1.0.0");
    reported(registry, &format!("started {INSTANCE} 1.0.0"));
    registry.wants(&[(INSTANCE, &two("1.1.0"))]);
    runs(&node, INSTANCE, "1.1.0");
    reported(registry, &format!("updated {INSTANCE} 1.1.0"));
    assert!(node.instance(INSTANCE)["watch"].is_object());
    ends(node);
}

#[test]
fn a_daemon_that_is_told_to_end_in_a_watch_begins_again_with_what_ran_before() {
    if !is_root("the end of a daemon in a watch") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    watched(&registry, &home, &[], |node| {
        assert_eq!(node.stop(), Some(0));
    });
    // Nobody listens at the registry's address.
    let node = home.start("http://127.0.0.1:1");
    runs(&node, INSTANCE, "1.0.0");
    assert_eq!(node.stop(), Some(0));
    let node = home.start(&registry.url());
    runs(&node, INSTANCE, "1.1.0");
    let shown = node.instance(INSTANCE);
    assert!(shown["watch"].is_object(), "it is watched anew: {shown}");
    let outcomes = registry.outcomes();
    let told = |kind: &str| outcomes.iter().any(|one| one.starts_with(kind));
    assert!(!told("committed") && !told("rolled_back"), "{outcomes:?}");
}

#[test]
fn what_a_machine_goes_down_with_in_its_watch_is_left_for_what_ran_before() {
    if !is_root("the end of a machine in a watch") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    watched(&registry, &home, &["--on-exit", "keep"], |node| {
        node.kill();
        // A machine that went down has nothing in its kernel.
        let pins = pinned(home.path("state").as_ref());
        for pin in pins.iter().rev().filter(|pin| !pin.is_dir()) {
            std::fs::remove_file(pin).unwrap();
        }
    });
    let node = home.start(&registry.url());
    runs(&node, INSTANCE, "1.0.0");
    reported(&registry, &format!("rolled_back {INSTANCE} 1.1.0"));
    let outcome: Value = registry.outcome("rolled_back").unwrap();
    let detail = outcome["problem"]["detail"].as_str().unwrap();
    assert!(detail.contains("was watched"), "{detail}");
    polled(&registry);
    assert_eq!(
        node.instance(INSTANCE)["version"],
        "1.0.0",
        "it is wanted still, and not tried again"
    );
    let outcomes = registry.outcomes();
    let committed = outcomes.iter().any(|one| one.starts_with("committed"));
    assert!(!committed, "{outcomes:?}");
}
