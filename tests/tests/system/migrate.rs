//! Maps whose layout changes go on: field by field, exactly where that is claimed, refused with
//! both structs where something would be lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use payload::manifest::{Carry, Described, Merge};
use serde_json::Value;
use tests::calls::failing_lseek;
use tests::payloads;

use super::carry::hand_over;
use super::maps::{entries, get};
use super::node::Node;
use super::objects::object;
use super::waiting::{beside_one, is_root};

/// What `migrate.bpf.c` looks for beside the descriptor.
const WHENCE: i32 = 78;
/// Maps whose counts are joined.
const JOINED: [&str; 4] = ["tallies", "keyed", "per_cpu", ".bss"];
/// Updates and ways back while threads fire.
const ROUNDS: usize = 10;

/// Held by each test: the totals count what any thread of this program fires.
static TURN: Mutex<()> = Mutex::new(());

pub(super) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One firing thread's number, which nobody else's calls have: other tests run on this machine.
pub(super) fn number(thread: u32) -> u64 {
    u64::from(std::process::id()) << 8 | u64::from(thread)
}

pub(super) fn fire(number: u64, times: u64) {
    let number = i64::try_from(number).unwrap();
    (0..times).for_each(|_| failing_lseek(number, WHENCE));
}

/// A payload of an object, whose counts are joined by this rule.
pub(super) fn joining(
    version: usize,
    object: &[u8],
    merge: Merge,
    carry: BTreeMap<String, Carry>,
) -> Vec<u8> {
    let merge = JOINED.map(|map| (map.to_owned(), merge));
    let described = Described {
        carry,
        merge: BTreeMap::from(merge),
        ..Described::default()
    };
    payloads::described("test/m", &format!("{version}.0.0"), object, described).unwrap()
}

/// The same of an object by its name, whose counts are added.
fn adding(version: usize, name: &str, carry: BTreeMap<String, Carry>) -> Vec<u8> {
    joining(version, &object(name), Merge::Add, carry)
}

pub(super) fn put(node: &Node, file: &[u8]) -> Value {
    let answer = node.ask_unix("PUT /api/v1/instances/m", file);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["proof"].clone()
}

fn update(node: &Node, version: usize, name: &str) -> Value {
    put(node, &adding(version, name, BTreeMap::new()))
}

pub(super) fn migrated<'proof>(proof: &'proof Value, map: &str) -> &'proof Value {
    let maps = proof["maps"].as_array().unwrap();
    let found = maps.iter().find(|found| found["map"] == map).unwrap();
    assert_eq!(found["hand_over"], "migrated", "{proof}");
    &found["migrated"]
}

/// The value of a key; `null` where there is none.
pub(super) fn value(node: &Node, map: &str, is_key: impl Fn(&Value) -> bool) -> Value {
    let content = get(node, &format!("m/maps/{map}?limit=4096"));
    let found = entries(&content).into_iter().find(|(key, _)| is_key(key));
    found.map_or(Value::Null, |(_, value)| value)
}

pub(super) fn variable(node: &Node, section: &str, name: &str) -> Value {
    value(node, section, |key| key == name)
}

/// Makes calls with this number until `done`; gives how many.
fn fire_until(done: &AtomicBool, number: u64) -> u64 {
    let mut fired = 0;
    while !done.load(Ordering::Relaxed) {
        fire(number, 64);
        fired += 64;
    }
    fired
}

#[test]
fn a_way_back_takes_the_counts_with_it() {
    if !is_root("ways back of migrations") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    update(&node, 1, "migrate");
    let number = number(5);
    let (fired, ()) = beside_one(
        |done| fire_until(done, number),
        || {
            for turn in 0..ROUNDS {
                update(&node, 2 * turn + 2, "migrate_moved");
                let answer = node.ask_unix("POST /api/v1/instances/m/rollback", b"");
                assert_eq!(answer.status, 200, "{answer:?}");
                let proof = answer.json()["proof"].clone();
                assert_eq!(proof["rolled_back"]["way"], "flip", "{proof}");
                assert_eq!(hand_over(&proof, "same"), "shared");
                for map in ["tallies", ".bss"] {
                    let told = migrated(&proof, map);
                    assert_eq!(told["conflicts"], 0, "{told}");
                    assert_eq!(told["lost"], 0, "{told}");
                }
            }
        },
    );
    let tally = value(&node, "tallies", |key| *key == number);
    assert_eq!(tally["runs"], fired, "{tally}");
    assert_eq!(tally["part"]["sum"], fired * number, "{tally}");
    assert_eq!(value(&node, "same", |key| *key == number), fired);
    assert_eq!(value(&node, "keyed", |key| key["number"] == number), fired);
}

#[test]
fn wider_counts_keys_and_larger_maps_begin_with_what_there_was() {
    if !is_root("migrations into wider layouts") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    update(&node, 1, "migrate");
    let number = number(3);
    let slot = number % 1024;
    let (fired, ()) = beside_one(
        |done| fire_until(done, number),
        || {
            let proof = update(&node, 2, "migrate_wide");
            for map in ["keyed", "per_cpu", ".bss"] {
                let told = migrated(&proof, map);
                assert_eq!(told["conflicts"], 0, "{told}");
            }
            assert_eq!(hand_over(&proof, "tallies"), "shared");
            let added = &migrated(&proof, ".bss")["added"];
            assert_eq!(*added, serde_json::json!(["fresh_variable"]));
        },
    );
    let keyed = get(&node, "m/maps/keyed?limit=4096");
    assert_eq!(keyed["map"]["kind"], "lru_hash");
    assert_eq!(keyed["map"]["entries_max"], 2048);
    let is_ours = |key: &Value| key["number"] == number && key["kind"] == 0;
    assert_eq!(value(&node, "keyed", is_ours), fired, "{keyed}");
    assert_eq!(value(&node, "per_cpu", |key| *key == slot), fired);
    assert_eq!(variable(&node, ".bss", "calls"), fired);
}

#[test]
fn what_a_layout_loses_is_told_or_refused() {
    if !is_root("migrations that lose something") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    update(&node, 1, "migrate");
    let number = number(4);
    fire(number, 100);
    let requiring = |name: &str, map: &str| {
        let carry = BTreeMap::from([(map.to_owned(), Carry::Require)]);
        let answer = node.ask_unix("PUT /api/v1/instances/m", &adding(2, name, carry));
        answer.problem()
    };
    // A field that is gone, by a map that must go on.
    let problem = requiring("migrate_lossy", "tallies");
    assert_eq!(problem["status"], 422, "{problem}");
    assert_eq!(problem["field"], "maps.tallies", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("would lose part"), "{detail}");
    let log = problem["log"].as_str().unwrap();
    assert!(log.contains("part.sum") && log.contains("runs"), "{log}");
    // A count that has no room for what was counted.
    let problem = requiring("migrate_narrow", "tallies");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("runs was __u64, is __u32"), "{detail}");
    assert!(
        problem["log"].as_str().unwrap().contains("part.sum"),
        "{problem}"
    );
    // Wider than before can't be taken back.
    assert_eq!(node.instance("m")["generation"], 1);
    let tally = value(&node, "tallies", |key| *key == number);
    assert_eq!(tally["runs"], 100, "what ran goes on: {tally}");

    // Where it is not required, the proof says what is gone.
    let proof = update(&node, 3, "migrate_lossy");
    let told = migrated(&proof, "tallies");
    assert_eq!(told["dropped"], serde_json::json!(["part"]), "{told}");
    assert_eq!(value(&node, "tallies", |key| *key == number)["runs"], 100);
    let data = proof["maps"].as_array().unwrap();
    let data = data.iter().find(|map| map["map"] == ".data").unwrap();
    assert!(
        data["reason"]
            .as_str()
            .unwrap()
            .contains("other (its initial value changed)"),
        "{data}"
    );
    assert_eq!(variable(&node, ".data", "other"), 6);
    let proofs = node.cli(&["proofs", "m"]);
    let text = String::from_utf8(proofs.stdout).unwrap();
    assert!(text.contains("without part"), "{text}");

    let proof = update(&node, 4, "migrate_narrow");
    assert_eq!(hand_over(&proof, "tallies"), "fresh");
    assert!(proof.to_string().contains("tallies"), "{proof}");
}

#[test]
fn variables_of_an_unchanged_layout_are_the_same_memory() {
    if !is_root("data sections that go on") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    update(&node, 1, "migrate");
    let number = number(6);
    let (fired, ()) = beside_one(
        |done| fire_until(done, number),
        || {
            for version in 2..6 {
                let proof = update(&node, version, "migrate");
                for map in [".bss", ".data", "tallies", "keyed", "per_cpu"] {
                    assert_eq!(hand_over(&proof, map), "shared", "{map}: {proof}");
                }
            }
        },
    );
    assert_eq!(value(&node, "tallies", |key| *key == number)["runs"], fired);
    assert_eq!(variable(&node, ".bss", "total"), fired);
    assert_eq!(variable(&node, ".data", "other"), 5);
}
