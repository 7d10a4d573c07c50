//! A release that fails its watch on a node: the node goes back by itself, says so, and waits for
//! something else to run.

use super::home::{Home, one, polled, reported, runs, version};
use super::node::Named;
use super::release::release;
use super::served::Served;
use super::waiting::{is_root, until};

const INSTANCE: &str = "fleet-back";

#[test]
fn a_release_that_fails_its_watch_is_left_reported_and_not_tried_again() {
    if !is_root("a release that fails its watch") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let small = release("small", "acme/trace", "1.1.0", 1);
    registry.wants(&[(INSTANCE, &one("1.0.0"))]);
    let node = home.start_with(&registry.url(), &["--back-off-min-ms", "100"]);
    runs(&node, INSTANCE, "1.0.0");
    registry.wants(&[(INSTANCE, &small)]);
    reported(&registry, &format!("updated {INSTANCE} 1.1.0"));
    // Nobody on the machine changes what the registry has deployed.
    let local = node.cli(&["rollback", INSTANCE]);
    assert!(!local.status.success(), "{local:?}");
    let named = Named::new("fleet-small");
    until("it went back", || {
        named.run();
        (version(&node, INSTANCE).as_deref() == Some("1.0.0")).then_some(())
    });
    reported(&registry, &format!("rolled_back {INSTANCE} 1.1.0"));
    let outcome = registry.outcome("rolled_back").unwrap();
    assert_eq!(
        outcome["proof"]["rolled_back"]["automatic"], true,
        "{outcome}"
    );
    assert!(
        outcome["problem"]["detail"]
            .as_str()
            .unwrap()
            .contains("refused")
    );
    polled(&registry);
    let shown = node.instance(INSTANCE);
    assert_eq!(
        shown["version"], "1.0.0",
        "it is wanted still, and not tried again: {shown}"
    );
    assert_eq!(shown["generation"], 1);
    registry.wants(&[(INSTANCE, &one("1.2.0"))]);
    runs(&node, INSTANCE, "1.2.0");
    assert_eq!(node.instance(INSTANCE).get("rolled_back"), None);
}
