//! Maps that are read while updates, pauses and programs change them.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

use super::kernel::Held;
use super::maps::{counted, entries, get, pause, start};
use super::node::Node;
use super::waiting::{beside_one, is_root, until};

/// What the caller of `churn` sets.
const LENGTH: u64 = 0x0063_6875_726e;

#[test]
fn maps_are_read_while_updates_follow_each_other() {
    if !is_root("maps over updates") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    counted(6).run();
    let runs = || {
        let variables = entries(&get(&node, "maps/maps/.bss"));
        variables
            .into_iter()
            .find(|(name, _)| *name == "runs")
            .unwrap()
            .1
    };
    assert!(runs().as_u64() > Some(0));
    let held = Held::by(node.pid());
    let read_until = |done: &AtomicBool| {
        let mut newest = 1;
        while !done.load(Ordering::Acquire) {
            for map in ["counts", ".bss", "ring"] {
                let content = get(&node, &format!("maps/maps/{map}"));
                let generation = content["generation"].as_u64().unwrap();
                assert!(generation >= newest, "{content}");
                newest = generation;
            }
        }
        newest
    };
    let (newest, ()) = beside_one(read_until, || {
        for _ in 0..10 {
            start(&node, "maps");
        }
    });
    assert!(newest > 1, "it read no newer generation");
    let counts = get(&node, "maps/maps/counts");
    assert_eq!(counts["generation"], 11);
    assert_eq!(counts["map"]["hand_over"], "shared");
    assert!(!entries(&counts).is_empty(), "the map went on: {counts}");
    let bss = get(&node, "maps/maps/.bss");
    assert_eq!(bss["map"]["hand_over"], "shared");
    let after = Held::by(node.pid());
    for kind in ["map_id", "prog_id"] {
        assert_eq!(
            after.count(kind),
            held.count(kind),
            "{kind} of generations that are gone"
        );
    }
}

#[test]
fn maps_of_a_paused_instance_are_read_and_stand_still() {
    if !is_root("maps of a paused instance") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let command = counted(7);
    command.run();
    pause(&node);
    let before = get(&node, "maps/maps/counts")["entries"].clone();
    command.run();
    assert_eq!(get(&node, "maps/maps/counts")["entries"], before);
    assert!(before.to_string().contains(command.name()), "{before}");
    assert_eq!(
        node.ask_unix("DELETE /api/v1/instances/maps", b"").status,
        204
    );
    assert_eq!(
        node.ask_unix("GET /api/v1/instances/maps/maps", b"").status,
        404
    );
}

#[test]
fn reading_ends_although_keys_come_and_go() {
    if !is_root("maps that change while they are read") {
        return;
    }
    let node = Node::start();
    start(&node, "churn");
    let null = File::options().write(true).open("/dev/null").unwrap();
    let call_until = |done: &AtomicBool| {
        while !done.load(Ordering::Acquire) {
            let refused = null.set_len(LENGTH);
            assert!(refused.is_err(), "/dev/null has no length");
        }
    };
    let ((), ()) = beside_one(call_until, || {
        until("the window is full", || {
            let content = get(&node, "churn/maps/window");
            (entries(&content).len() >= 150).then_some(())
        });
        for _ in 0..50 {
            let content = get(&node, "churn/maps/window");
            let mut keys: Vec<u64> = entries(&content)
                .iter()
                .map(|(key, value)| {
                    let (key, value) = (key.as_u64().unwrap(), value.as_u64().unwrap());
                    // The kernel gives the place of a deleted key to a younger one, which a
                    // look-up may find in the middle of its copy.
                    assert!(value >= key, "{key} has the value of an older key: {value}");
                    key
                })
                .collect();
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count, "a key twice");
        }
    });
    let still = get(&node, "churn/maps/window");
    assert_eq!(entries(&still).len(), 200, "{still}");
    assert!(entries(&still).iter().all(|(key, value)| key == value));
}
