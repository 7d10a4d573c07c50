//! A hot update while commands run: another struct, more maps and programs, and nothing lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::node::{Named, Node};
use super::objects::{generation_0, object};
use super::waiting::{beside_one, is_root, until};

/// Updates while commands go on; each update must meet some.
const UPDATES: usize = 6;

#[test]
fn every_command_is_seen_exactly_once_over_updates() {
    if !is_root("hot updates under way") {
        return;
    }
    let node = Node::start();
    let update = |version: &str| {
        let answer = node.post("/start", generation_0("a", &object(version)).as_bytes());
        assert_eq!(answer.body, r#"["status","ok","id",1]"#);
    };
    update("one");
    let named = Named::new("mw-swap");
    let run_until = |stop: &AtomicBool| {
        let mut pids = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            pids.push(named.run());
        }
        pids
    };
    let (ran, ()) = beside_one(run_until, || {
        for update_number in 0..UPDATES {
            update(if update_number % 2 == 0 { "two" } else { "one" });
        }
    });
    // Process ids come again only after many more commands than are run here.
    let seen = until("every command is in the log", || {
        let seen = execs(&node, named.name());
        (seen.values().sum::<usize>() >= ran.len()).then_some(seen)
    });
    let expected: BTreeMap<u64, usize> = ran.iter().map(|pid| (*pid, 1)).collect();
    assert_eq!(seen, expected, "{} commands", ran.len());
    let answer = node.ask("GET /api/v1/instances/a/proofs", &[], b"").json();
    let proofs = answer["proofs"].as_array().unwrap();
    assert_eq!(proofs.len(), UPDATES + 1);
    for proof in &proofs[1..] {
        for count in ["lost", "duplicated", "falls_through"] {
            assert_eq!(proof[count], 0, "{count}: {proof}");
        }
    }
}

/// How often each command of this name was seen to start.
fn execs(node: &Node, comm: &str) -> BTreeMap<u64, usize> {
    let mut seen = BTreeMap::new();
    for line in node.events(1) {
        let event = &line["event"];
        if event["comm"] == comm && event["kind"] != "EXIT" {
            *seen.entry(event["pid"].as_u64().unwrap()).or_default() += 1;
        }
    }
    seen
}
