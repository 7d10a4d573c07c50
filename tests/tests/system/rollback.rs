//! Going back: by a flip while the generation before is loaded, else from its file; by itself where a
//! watch fails. Under load no event is lost or seen twice over any of it.

use std::time::Duration;

use serde_json::Value;
use tests::corpus;

use super::hooks::{CALL_HOOKS, call_until, follow, read_back};
use super::kernel::Held;
use super::node::{Named, Node};
use super::objects::object;
use super::waiting::{beside, beside_one, is_root, until};

/// Ways back under load.
const ROUNDS: u64 = 50;
/// Threads that call.
const THREADS: u32 = 2;
/// How long a rate is measured before it is asked for.
const MEASURED: Duration = Duration::from_millis(1200);

pub(super) fn put(node: &Node, query: &str, file: &[u8]) -> Value {
    let answer = node.ask_unix(&format!("PUT /api/v1/instances/a{query}"), file);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["proof"].clone()
}

fn roll_back(node: &Node) -> Value {
    let answer = node.ask_unix("POST /api/v1/instances/a/rollback", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn history(node: &Node) -> Vec<Value> {
    let answer = node.ask_unix("GET /api/v1/instances/a/history", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["entries"].as_array().unwrap().clone()
}

/// What one command left in the log: the events of it, by whether they have the field of version
/// two.
pub(super) fn seen_by(node: &Node, named: &Named) -> (usize, bool) {
    let pid = named.run();
    let events = until("the command is in the log", || {
        let events = node.events(1);
        let events = events.into_iter().map(|line| line["event"].clone());
        let events: Vec<Value> = events.filter(|event| event["pid"] == pid).collect();
        let starts = events.iter().any(|event| event["kind"] != "EXIT");
        starts.then_some(events)
    });
    let starts = events.iter().filter(|event| event["kind"] != "EXIT");
    (
        starts.count(),
        events.iter().any(|event| event.get("kind").is_some()),
    )
}

#[test]
fn no_call_is_lost_or_seen_twice_over_updates_and_ways_back() {
    if !is_root("ways back under load") {
        return;
    }
    let node = Node::start();
    let ask = |line: &str, file: &[u8]| {
        let answer = node.ask_unix(&format!("{line} /api/v1/instances/live"), file);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["proof"].clone()
    };
    let versions = ["live_1", "live_2"].map(|name| corpus::object(name).unwrap());
    ask("PUT", &versions[0]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    let mut follower = follow(&node, &file);
    let work = || {
        for round in 0..ROUNDS {
            let updated = ask("PUT", &versions[1]);
            assert_eq!(updated["to"]["generation"], round + 2, "{updated}");
            let answer = node.ask_unix("POST /api/v1/instances/live/rollback", b"");
            assert_eq!(answer.status, 200, "{answer:?}");
            let back = answer.json()["proof"].clone();
            assert_eq!(back["to"]["generation"], 1, "{back}");
            assert_eq!(back["rolled_back"]["way"], "flip", "{back}");
            assert_eq!(
                back["rolled_back"]["only_new"], back["events_before"],
                "{back}"
            );
            for proof in [updated, back] {
                for count in ["lost", "duplicated", "falls_through"] {
                    assert_eq!(proof[count], 0, "{count}: {proof}");
                }
            }
        }
    };
    let (calls, ()) = beside(THREADS, |_, stop| call_until(stop), work);
    let wanted: u64 = calls
        .iter()
        .map(|(_, count)| count * CALL_HOOKS.count() as u64)
        .sum();
    let seen = until("every call is in the event stream", || {
        let seen = read_back(&file);
        let of_calls = seen
            .iter()
            .filter(|((hook, _), _)| CALL_HOOKS.contains(hook));
        let count: usize = of_calls.map(|(_, numbers)| numbers.len()).sum();
        (count as u64 >= wanted).then_some(seen)
    });
    follower.kill().unwrap();
    follower.wait().unwrap();
    for (thread, count) in &calls {
        let expected: Vec<u64> = (0..*count).collect();
        for hook in CALL_HOOKS {
            assert!(
                seen[&(hook, *thread)] == expected,
                "hook {hook}, thread {thread}: lost, twice, or out of order"
            );
        }
    }
}

#[test]
fn a_proof_says_what_each_ring_should_hold_for_the_pause() {
    if !is_root("room in rings") {
        return;
    }
    let node = Node::start();
    let put = || {
        let object = corpus::object("live_1").unwrap();
        let answer = node.ask_unix("PUT /api/v1/instances/live", &object);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["proof"].clone()
    };
    put();
    let (_, proof) = beside_one(call_until, || {
        // Longer than what a rate is measured over.
        std::thread::park_timeout(MEASURED);
        put()
    });
    let ring = &proof["rings"][0];
    let needed = ring["needed_bytes"]
        .as_u64()
        .unwrap_or_else(|| panic!("{proof}"));
    assert!(
        needed > 0 && needed < ring["size_bytes"].as_u64().unwrap(),
        "{ring}"
    );
    assert_eq!(proof.get("room"), None, "it was promised: {proof}");
}

#[test]
fn a_way_back_by_flip_leaves_only_the_generation_of_before() {
    if !is_root("what a way back leaves") {
        return;
    }
    let node = Node::start();
    put(&node, "", &object("one"));
    let alone = Held::by(node.pid());
    put(&node, "", &object("two"));
    let shown = node.instance("a");
    assert_eq!(shown["watch"]["before"]["generation"], 1, "{shown}");
    assert_eq!(shown["state"], "running");
    assert_ne!(Held::by(node.pid()), alone);
    let named = Named::new("mw-back");
    assert_eq!(seen_by(&node, &named), (1, true));
    let applied = roll_back(&node);
    assert_eq!(applied["instance"]["generation"], 1);
    assert_eq!(applied["instance"].get("watch"), None);
    assert_eq!(
        applied["instance"].get("rolled_back"),
        None,
        "it was asked for"
    );
    assert_eq!(Held::by(node.pid()), alone);
    assert_eq!(seen_by(&node, &named), (1, false));
    let nothing = node
        .ask_unix("POST /api/v1/instances/a/rollback", b"")
        .problem();
    assert_eq!(nothing["status"], 409, "{nothing}");
    // The number of what was gone back from is not used again.
    assert_eq!(
        put(&node, "?bake_ms=0", &object("two"))["to"]["generation"],
        3
    );
    assert_eq!(seen_by(&node, &named), (1, true));
}

#[test]
fn a_paused_instance_goes_back_and_stays_paused() {
    if !is_root("ways back while paused") {
        return;
    }
    let node = Node::start();
    let named = Named::new("mw-paused");
    put(&node, "", &object("one"));
    put(&node, "", &object("two"));
    let paused = node.ask_unix("POST /api/v1/instances/a/pause", b"").json();
    assert_eq!(paused["state"], "paused");
    assert_eq!(
        paused["watch"].get("until_ms"),
        None,
        "no time counts: {paused}"
    );
    let applied = roll_back(&node);
    assert_eq!(applied["instance"]["state"], "paused");
    named.run();
    let resumed = node.ask_unix("POST /api/v1/instances/a/resume", b"").json();
    assert_eq!(resumed["generation"], 1);
    assert_eq!(seen_by(&node, &named), (1, false));
    let starts = node
        .events(1)
        .into_iter()
        .filter(|line| line["event"]["comm"] == named.name());
    assert_eq!(starts.count(), 1, "nothing ran while it was paused");
}

#[test]
fn behind_the_watch_it_is_gone_back_from_the_file_and_after_a_restart_too() {
    if !is_root("ways back from the store") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let named = Named::new("mw-reload");
    {
        let node = Node::start_over(&state, &[]);
        put(&node, "?bake_ms=0", &object("one"));
        put(&node, "?bake_ms=0", &object("two"));
        let back = roll_back(&node)["proof"].clone();
        assert_eq!(back["rolled_back"]["way"], "reload", "{back}");
        assert_eq!(back["to"]["generation"], 3);
        assert_eq!(seen_by(&node, &named), (1, false));
        put(&node, "?bake_ms=0", &object("two"));
        assert_eq!(node.stop(), Some(0));
    }
    let node = Node::start_over(&state, &[]);
    let kept = history(&node);
    assert_eq!(kept.len(), 4, "of an instance that does not run: {kept:?}");
    assert!(node.cli(&["history", "a"]).status.success());
    assert_eq!(
        node.ask_unix("GET /api/v1/instances/b/history", b"").status,
        404
    );
    put(&node, "", &object("two"));
    assert_eq!(seen_by(&node, &named), (1, true));
    let back = roll_back(&node)["proof"].clone();
    assert_eq!(back["rolled_back"]["way"], "reload", "{back}");
    assert_eq!(seen_by(&node, &named), (1, false));
    let kept = history(&node);
    let of: Vec<_> = kept
        .iter()
        .map(|entry| &entry["proof"]["to"]["generation"])
        .collect();
    assert_eq!(of, [1, 2, 3, 4, 1, 2]);
    assert_eq!(kept[5]["in_charge"], true);
    assert_eq!(kept[5]["kept"], true);
    assert!(kept[5]["proof"]["rolled_back"]["reason"].is_string());
}

#[test]
fn a_generation_that_loses_is_left_by_itself() {
    if !is_root("failing watches") {
        return;
    }
    let node = Node::start();
    put(&node, "", &object("one"));
    put(&node, "?bake_ms=600000", &object("small"));
    let named = Named::new("mw-small");
    let mut runs = 0;
    let shown = until("it is gone back by itself", || {
        let shown = node.instance("a");
        if shown["generation"] == 1 {
            return Some(shown);
        }
        named.run();
        runs += 1;
        None
    });
    assert!(runs > 0, "it lost without anything to lose");
    let reason = shown["rolled_back"].as_str().unwrap();
    assert!(reason.contains("refused"), "{reason}");
    assert_eq!(shown.get("watch"), None);
    let answer = node.ask_unix("GET /api/v1/instances/a/proofs", b"").json();
    let back = answer["proofs"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(back["rolled_back"]["automatic"], true, "{back}");
    assert_eq!(back["from"]["generation"], 2);
    assert_eq!(seen_by(&node, &named), (1, false));
    assert!(
        node.journal()
            .contains("gone back to generation 1 by itself")
    );
    let shown = node.cli(&["status", "a"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("gone back to by itself"), "{text}");
    // A proof tells what was lost since the one before it, the instance what it ever lost.
    assert_ne!(back["lost"], 0, "{back}");
    let proof = put(&node, "?bake_ms=0", &object("two"));
    assert_eq!(proof["lost"], 0, "{proof}");
    assert_ne!(node.instance("a")["counts"]["kernel_lost"], 0);
}

#[test]
fn a_watch_ends_by_itself_and_an_update_under_it_lets_the_oldest_go() {
    if !is_root("watches that end") {
        return;
    }
    let node = Node::start();
    put(&node, "?bake_ms=0", &object("two"));
    put(&node, "?bake_ms=0", &object("one"));
    let alone = ["prog_id", "map_id", "link_id"].map(|kind| Held::by(node.pid()).count(kind));
    put(&node, "", &object("two"));
    let watched = ["prog_id", "map_id", "link_id"].map(|kind| Held::by(node.pid()).count(kind));
    put(&node, "", &object("one"));
    put(&node, "", &object("two"));
    let held = ["prog_id", "map_id", "link_id"].map(|kind| Held::by(node.pid()).count(kind));
    assert_eq!(held, watched, "never more than two generations");
    put(&node, "?bake_ms=50", &object("one"));
    until("the watch has ended", || {
        let counts = ["prog_id", "map_id", "link_id"].map(|kind| Held::by(node.pid()).count(kind));
        (counts == alone).then_some(())
    });
    assert_eq!(node.instance("a").get("watch"), None);
    // A refused update leaves the watch as it is.
    put(&node, "", &object("two"));
    let refused = node.ask_unix("PUT /api/v1/instances/a", &object("rejected"));
    assert_eq!(refused.status, 422);
    assert_eq!(node.instance("a")["watch"]["before"]["generation"], 6);
    let too_long = node.ask_unix("PUT /api/v1/instances/a?bake_ms=86400001", &object("one"));
    assert_eq!(too_long.status, 400);
    assert!(node.instance("a")["watch"]["until_ms"].as_u64() > Some(0));
}
