//! Joining, on real maps: each rule, and each thing that two generations can do to one key.

use std::collections::HashMap;

use payload::btf::{Btf, Kind};
use payload::manifest::Merge;
use payload::migrate::Conversion;
use payload::object::MapKind;

use super::join::Joined;
use super::{Copied, Migration, Terms, read};
use crate::kernel::carried::CarriedMap;
use crate::kernel::join::Joiner;

/// Values of 16 bytes: what is counted, and a word of 4 bytes that is none of it; the new layout
/// has them the other way round and a field between them.
const OLD: [(&str, u32, u32); 2] = [("runs", 1, 0), ("word", 2, 64)];
const NEW: [(&str, u32, u32); 3] = [("word", 2, 0), ("fresh", 2, 32), ("runs", 1, 64)];

/// BTF of a struct of 16 bytes; type 1 is an unsigned integer of 8 bytes, type 2 a float of 4.
fn btf(members: &[(&str, u32, u32)]) -> Btf {
    let mut strings = b"\0u64\0float\0value\0".to_vec();
    let vlen = u32::try_from(members.len()).unwrap();
    let mut words = vec![1, 1 << 24, 8, 64, 5, 16 << 24, 4, 11, 4 << 24 | vlen, 16];
    for (name, of, bits) in members {
        words.extend([u32::try_from(strings.len()).unwrap(), *of, *bits]);
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    let types = u32::try_from(4 * words.len()).unwrap();
    let mut header = vec![0x0001_eb9f, 24, 0, types, types];
    header.push(u32::try_from(strings.len()).unwrap());
    let words = header.into_iter().chain(words).flat_map(u32::to_le_bytes);
    Btf::parse(words.chain(strings).collect()).unwrap()
}

/// Two maps of which the entries of the one were just copied into the other.
struct Pair(Migration);

fn old_value(runs: u64, word: u32) -> Vec<u8> {
    [&runs.to_le_bytes()[..], &word.to_le_bytes(), &[0; 4]].concat()
}

fn new_value(word: u32, fresh: u32, runs: u64) -> Vec<u8> {
    [
        &word.to_le_bytes()[..],
        &fresh.to_le_bytes(),
        &runs.to_le_bytes(),
    ]
    .concat()
}

impl Pair {
    fn new(kinds: (MapKind, MapKind), merge: Merge, entries: &[(u32, u64, u32)]) -> Self {
        let (old, new) = (btf(&OLD), btf(&NEW));
        let [was, is] = [&old, &new].map(|btf| btf.find(Kind::Struct, "value").unwrap());
        let value = Conversion::between((&old, was), (&new, is)).unwrap();
        let mut terms = Terms::new(Conversion::verbatim(4), value, merge).unwrap();
        let source = CarriedMap::made(kinds.0, 16, 64);
        let target = CarriedMap::made(kinds.1, 16, 64);
        let joiner = Joiner::new(&target, terms.shape.take().unwrap()).unwrap();
        let base = vec![0; 16];
        let mut pair = Self(Migration {
            map: "values".to_owned(),
            source,
            target,
            terms,
            joiner: Some(joiner),
            source_kind: kinds.0,
            target_kind: kinds.1,
            base,
            copied: HashMap::new(),
        });
        for (key, runs, word) in entries {
            pair.old(*key, *runs, *word);
        }
        let migration = &mut pair.0;
        let terms = (&migration.terms, migration.base.as_slice());
        migration.copied = read(&migration.source, terms, !migration.is_array())
            .unwrap()
            .unwrap();
        for (key, Copied { target, .. }) in &migration.copied {
            migration.target.put(key, target).unwrap();
        }
        pair
    }

    /// The old generation writes.
    fn old(&self, key: u32, runs: u64, word: u32) {
        let values = vec![old_value(runs, word); self.0.source.values_a_key().unwrap()];
        self.0.source.put(&key.to_ne_bytes(), &values).unwrap();
    }

    /// The new generation writes.
    fn new_writes(&self, key: u32, word: u32, fresh: u32, runs: u64) {
        let count = self.0.target.values_a_key().unwrap();
        let values = vec![new_value(word, fresh, runs); count];
        self.0.target.put(&key.to_ne_bytes(), &values).unwrap();
    }

    fn deleted(&self, key: u32) {
        self.0.source.delete(&key.to_ne_bytes()).unwrap();
    }

    /// What the new map has for a key; on a per-CPU map all values must be equal.
    fn got(&self, key: u32) -> Option<(u32, u32, u64)> {
        let values = self.0.target.get(&key.to_ne_bytes()).unwrap()?;
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        let word = |at: usize| u32::from_le_bytes(values[0][at..at + 4].try_into().unwrap());
        let runs = u64::from_le_bytes(values[0][8..].try_into().unwrap());
        Some((word(0), word(4), runs))
    }

    fn joined(&self) -> (u64, u64, u64) {
        let Joined {
            inserted,
            conflicts,
            lost,
        } = self.0.join().unwrap();
        (inserted, conflicts, lost)
    }
}

fn may_make_maps(what: &str) -> bool {
    use std::os::unix::fs::MetadataExt;

    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        eprintln!("not run: {what} needs the right to make maps");
    }
    is_root
}

/// How often each of two adds while the other does.
const TIMES: u64 = 2000;
const HASHES: (MapKind, MapKind) = (MapKind::HASH, MapKind::HASH);
const TO_LRU: (MapKind, MapKind) = (MapKind::HASH, MapKind::LRU_HASH);
const PER_CPU: (MapKind, MapKind) = (MapKind::PERCPU_HASH, MapKind::PERCPU_HASH);
const PER_CPU_ARRAYS: (MapKind, MapKind) = (MapKind::PERCPU_ARRAY, MapKind::PERCPU_ARRAY);

#[test]
fn what_only_one_generation_wrote_is_its_word_under_every_rule() {
    if !may_make_maps("joining maps") {
        return;
    }
    for merge in [Merge::None, Merge::Add, Merge::Replace] {
        for kinds in [HASHES, TO_LRU, PER_CPU] {
            let pair = Pair::new(
                kinds,
                merge,
                &[(1, 10, 1), (2, 20, 2), (3, 30, 3), (4, 40, 4)],
            );
            pair.old(1, 15, 9);
            pair.new_writes(2, 8, 7, 22);
            pair.deleted(3);
            pair.old(5, 50, 5);
            assert_eq!(pair.joined(), (1, 0, 0), "{merge:?} {kinds:?}");
            let got = [1, 2, 3, 4, 5].map(|key| pair.got(key));
            let expected = [
                Some((9, 0, 15)),
                Some((8, 7, 22)),
                None,
                Some((4, 0, 40)),
                Some((5, 0, 50)),
            ];
            assert_eq!(got, expected, "{merge:?} {kinds:?}");
        }
    }
}

#[test]
fn numbers_that_both_counted_are_added_and_are_no_conflict() {
    if !may_make_maps("joining maps") {
        return;
    }
    for kinds in [HASHES, TO_LRU, PER_CPU, PER_CPU_ARRAYS] {
        let pair = Pair::new(kinds, Merge::Add, &[(1, 10, 1), (2, 20, 2)]);
        pair.old(1, 15, 1);
        pair.new_writes(1, 6, 0, 12);
        // A number may go down.
        pair.old(2, 18, 2);
        pair.new_writes(2, 2, 0, 21);
        // Made by both.
        pair.old(5, 50, 0);
        pair.new_writes(5, 0, 0, 1);
        assert_eq!(pair.joined(), (0, 0, 0), "{kinds:?}");
        let expected = [Some((6, 0, 17)), Some((2, 0, 19)), Some((0, 0, 51))];
        assert_eq!([1, 2, 5].map(|key| pair.got(key)), expected, "{kinds:?}");
    }
}

#[test]
fn keys_that_both_wrote_are_counted_exactly() {
    if !may_make_maps("joining maps") {
        return;
    }
    let conflicts = |merge, kinds| {
        let entries: Vec<(u32, u64, u32)> = (1..=8).map(|key| (key, 10, 1)).collect();
        let pair = Pair::new(kinds, merge, &entries);
        for key in 1..=3 {
            pair.old(key, 11, 2);
            pair.new_writes(key, 3, 0, 12);
        }
        // Deleted by the one, written by the other.
        pair.deleted(4);
        pair.new_writes(4, 4, 0, 10);
        pair.old(5, 11, 1);
        pair.0.target.delete(&5_u32.to_ne_bytes()).unwrap();
        let joined = pair.joined();
        (joined, [1, 3, 4, 5, 6].map(|key| pair.got(key)))
    };
    let rest = Some((1, 0, 10));
    for kinds in [HASHES, PER_CPU] {
        let stays = [
            Some((3, 0, 12)),
            Some((3, 0, 12)),
            Some((4, 0, 10)),
            None,
            rest,
        ];
        assert_eq!(conflicts(Merge::None, kinds), ((0, 5, 0), stays));
        let added = [
            Some((3, 0, 13)),
            Some((3, 0, 13)),
            Some((4, 0, 10)),
            None,
            rest,
        ];
        assert_eq!(conflicts(Merge::Add, kinds), ((0, 5, 0), added));
        let old = Some((2, 0, 11));
        let replaced = [old, old, None, Some((1, 0, 11)), rest];
        assert_eq!(conflicts(Merge::Replace, kinds), ((0, 5, 0), replaced));
    }
}

#[test]
fn a_rollback_brings_back_what_the_new_generation_counted() {
    if !may_make_maps("joining maps") {
        return;
    }
    for kinds in [HASHES, PER_CPU, PER_CPU_ARRAYS] {
        let pair = Pair::new(kinds, Merge::Add, &[(1, 10, 1), (2, 20, 2), (3, 30, 3)]);
        pair.old(1, 15, 1);
        pair.new_writes(1, 1, 0, 12);
        assert_eq!(pair.joined(), (0, 0, 0));
        assert_eq!(pair.got(1), Some((1, 0, 17)));
        let back = pair.0.turned().unwrap();
        let new = |key: u32, word, fresh, runs| {
            let values = vec![new_value(word, fresh, runs); back.source.values_a_key().unwrap()];
            back.source.put(&key.to_ne_bytes(), &values).unwrap();
        };
        let old = |key: u32, runs, word| {
            let values = vec![old_value(runs, word); back.target.values_a_key().unwrap()];
            back.target.put(&key.to_ne_bytes(), &values).unwrap();
        };
        // Both count on: the new generation to its end, the old one since it is in charge again.
        new(1, 1, 9, 100);
        old(1, 16, 1);
        new(2, 7, 0, 20);
        new(6, 6, 6, 6);
        let Joined {
            inserted,
            conflicts,
            lost,
        } = back.join().unwrap();
        let made = u64::from(kinds == HASHES || kinds == PER_CPU);
        assert_eq!((inserted, conflicts, lost), (made, 0, 0), "{kinds:?}");
        let got = |key: u32| {
            let values = back.target.get(&key.to_ne_bytes()).unwrap().unwrap();
            assert!(values.iter().all(|value| *value == values[0]));
            values[0].clone()
        };
        assert_eq!(
            got(1),
            old_value(101, 1),
            "15, 2 and 83 of the new one, 1 since"
        );
        assert_eq!(got(2), old_value(20, 7));
        assert_eq!(got(3), old_value(30, 3));
        assert_eq!(got(6), old_value(6, 6));
    }
}

#[test]
fn entries_without_room_are_counted() {
    if !may_make_maps("joining maps") {
        return;
    }
    let entries: Vec<(u32, u64, u32)> = (0..60).map(|key| (key, 1, 1)).collect();
    let pair = Pair::new(HASHES, Merge::Add, &entries);
    (100..104).for_each(|key| pair.old(key, 1, 1));
    (200..203).for_each(|key| pair.new_writes(key, 1, 0, 1));
    assert_eq!(pair.joined(), (1, 0, 3));
}

#[test]
fn adding_loses_nothing_while_the_new_generation_adds() {
    if !may_make_maps("joining maps") {
        return;
    }
    let pair = Pair::new(HASHES, Merge::Add, &[(1, 0, 0)]);
    let adder = Pair::new(HASHES, Merge::Add, &[(1, 0, 0)]);
    // A second migration into the same map adds meanwhile, within the kernel like a program.
    let Migration { target, .. } = &pair.0;
    let other = &adder.0.terms;
    let places: Vec<_> = other
        .numbers
        .iter()
        .map(|one| (one.to, one.to_bytes))
        .collect();
    let shape = crate::kernel::join::Shape::new(4, &places, &[0; 16]).unwrap();
    let joiner = Joiner::new(target, shape).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..TIMES {
                let change = crate::kernel::join::Change {
                    key: &1_u32.to_ne_bytes(),
                    added: &[1],
                    expected: &[],
                    last: &[],
                };
                joiner.join(&change, None).unwrap();
            }
        });
        pair.old(1, 5, 0);
        for _ in 0..TIMES {
            assert_eq!(pair.joined(), (0, 0, 0));
        }
    });
    assert_eq!(pair.got(1), Some((0, 0, TIMES + 5 * TIMES)));
}
