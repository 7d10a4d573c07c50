//! Each kind of hook under load: one object with a program a kind, replaced again and again by one
//! with another struct, while threads make calls with running numbers. Every hook must report
//! every call exactly once, in order, in the struct of its own generation.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::{calls, corpus};

use super::lines;
use super::node::{self, Node};
use super::waiting::{beside, is_root, until};

/// What `tests/corpus/live.h` listens for.
const WHENCE: i32 = 77;
/// Numbers that `live.h` gives the hooks that see calls, in the order of its enum.
pub(super) const CALL_HOOKS: std::ops::RangeInclusive<u64> = 1..=5;
/// The number of its sampling hook.
const PERF_EVENT: u64 = 6;
/// Threads that call.
const THREADS: u32 = 2;
/// Updates while they do.
const UPDATES: u64 = 20;

/// What was seen, by hook and thread: the numbers in the order of the events.
pub(super) type Seen = BTreeMap<(u64, u64), Vec<u64>>;

#[test]
fn each_kind_of_hook_sees_every_call_once_and_in_order_over_updates() {
    if !is_root("updates of every kind of hook") {
        return;
    }
    let node = Node::start();
    let start = |version: u64| {
        let object = corpus::object(&format!("live_{version}")).unwrap();
        let answer = node.ask_unix("PUT /api/v1/instances/live", &object);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["proof"].clone()
    };
    start(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    let mut follower = follow(&node, &file);
    let work = || {
        for update in 0..UPDATES {
            let proof = start(2 - update % 2);
            check_proof(&proof, update);
        }
    };
    let (calls, ()) = beside(THREADS, |_, stop| call_until(stop), work);
    let wanted: u64 = calls
        .iter()
        .map(|(_, count)| count * CALL_HOOKS.count() as u64)
        .sum();
    let seen = until("every call is in the event stream", || {
        let seen = read(&file);
        let numbers =
            CALL_HOOKS.flat_map(|hook| calls.iter().map(move |(thread, _)| (hook, *thread)));
        let count: usize = numbers.map(|key| seen.get(&key).map_or(0, Vec::len)).sum();
        (count as u64 >= wanted).then_some(seen)
    });
    follower.kill().unwrap();
    follower.wait().unwrap();
    for (thread, count) in &calls {
        for hook in CALL_HOOKS {
            let expected: Vec<u64> = (0..*count).collect();
            assert!(
                seen[&(hook, *thread)] == expected,
                "hook {hook}, thread {thread}"
            );
        }
    }
    samples_go_on_over_updates(&seen);
}

/// Behind the switch nothing falls through and all hooks stay; the proof must say the same.
fn check_proof(proof: &Value, update: u64) {
    assert_eq!(proof["lost"], 0, "{proof}");
    assert_eq!(proof["falls_through"], 0, "{proof}");
    let hooks = proof["hooks"].as_array().unwrap();
    assert_eq!(hooks.len(), 6);
    assert!(hooks.iter().all(|hook| hook["change"] == "kept"), "{proof}");
    let maps = proof["maps"].as_array().unwrap();
    let hand_over = |name| &maps.iter().find(|map| map["map"] == name).unwrap()["hand_over"];
    assert_eq!(hand_over("samples"), "shared", "update {update}: {proof}");
    assert_eq!(hand_over("events"), "fresh", "update {update}: {proof}");
}

/// The sampling hook numbers its events in a map that all generations share.
fn samples_go_on_over_updates(seen: &Seen) {
    let of_hook = seen.iter().filter(|((hook, _), _)| *hook == PERF_EVENT);
    let mut numbers: Vec<u64> = of_hook.flat_map(|(_, numbers)| numbers.clone()).collect();
    numbers.sort_unstable();
    assert!(numbers.len() as u64 > UPDATES, "{} samples", numbers.len());
    let all: Vec<u64> = (0..numbers.len() as u64).collect();
    assert!(numbers == all, "samples lost or seen twice");
}

/// Makes numbered calls until `stop`; gives the thread's id and how many it made.
pub(super) fn call_until(stop: &AtomicBool) -> (u64, u64) {
    // So that the follower of the event stream can keep up on a small machine.
    call_slowly_until(stop, WHENCE, Duration::from_micros(200))
}

/// The same with another number to listen for, and so long between two calls.
pub(super) fn call_slowly_until(
    stop: &AtomicBool,
    whence: i32,
    between_calls: Duration,
) -> (u64, u64) {
    let mut count: i64 = 0;
    while !stop.load(Ordering::Relaxed) {
        calls::failing_lseek(count, whence);
        count += 1;
        std::thread::sleep(between_calls);
    }
    (calls::thread_id(), u64::try_from(count).unwrap())
}

/// `node events live`, into a file.
pub(super) fn follow(node: &Node, file: &Path) -> Child {
    let mut follower = node::command(&node.socket());
    follower
        .args(["--json", "events", "live"])
        .stdout(Stdio::from(File::create(file).unwrap()));
    follower.spawn().unwrap()
}

/// Every event in the file that is complete; generations of odd numbers are of version one.
pub(super) fn read(file: &Path) -> Seen {
    read_with(file, |generation| 2 - generation % 2)
}

/// The same where only the first generation is of version one.
pub(super) fn read_back(file: &Path) -> Seen {
    read_with(file, |generation| if generation == 1 { 1 } else { 2 })
}

/// The same where any generation may be of any version.
pub(super) fn read_any(file: &Path) -> Seen {
    read_if(file, |_, _| true)
}

fn read_with(file: &Path, version_of: fn(u64) -> u64) -> Seen {
    read_if(file, |generation, version| {
        version_of(generation) == version
    })
}

fn read_if(file: &Path, is_of: impl Fn(u64, u64) -> bool) -> Seen {
    let mut seen = Seen::new();
    lines::each(file, |line| {
        let event = &line["event"];
        let number = |field: &str| event[field].as_u64().unwrap_or_else(|| panic!("{line}"));
        let generation = line["generation"].as_u64().unwrap();
        assert!(
            is_of(generation, number("version")),
            "another generation's struct: {line}"
        );
        let thread = if number("hook") == PERF_EVENT {
            0
        } else {
            number("thread")
        };
        seen.entry((number("hook"), thread))
            .or_default()
            .push(number("seq"));
    });
    seen
}
