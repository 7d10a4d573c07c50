//! Keys that both generations wrote while one took over from the other: where counts are not added,
//! one of two writes is gone, and the proof counts exactly the keys of which one is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use payload::manifest::Merge;
use serde_json::Value;

use super::maps::{entries, get};
use super::migrate::{fire, joining, migrated, number, put, turn};
use super::node::Node;
use super::objects::object;
use super::waiting::{beside_one, is_root};

/// Keys, of which some are written by both generations and some by one.
const KEYS: u64 = 512;
const UPDATES: usize = 6;
/// Updates until one has met a conflict: how much is written in that moment is the machine's speed.
const UPDATES_MAX: usize = 100;
/// Keys between two breaths of the thread that writes them.
const WRITES: u64 = 4;
const BREATH: Duration = Duration::from_micros(100);

/// The keys are numbers of threads that no other test has, of another one's range.
fn key(index: u64) -> u64 {
    number(0) << 16 | index
}

/// How often each key was written.
struct Written(Vec<AtomicU64>);

impl Written {
    fn none() -> Self {
        Self((0..KEYS).map(|_| AtomicU64::default()).collect())
    }

    /// Writes one key after the other, again and again.
    fn go_on(&self, done: &AtomicBool) {
        for (index, writes) in (0..KEYS).zip(&self.0).cycle() {
            fire(key(index), 1);
            writes.fetch_add(1, Ordering::Relaxed);
            if index % WRITES == 0 {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(BREATH);
            }
        }
    }

    /// Writes of each key that its count in the map lacks; nobody writes meanwhile.
    fn gone(&self, node: &Node) -> Vec<u64> {
        let content = get(node, "m/maps/tallies?limit=4096");
        let counts: BTreeMap<u64, u64> = entries(&content)
            .iter()
            .map(|(key, tally)| (key.as_u64().unwrap(), tally["runs"].as_u64().unwrap()))
            .collect();
        let keys = (0..KEYS).zip(&self.0);
        keys.map(|(index, writes)| {
            let count = counts.get(&key(index)).copied().unwrap_or(0);
            let writes = writes.load(Ordering::Relaxed);
            assert!(count <= writes, "key {index}: {count} of {writes}");
            writes - count
        })
        .collect()
    }
}

/// Updates while the keys are written, as many as it takes; gives how many conflicts there were, and
/// how many there could have been.
fn conflicts_of(merge: Merge) -> (u64, u64) {
    let node = Node::start();
    let update = |version: usize| -> Value {
        let name = ["migrate", "migrate_moved"][version % 2];
        let carry = BTreeMap::new();
        put(&node, &joining(version + 1, &object(name), merge, carry))
    };
    update(0);
    let written = Written::none();
    let mut gone = vec![0; written.0.len()];
    let (mut conflicts, mut all) = (0, 0);
    for version in 1..=UPDATES_MAX {
        if version > UPDATES && (conflicts > 0 || merge == Merge::Add) {
            break;
        }
        all += KEYS;
        let ((), proof) = beside_one(|done| written.go_on(done), || update(version));
        let told = migrated(&proof, "tallies");
        assert_eq!(told["merge"], format!("{merge:?}").to_lowercase());
        assert_eq!(told["lost"], 0, "{told}");
        let now = written.gone(&node);
        let lacking = now.iter().zip(&gone).filter(|(now, then)| now != then);
        let lacking = lacking.count() as u64;
        assert_eq!(told["conflicts"], lacking, "{merge:?}, {version}: {told}");
        conflicts += lacking;
        gone = now;
    }
    (conflicts, all)
}

#[test]
fn keys_that_both_generations_wrote_are_counted_one_by_one() {
    if !is_root("conflicts of migrations") {
        return;
    }
    let _turn = turn();
    for merge in [Merge::None, Merge::Replace] {
        let (conflicts, all) = conflicts_of(merge);
        assert!(
            conflicts > 0 && conflicts < all,
            "{merge:?}: {conflicts} conflicts show nothing"
        );
    }
    assert_eq!(conflicts_of(Merge::Add).0, 0);
}
