//! What an instance of a real node puts out, viewed through a real registry.

use api::client::registry::Viewed;
use serde_json::Value;
use tokio::time::timeout;

use super::home::runs;
use super::node::Named;
use super::registry::{Follower, Publisher, Registry, publish, wait};
use super::release::release;
use super::waiting::{PATIENCE, is_root, until};

#[test]
fn what_an_instance_puts_out_is_seen_at_the_registry_while_somebody_views() {
    if !is_root("events of a node, viewed at its registry") {
        return;
    }
    let registry = Registry::start();
    let (publisher, admin) = (Publisher::new(&registry, 1), registry.admin());
    let signed = release("one", "acme/viewed", "1.0.0", 1);
    wait(publish(&admin, &signed)).unwrap();
    wait(admin.set_channel("acme/viewed", "stable", "1.0.0")).unwrap();
    registry
        .deploy("viewed", "acme/viewed", "stable", "*")
        .unwrap();
    let follower = Follower::new(&registry, registry.url(), &publisher, "n1");
    let follower = follower.with(&["--share-events"]);
    let node = follower.start();
    runs(&node, "viewed", "1.0.0");
    until("it says that it runs it, and shares its events", || {
        let shown = wait(admin.node("n1")).unwrap().node;
        let runs = shown.instances.iter().any(|one| one.instance == "viewed");
        (runs && shown.facts.shares_events).then_some(())
    });
    let mut viewed = wait(admin.view_events("n1", "viewed")).unwrap();
    let named = Named::new("viewed-exec");
    let pid = named.run();
    let event = seen(&mut viewed, pid);
    let id = node.instance("viewed")["id"].as_u64().unwrap();
    assert!(
        node.events(id).contains(&event),
        "as the node itself has it"
    );
    drop(viewed);
    let mut again = wait(admin.view_events("n1", "viewed")).unwrap();
    seen(&mut again, named.run());
}

/// The first event that comes of this process.
fn seen(viewed: &mut Viewed, pid: u64) -> Value {
    let found = async {
        loop {
            let batch = viewed.next().await.unwrap().expect("it ended");
            let events = batch.events.iter().map(|one| one.event.get());
            let mut events = events.map(|text| serde_json::from_str::<Value>(text).unwrap());
            if let Some(found) = events.find(|one| one["event"]["pid"] == pid) {
                return found;
            }
        }
    };
    // A timer belongs to the runtime, so it is made inside.
    wait(async { timeout(PATIENCE, found).await }).expect("it comes in time")
}
