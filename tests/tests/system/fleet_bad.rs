//! Bad releases that a rollout brings, with the registry stopped as soon as the node has them: the node is
//! back on the last good one by itself, tells it once the registry is there again, and tries the same no
//! more until another rollout asks.

use std::time::{Duration, Instant};

use payload::unsigned::Unsigned;
use serde_json::Value;
use tests::{calls, payloads};

use super::handlers::{NEVER, reports_total, turn, wasm};
use super::home::{Home, following, one, polled, reported, runs, two, version};
use super::hooks::call_slowly_until;
use super::node::{Named, Node};
use super::objects::numbered;
use super::release::{self, Release, release};
use super::served::Served;
use super::waiting::{beside_one, is_root, until};

const INSTANCE: &str = "fleet-bad";
const ROLLOUT: u64 = 7;
/// So soon a node is back from a bad release.
const BACK: Duration = Duration::from_secs(10);
/// Longer than any test waits.
const BAKE_MS: u64 = 600_000;
/// What `tests/system/paced.bpf.c` listens for.
const OF_PACED: i32 = 84;
/// What `tests/system/versioned.bpf.c` does.
const OF_VERSIONED: i32 = 83;

fn running(good: &Release) -> (Served, Home, Node) {
    let (registry, home) = (Served::start(), Home::new());
    registry.wants(&[(INSTANCE, good)]);
    let node = start(&home, &registry);
    // What is told is written down.
    reported(&registry, &format!("started {INSTANCE} 1.0.0"));
    (registry, home, node)
}

/// A node whose programs outlive it.
fn start(home: &Home, registry: &Served) -> Node {
    let more = ["--back-off-min-ms", "100", "--on-exit", "keep"];
    home.start_with(&registry.url(), &more)
}

/// Has the node run it, by this rollout, and stops the registry.
fn brings(registry: &Served, bad: &Release, rollout: u64) {
    let wanted = vec![bad.brought(INSTANCE, rollout, BAKE_MS)];
    registry.tells(&[bad], wanted, vec![]);
    reported(registry, &format!("updated {INSTANCE} {}", bad.version));
    registry.stop();
}

/// Waits until the last good one runs again: that takes no more than [`BACK`].
fn until_back(node: &Node) {
    until_with(node, || {});
}

/// The same, with something done before each look.
fn until_with(node: &Node, mut does: impl FnMut()) {
    let began = Instant::now();
    until("the last good one runs again", || {
        does();
        (version(node, INSTANCE).as_deref() == Some("1.0.0")).then_some(())
    });
    let took = began.elapsed();
    println!("back behind {took:?}");
    assert!(
        took < BACK,
        "it took {took:?}, at most {BACK:?} is promised"
    );
}

/// The registry is there again: it is told, and the node does not try the same once more.
fn told(registry: &Served, node: &Node, reason: &str) {
    registry.go_on();
    reported(registry, &format!("rolled_back {INSTANCE} 1.1.0"));
    let outcome = registry.outcome("rolled_back").unwrap();
    assert_eq!(outcome["rollout"], ROLLOUT, "{outcome}");
    let detail = outcome["problem"]["detail"].as_str().unwrap();
    println!("{detail}");
    assert!(detail.contains(reason), "{detail}");
    polled(registry);
    assert_eq!(version(node, INSTANCE).as_deref(), Some("1.0.0"));
    assert_eq!(following(node)["instances"][0]["step"], "refused");
    let back = registry.outcomes();
    let back = back.iter().filter(|one| one.starts_with("rolled_back"));
    assert_eq!(back.count(), 1, "it is told once");
}

/// `tests/system/versioned.bpf.c` with this number and a handler of reports of a version.
fn handled(number: u64, of: u64, version: &str) -> Release {
    let (object, wasm) = (numbered("versioned", number), wasm(of, NEVER));
    let file = payloads::handled("acme/trace", version, &object, &wasm, |asked| {
        asked.metrics = vec![reports_total()];
    });
    let contents = Unsigned::from_payload(&file.unwrap()).unwrap();
    release::signed(&contents.into_contents(), 1)
}

#[test]
fn what_the_verifier_rejects_never_runs() {
    if !is_root("a release that is rejected") {
        return;
    }
    let (registry, _home, node) = running(&one("1.0.0"));
    let bad = release("rejected", "acme/trace", "1.1.0", 1);
    registry.tells(
        &[&bad],
        vec![bad.brought(INSTANCE, ROLLOUT, BAKE_MS)],
        vec![],
    );
    reported(&registry, &format!("load_rejected {INSTANCE} 1.1.0"));
    registry.stop();
    assert_eq!(
        registry.outcome("load_rejected").unwrap()["rollout"],
        ROLLOUT
    );
    let shown = node.instance(INSTANCE);
    assert_eq!(
        (&shown["version"], &shown["generation"]),
        (&"1.0.0".into(), &1.into())
    );
}

#[test]
fn what_loses_events_is_left() {
    if !is_root("a release that loses events") {
        return;
    }
    let (registry, _home, node) = running(&one("1.0.0"));
    brings(
        &registry,
        &release("small", "acme/trace", "1.1.0", 1),
        ROLLOUT,
    );
    let named = Named::new("fleet-loses");
    until_with(&node, || {
        named.run();
    });
    told(&registry, &node, "refused");
}

#[test]
fn what_has_a_handler_that_traps_is_left() {
    if !is_root("a release whose handler traps") {
        return;
    }
    let _turn = turn();
    let good = handled(1, 0, "1.0.0");
    let (registry, _home, node) = running(&good);
    // Of another object, and of reports of a version that there are none of.
    let bad = handled(2, 9, "1.1.0");
    brings(&registry, &bad, ROLLOUT);
    (0..100).for_each(|number| calls::failing_lseek(number, OF_VERSIONED));
    until_back(&node);
    told(&registry, &node, "its handler failed");
}

#[test]
fn what_costs_ten_times_the_run_time_is_left() {
    if !is_root("a release that is slow") {
        return;
    }
    let good = release("paced", "acme/trace", "1.0.0", 1);
    let bad = release("paced_slow", "acme/trace", "1.1.0", 1);
    let (registry, _home, node) = running(&good);
    let call = |flag: &_| call_slowly_until(flag, OF_PACED, Duration::from_micros(200));
    let (_, ()) = beside_one(call, || {
        // What is staged is what the one before is timed for.
        let staged = vec![bad.brought(INSTANCE, ROLLOUT, BAKE_MS)];
        registry.tells(&[&bad], vec![good.wanted(INSTANCE)], staged);
        reported(&registry, &format!("staging staged {INSTANCE} 1.1.0"));
        until("the one before is timed", || {
            let says = registry.says();
            let since = &says.reports.last()?["instances"][0]["since_flip"];
            (since["runs"].as_u64()? > 1_000 && since["run_ns"].as_u64()? > 0).then_some(())
        });
        brings(&registry, &bad, ROLLOUT);
        until_back(&node);
    });
    told(&registry, &node, "ns a run");
}

#[test]
fn what_the_daemon_dies_with_is_left_by_the_next_one() {
    if !is_root("a release with which the daemon dies") {
        return;
    }
    let (registry, home, node) = running(&one("1.0.0"));
    let bad = two("1.1.0");
    brings(&registry, &bad, ROLLOUT);
    node.kill();
    let node = start(&home, &registry);
    until_back(&node);
    assert_eq!(
        node.instance(INSTANCE)["generation"],
        1,
        "it was gone on with"
    );
    let journal = node.journal();
    assert!(
        journal.contains("gone back to the generation before"),
        "{journal}"
    );
    told(
        &registry,
        &node,
        "the daemon died while generation 2 was watched",
    );
    // Nor in a later life.
    registry.stop();
    assert_eq!(node.stop(), Some(0));
    let node = start(&home, &registry);
    registry.go_on();
    until_back(&node);
    polled(&registry);
    until_back(&node);
    assert_eq!(following(&node)["instances"][0]["step"], "refused");
    // Another rollout asks anew.
    let wanted = vec![bad.brought(INSTANCE, ROLLOUT + 1, BAKE_MS)];
    registry.tells(&[], wanted, vec![]);
    runs(&node, INSTANCE, "1.1.0");
}

#[test]
fn what_daemons_die_of_while_they_load_it_is_given_up() {
    if !is_root("a release that daemons die of") {
        return;
    }
    let (registry, home, node) = running(&one("1.0.0"));
    let bad = two("1.1.0");
    node.kill();
    registry.tells(
        &[&bad],
        vec![bad.brought(INSTANCE, ROLLOUT, BAKE_MS)],
        vec![],
    );
    let dies = || {
        home.start_as(&registry.url(), |command| {
            command.args(["--on-exit", "keep"]);
            // Behind the load of an update.
            command.env("MARROW_FAULT", "prepare");
        })
    };
    for _ in 0..3 {
        dies().wait_for_death();
    }
    let node = dies();
    reported(&registry, &format!("failed {INSTANCE} 1.1.0"));
    let outcome = registry.outcome("failed").unwrap();
    assert_eq!(outcome["rollout"], ROLLOUT, "{outcome}");
    polled(&registry);
    assert_eq!(version(&node, INSTANCE).as_deref(), Some("1.0.0"));
    assert_eq!(following(&node)["instances"][0]["step"], "refused");
}

#[test]
fn a_watch_that_a_daemon_leaves_on_purpose_goes_on_in_the_next() {
    if !is_root("a watch over two daemons") {
        return;
    }
    let (registry, home, node) = running(&one("1.0.0"));
    let new = two("1.1.0");
    registry.tells(
        &[&new],
        vec![new.brought(INSTANCE, ROLLOUT, 15_000)],
        vec![],
    );
    reported(&registry, &format!("updated {INSTANCE} 1.1.0"));
    registry.stop();
    assert_eq!(node.stop(), Some(0));
    let node = start(&home, &registry);
    runs(&node, INSTANCE, "1.1.0");
    let shown = node.instance(INSTANCE);
    assert_eq!(shown["watch"]["before"]["generation"], 1, "{shown}");
    assert_eq!(shown["generation"], 2);
    registry.go_on();
    reported(&registry, &format!("committed {INSTANCE} 1.1.0"));
    let shown: Value = node.instance(INSTANCE);
    assert_eq!(
        (shown.get("watch"), &shown["version"]),
        (None, &"1.1.0".into())
    );
}
