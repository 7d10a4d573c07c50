//! Two hundred whole updates under load, a new object each time: every call is reported once and in
//! order, and what is counted in maps goes on exactly, in shared ones and where counts are added.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payload::manifest::Merge;
use serde_json::Value;
use tests::calls::{failing_lseek, thread_id};

use super::carry::hand_over;
use super::lines;
use super::migrate::{fire, joining, migrated, number, put, turn, value, variable};
use super::node::Node;
use super::objects::numbered;
use super::waiting::{beside, is_root, until};

const UPDATES: u64 = 200;
/// Two layouts of the counts.
const NAMES: [&str; 2] = ["soak", "soak_moved"];
const THREADS: u32 = 2;
/// What `soak.bpf.c` reports.
const REPORTED: i32 = 79;
/// Calls that are counted for one that is reported.
const COUNTED: u64 = 16;

/// What one thread did.
struct Fired {
    number: u64,
    thread: u64,
    counted: u64,
    reported: u64,
}

/// Makes calls until `done`: some that are counted, then one that is reported.
fn fire_until(done: &AtomicBool, number: u64) -> Fired {
    let (mut counted, mut reported) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        fire(number, COUNTED);
        counted += COUNTED;
        failing_lseek(i64::try_from(reported).unwrap(), REPORTED);
        reported += 1;
        // The rate that an unoptimised node keeps up with beside other tests.
        std::thread::sleep(Duration::from_micros(100));
    }
    Fired {
        number,
        thread: thread_id(),
        counted,
        reported,
    }
}

#[test]
fn two_hundred_updates_under_load_lose_nothing_and_repeat_nothing() {
    if !is_root("two hundred updates under load") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
    let update = |version: u64| {
        let object = numbered(NAMES[usize::try_from(version % 2).unwrap()], version);
        let version = usize::try_from(version).unwrap();
        put(
            &node,
            &joining(version, &object, Merge::Add, BTreeMap::new()),
        )
    };
    update(1);
    let one = |thread: u32, done: &AtomicBool| fire_until(done, number(thread));
    let (fired, ()) = beside(THREADS, one, || {
        for version in 2..UPDATES + 2 {
            check_proof(&update(version), version);
        }
    });
    check_counts(&node, &fired);
    let file = folder.path().join("m.jsonl");
    let expected: BTreeMap<u64, Vec<u64>> = fired
        .iter()
        .map(|fired| (fired.thread, (0..fired.reported).collect()))
        .collect();
    let wanted: usize = expected.values().map(Vec::len).sum();
    let seen = until("every report is in the file", || {
        let mut seen = lines::reports(&file, number_of);
        // Who else on this machine calls so is nobody of ours.
        seen.retain(|thread, _| expected.contains_key(thread));
        (seen.values().map(Vec::len).sum::<usize>() >= wanted).then_some(seen)
    });
    for (thread, expected) in &expected {
        let found = seen.get(thread).map_or(&[][..], Vec::as_slice);
        let wrong = found.iter().zip(expected).position(|(is, was)| is != was);
        let at = wrong.unwrap_or(found.len().min(expected.len()));
        let around = |numbers: &[u64]| {
            numbers[at.saturating_sub(3)..]
                .iter()
                .take(9)
                .copied()
                .collect::<Vec<_>>()
        };
        assert!(
            found == expected,
            "thread {thread}: {} reports of {}; around the {at}th {:?}, not {:?}; {}",
            found.len(),
            expected.len(),
            around(found),
            around(expected),
            node.instance("m")["counts"]
        );
    }
}

fn check_proof(proof: &Value, version: u64) {
    assert_eq!(proof["to"]["generation"], version, "{proof}");
    for count in ["lost", "duplicated", "falls_through"] {
        assert_eq!(proof[count], 0, "{count}: {proof}");
    }
    assert_eq!(hand_over(proof, "same"), "shared");
    for map in ["tallies", ".bss"] {
        let told = migrated(proof, map);
        assert_eq!(told["merge"], "add", "{told}");
        assert_eq!(told["conflicts"], 0, "{told}");
        assert_eq!(told["lost"], 0, "{told}");
    }
}

fn check_counts(node: &Node, fired: &[Fired]) {
    for Fired {
        number, counted, ..
    } in fired
    {
        let tally = value(node, "tallies", |key| key == number);
        assert_eq!(tally["runs"], *counted, "{tally}");
        assert_eq!(tally["part"]["sum"], counted * number, "{tally}");
        assert_eq!(value(node, "same", |key| key == number), *counted);
        let keyed = value(node, "keyed", |key| key["number"] == *number);
        assert_eq!(keyed, *counted);
    }
    let all: u64 = fired.iter().map(|fired| fired.counted).sum();
    assert_eq!(variable(node, ".bss", "total"), all);
    assert_eq!(variable(node, ".bss", "calls"), all);
}

fn number_of(line: &Value, field: &str) -> u64 {
    line["event"][field].as_u64().unwrap()
}
