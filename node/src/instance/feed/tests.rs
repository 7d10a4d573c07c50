//! Feeds of real rings with real guests: each record is put out exactly once, whatever fails.

mod faults;
mod states;
mod windows;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use handler::grant::{Grant, Limits, Ring as Given};
use handler::maps::NoMaps;
use handler::{Clock, Compiled, Engine, GuestRing, World};
use payload::event::Decoder;
use serde_json::Value;

use super::*;
use crate::instance::handling::{Begun, Carry, PROBATION_MS, Terms};
use crate::instance::health::FAULTS_MAX;
use crate::instance::metrics::Metrics;
use crate::instance::source::Buffer;
use crate::instance::told::Told;
use crate::kernel::ring::filled::Filled;

const RING_BYTES: u32 = 1 << 20;
const SCHEMA: u32 = 7;

fn world() -> World {
    World {
        maps: Arc::new(NoMaps),
        clock: Clock {
            now_mono_ns: || 0,
            now_wall_ns: || 0,
        },
        processes: false,
    }
}

/// A handler of this version: it fails on records that name it.
#[derive(Clone, Copy)]
struct Version {
    number: u64,
    /// What it does on such a record.
    fails_by: &'static str,
    fails_on_tick: bool,
    /// The schema of states that it goes on with.
    accepts: u32,
    /// Bits of what it handled of its window that it tells.
    tells: i32,
    state_bytes: u32,
}

/// More than any version: a record with this and a version makes it fail behind its work.
const LATE: u64 = 1_000;
const FIRST: Version = Version {
    number: 1,
    fails_by: "(unreachable)",
    fails_on_tick: false,
    accepts: SCHEMA,
    tells: -1,
    state_bytes: 24,
};

/// One that fails whenever it is told the time, and at its end.
const FAILING: Version = Version {
    fails_on_tick: true,
    ..FIRST
};

struct Bench {
    filled: Filled,
    engine: Engine,
    compiled: RefCell<BTreeMap<String, Compiled>>,
    feed: Feed,
    batch: Batch,
    lines: Vec<Value>,
    log: Vec<String>,
    told: Arc<Told>,
    now: Now,
    submitted: u64,
}

impl Bench {
    fn new(version: Version) -> Option<Self> {
        let filled = match Filled::new(RING_BYTES) {
            Ok(filled) => filled,
            Err(error) => {
                println!("not run: a real ring needs the right to load programs: {error}");
                return None;
            }
        };
        let mut bench = Self {
            filled,
            engine: Engine::new(None).unwrap(),
            compiled: RefCell::default(),
            feed: Feed::default(),
            batch: Batch::default(),
            lines: Vec::new(),
            log: Vec::new(),
            told: Arc::new(Told::new("core", BTreeMap::new())),
            now: Now { wall_us: 1, ms: 0 },
            submitted: 0,
        };
        let (mut handling, told) = bench.handling(version, Carry::Offered);
        handling.begin_first().unwrap();
        let ring = Buffer::Ring(bench.filled.open());
        let source = Source::new("x", 1, "events", ring, Decoder::raw());
        bench.feed = Feed::new("x", 1, vec![source], Some(handling));
        bench.told = told;
        Some(bench)
    }

    fn handling(&self, version: Version, carry: Carry) -> (Handling, Arc<Told>) {
        let wat = include_str!("tests/counting.wat")
            .replace("VERSION)", &format!("{})", version.number))
            .replace("LATE)", &format!("{})", version.number + LATE))
            .replace("FAILS_BY)", &format!("{})", version.fails_by))
            .replace(
                "FAILS_ON_TICK)",
                &format!("{})", i32::from(version.fails_on_tick)),
            )
            .replace("TELLS)", &format!("{})", version.tells))
            .replace("PAD)", &format!("{})", version.state_bytes));
        let mut known = self.compiled.borrow_mut();
        let compiled = known.entry(wat.clone()).or_insert_with(|| {
            let wasm = wat::parse_str(&wat).unwrap();
            let grant = Grant {
                imports: BTreeSet::from(["emit".to_owned()]),
                limits: Limits {
                    // The clock of these tests stands still.
                    emits_per_s_max: u32::MAX,
                    emit_bytes_per_s_max: u32::MAX,
                    ..Limits::default()
                },
                ..Grant::default()
            };
            self.engine.compile(&wasm, &grant).unwrap()
        });
        let compiled = compiled.clone();
        let memory: OwnedFd = self.filled.open().as_fd().try_clone_to_owned().unwrap();
        let ring = Given {
            name: "events".to_owned(),
            event: String::new(),
            size_bytes: RING_BYTES,
            layout: Vec::new(),
        };
        let maker = move || {
            let rings = [GuestRing {
                ring: &ring,
                memory: Some(memory.as_fd()),
            }];
            compiled.guest(&rings, world())
        };
        let guest = maker().unwrap();
        assert!(guest.is_mapped(0), "the ring is mapped into the guest");
        let told = Arc::new(Told::new("core", BTreeMap::new()));
        let terms = Terms {
            carry,
            accepts: vec![version.accepts],
        };
        let metrics = Arc::new(Metrics::default());
        let handling = Handling::new(Box::new(maker), guest, terms, Arc::clone(&told), metrics);
        (handling, told)
    }

    /// Records in order, on some of which a version fails.
    fn submit(&mut self, count: u64, fails: impl Fn(u64) -> u64) {
        for _ in 0..count {
            let number = self.submitted;
            let record = [number.to_ne_bytes(), fails(number).to_ne_bytes()].concat();
            self.filled.submit(&record);
            self.submitted += 1;
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Feed, &mut Batch, Now, &mut Out<'_>) -> T) -> T {
        let log = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&log);
        let tell = move |_, line: &str| told.lock().unwrap().push(line.to_owned());
        let lines = &mut self.lines;
        let mut deliver = |batch: &Batch| {
            let text = std::str::from_utf8(&batch.lines).unwrap();
            lines.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()),
            );
        };
        let mut out = Out {
            deliver: &mut deliver,
            tell: &tell,
        };
        let done = act(&mut self.feed, &mut self.batch, self.now, &mut out);
        self.log.append(&mut log.lock().unwrap());
        done
    }

    /// Until nothing is there.
    fn read(&mut self) {
        for _ in 0..100_000 {
            self.with(Feed::look_at_the_clock);
            if !self.with(|feed, batch, now, out| feed.pass(|_| true, batch, now, out)) {
                return;
            }
        }
        panic!("reading does not end: {:?}", self.log);
    }

    fn later(&mut self, ms: u64) {
        self.now.ms += ms;
    }

    fn replace(&mut self, version: Version, generation: u64) {
        let (next, told) = self.handling(version, Carry::Require);
        let begun = self.with(|feed, _, now, out| feed.replace(next, generation, now, out));
        assert_eq!(begun.unwrap(), Begun::Carried);
        self.told = told;
    }

    /// The numbers that handlers put out, in order.
    fn numbers(&self) -> Vec<u64> {
        let number = |line: &Value| u64::from_str_radix(line["event"]["seq"].as_str()?, 16).ok();
        self.lines.iter().filter_map(number).collect()
    }

    /// Of the handler's own state: how many records, and how many out of order.
    fn counted(&mut self) -> (u64, u64) {
        let state = self
            .with(|feed, _, now, out| feed.told_state(now, out))
            .unwrap();
        let word = |at: usize| u64::from_le_bytes(state.bytes[at..at + 8].try_into().unwrap());
        (word(0), word(8))
    }
}

#[test]
fn each_record_is_handled_once_over_500_swaps_with_state() {
    let version = |number| Version {
        number,
        state_bytes: 25_000,
        ..FIRST
    };
    let Some(mut bench) = Bench::new(version(1)) else {
        return;
    };
    for swap in 0..500 {
        bench.submit(20, |_| 0);
        if swap % 3 == 0 {
            bench.read();
        }
        bench.replace(version(1 + swap % 2), swap + 2);
        bench.submit(10, |_| 0);
        bench.read();
        if swap % 2 == 0 {
            bench.later(PROBATION_MS);
            bench.read();
        }
    }
    bench.later(PROBATION_MS);
    bench.read();
    assert!(
        bench.numbers().into_iter().eq(0..bench.submitted),
        "all, once, in order"
    );
    assert_eq!(bench.counted(), (bench.submitted, 0));
    let last = bench.lines.last().unwrap();
    assert_eq!(last["generation"], 501);
}

#[test]
fn of_300_versions_that_fail_none_has_put_out_anything() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    let mut drawn = 1_u64;
    let mut draw = |below: u64| {
        drawn = drawn.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (drawn >> 33) % below
    };
    for round in 0..300 {
        // Somewhere in the records of this round the new version fails, at once or behind its work.
        let (at, by) = (bench.submitted + draw(40), 2 + LATE * draw(2));
        bench.submit(40, |number| if number == at { by } else { 0 });
        if round % 2 == 0 {
            bench.with(|feed, batch, now, out| feed.pass(|_| false, batch, now, out));
        }
        bench.replace(Version { number: 2, ..FIRST }, round + 2);
        bench.read();
        assert_eq!(bench.told.shown().faults, 1, "round {round}");
        let last = bench.lines.last().unwrap();
        assert_eq!(last["generation"], 1, "the first one goes on");
    }
    assert!(
        bench.numbers().into_iter().eq(0..bench.submitted),
        "all, once, in order"
    );
    assert_eq!(bench.counted(), (bench.submitted, 0));
}

#[test]
fn what_a_handler_says_at_the_end_of_its_instance_is_put_out_last() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(3, |_| 0);
    bench.read();
    bench.with(|feed, batch, now, out| {
        feed.settle(now, out);
        feed.shut_down(batch, now, out);
    });
    assert_eq!(bench.numbers(), [0, 1, 2, u64::MAX - 1]);
    assert_eq!(bench.told.shown().faults, 0);
}

#[test]
fn what_a_handler_says_at_the_end_and_fails_is_not_put_out() {
    let Some(mut bench) = Bench::new(FAILING) else {
        return;
    };
    bench.submit(3, |_| 0);
    bench.read();
    bench.with(|feed, batch, now, out| {
        feed.settle(now, out);
        feed.shut_down(batch, now, out);
    });
    assert_eq!(bench.numbers(), [0, 1, 2]);
    assert_eq!(bench.told.shown().faults, 1);
}

#[test]
fn what_fails_with_rings_of_its_own_leaves_its_records_to_plain_decoding() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(10, |_| 0);
    bench.read();
    bench.with(|feed, _, now, out| feed.settle(now, out));
    let (next, told) = bench.handling(Version { number: 2, ..FIRST }, Carry::Offered);
    let ring = Buffer::Ring(bench.filled.open());
    let source = Source::new("x", 2, "events", ring, Decoder::raw());
    let before = std::mem::replace(&mut bench.feed, Feed::new("x", 2, vec![source], Some(next)));
    let turned = bench.with(|feed, _, now, out| feed.take_over(&before, now, out));
    assert_eq!(turned, Turned::Begun(Begun::Carried));
    bench.submit(10, |number| if number == 17 { 2 } else { 0 });
    bench.read();
    assert_eq!(bench.numbers(), (0..10).collect::<Vec<_>>());
    let positions: Vec<&Value> = bench.lines[10..]
        .iter()
        .map(|line| &line["event"]["raw"])
        .collect();
    assert_eq!(
        positions.len(),
        10,
        "each is decoded, also those that it had handled"
    );
    assert!(told.failed().unwrap().contains("trapped"));
}
