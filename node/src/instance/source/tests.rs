//! Sources on real rings, which are read on by another source after the first one was killed: it
//! is dropped before it gives back what it handed out.

use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::kernel::cursors::Cursors;
use crate::kernel::ring::filled::Filled;
use crate::sink::Sinks;
use crate::sink::file::{FileSink, Rotation};
use crate::sink::hub::{Hub, HubSink};

const RING_BYTES: u32 = 256 * 1024;
/// Bytes of a record of eight bytes in the ring.
const STEP: u64 = 16;

/// A ring with its cursor, and the file that its lines go to.
struct Bench {
    filled: Filled,
    cursors: Cursors,
    folder: TempDir,
    batch: Batch,
}

impl Bench {
    fn new() -> Option<Self> {
        let filled = match Filled::new(RING_BYTES) {
            Ok(filled) => filled,
            Err(error) => {
                println!("not run: a real ring needs the right to load programs: {error}");
                return None;
            }
        };
        Some(Self {
            filled,
            cursors: Cursors::new().unwrap(),
            folder: TempDir::new().unwrap(),
            batch: Batch::default(),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.jsonl")
    }

    fn source(&self, cursor: Cursor) -> Source {
        let buffer = Buffer::Ring(self.filled.open());
        Source::new("x", 1, "events", buffer, Decoder::raw()).with_cursor(cursor)
    }

    /// A new ring's.
    fn first(&self) -> Source {
        self.source(self.cursors.fresh(0).unwrap())
    }

    /// The same ring's, in another daemon.
    fn next(&self) -> Source {
        self.source(self.cursors.slot(0).unwrap())
    }

    fn submit(&self, records: u64) {
        for record in 0..records {
            self.filled.submit(&record.to_ne_bytes());
        }
    }

    /// One pass into the file and the hub; whether it was replayed, `None` if nothing was there.
    fn pass(&mut self, source: &mut Source, now_us: u64, hub: &Arc<Hub>) -> Option<bool> {
        let mut sinks = sinks(&self.path(), hub);
        let moved = source.pass(&mut self.batch, now_us, |batch| hand(batch, &mut sinks));
        moved.unwrap().then_some(self.batch.replayed)
    }

    /// A pass whose daemon is killed after it has handed out and before it gives back.
    fn killed_pass(&mut self, mut source: Source, now_us: u64, hub: &Arc<Hub>) {
        let mut sinks = sinks(&self.path(), hub);
        let killed = catch_unwind(AssertUnwindSafe(move || {
            source.pass(&mut self.batch, now_us, |batch| {
                hand(batch, &mut sinks);
                resume_unwind(Box::new("killed"));
            })
        }));
        assert!(killed.is_err(), "something was handed out");
    }

    fn lines(&self) -> Vec<Value> {
        values(&fs::read_to_string(self.path()).unwrap())
    }
}

fn sinks(path: &Path, hub: &Arc<Hub>) -> Sinks {
    let rotation = Rotation {
        file_bytes_max: 1 << 20,
        files_max: 2,
    };
    let hub = HubSink {
        hub: Arc::clone(hub),
        now_ms: || 0,
    };
    Sinks::default()
        .with("file", Box::new(FileSink::open(path, rotation).unwrap()))
        .with("hub", Box::new(hub))
}

/// As the reader does.
fn hand(batch: &Batch, sinks: &mut Sinks) {
    if batch.replayed {
        sinks.replay(&batch.lines, batch.decoded);
    } else {
        sinks.deliver(&batch.lines, batch.decoded);
    }
    let lost: u64 = sinks
        .tally()
        .counts()
        .iter()
        .map(|sink| batch.decoded - sink.delivered)
        .sum();
    assert_eq!(lost, 0, "what is left out was delivered");
}

fn values(lines: &str) -> Vec<Value> {
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines}");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn positions(lines: &[Value]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line["position"].as_u64().unwrap())
        .collect()
}

fn multiples(count: u64) -> Vec<u64> {
    (0..count).map(|number| number * STEP).collect()
}

/// Lines of the hub: position, whether marked, when read.
fn marks(hub: &Hub) -> Vec<(u64, Option<bool>, u64)> {
    let page = hub.read(None, usize::MAX);
    let mark = |line: &crate::sink::hub::Line| {
        let line: Value = serde_json::from_str(&line.text).unwrap();
        (
            line["position"].as_u64().unwrap(),
            line.get("replayed").map(|replayed| replayed == true),
            line["read_us"].as_u64().unwrap(),
        )
    };
    page.lines.iter().map(mark).collect()
}

#[test]
fn a_file_is_exact_wherever_in_it_the_daemon_was_killed_and_again_in_the_replay() {
    let Some(mut bench) = Bench::new() else {
        return;
    };
    let hub = Arc::default();
    let mut source = bench.first();
    bench.submit(2);
    assert_eq!(bench.pass(&mut source, 1000, &hub), Some(false));
    let before = fs::read(bench.path()).unwrap().len();
    bench.submit(4);
    bench.killed_pass(source, 2000, &hub);
    let whole = fs::read(bench.path()).unwrap();
    for cut in before..=whole.len() {
        let mut file = File::create(bench.path()).unwrap();
        file.write_all(&whole[..cut]).unwrap();
        drop(file);
        let hub = Arc::default();
        bench.killed_pass(bench.next(), 3000, &hub);
        let lines = bench.lines();
        assert_eq!(positions(&lines), multiples(6), "cut at {cut}");
        let repeated = (2..6).map(|number| (number * STEP, Some(true), 2000));
        assert_eq!(marks(&hub), repeated.collect::<Vec<_>>());
    }

    let mut source = bench.next();
    bench.submit(1);
    assert_eq!(bench.pass(&mut source, 4000, &hub), Some(true));
    assert_eq!(bench.pass(&mut source, 5000, &hub), Some(false));
    assert_eq!(bench.pass(&mut source, 6000, &hub), None);
    let lines = bench.lines();
    assert_eq!(positions(&lines), multiples(7));
    assert_eq!(lines[6].get("replayed"), None);
    assert_eq!(lines[6]["read_us"], 5000);
    assert!(!bench.next().is_replaying(), "everything was given back");
}

#[test]
fn the_largest_span_is_replayed_as_the_same_span_and_nothing_behind_it() {
    let Some(mut bench) = Bench::new() else {
        return;
    };
    let record = [7; 1000];
    for _ in 0..200 {
        bench.filled.submit(&record);
    }
    let hub = Arc::default();
    bench.killed_pass(bench.first(), 1000, &hub);
    let handed_out = bench.lines();
    let bytes = u64::try_from(handed_out.len()).unwrap() * 1008;
    assert!((SPAN_BYTES_MAX..SPAN_BYTES_MAX + 1008).contains(&bytes));

    let mut source = bench.next();
    assert_eq!(bench.pass(&mut source, 2000, &hub), Some(true));
    assert_eq!(bench.lines(), handed_out, "all of it was left out");
    while bench.pass(&mut source, 3000, &hub).is_some() {
        assert!(!bench.batch.replayed);
    }
    let expected: Vec<u64> = (0..200).map(|number| number * 1008).collect();
    assert_eq!(positions(&bench.lines()), expected);
    let repeated = marks(&hub).len() - 200;
    assert_eq!(repeated, handed_out.len(), "one span was repeated");
}

#[test]
fn a_span_of_a_daemon_that_made_larger_ones_is_replayed_to_its_end() {
    let Some(mut bench) = Bench::new() else {
        return;
    };
    for _ in 0..200 {
        bench.filled.submit(&[7; 1000]);
    }
    let cursor = bench.cursors.fresh(0).unwrap();
    let handed_out = HandedOut {
        up_to: 190 * 1008,
        read_us: 1000,
    };
    cursor.store(handed_out);
    let hub = Arc::default();
    // A daemon for each span, killed after it has given that back.
    while bench.next().is_replaying() {
        assert_eq!(bench.pass(&mut bench.next(), 2000, &hub), Some(true));
        assert_eq!(cursor.load(), handed_out);
    }
    assert_eq!(bench.lines().len(), 190);
    assert_eq!(bench.pass(&mut bench.next(), 3000, &hub), Some(false));
    assert_eq!(bench.lines().len(), 200);
}

#[test]
fn without_a_word_of_what_was_handed_out_nothing_is_replayed() {
    let Some(mut bench) = Bench::new() else {
        return;
    };
    let hub = Arc::default();
    bench.submit(1);
    let mut plain = Source::new(
        "x",
        1,
        "events",
        Buffer::Ring(bench.filled.open()),
        Decoder::raw(),
    );
    assert_eq!(bench.pass(&mut plain, 1000, &hub), Some(false));

    // Words of another ring: of what this one has given back, and of what it never had.
    for up_to in [STEP, 1 << 40] {
        bench.submit(1);
        let cursor = bench.cursors.slot(0).unwrap();
        cursor.store(HandedOut { up_to, read_us: 1 });
        assert_eq!(
            bench.pass(&mut bench.next(), 2000, &hub),
            Some(false),
            "{up_to}"
        );
        let read_us = cursor.load().read_us;
        assert_eq!(read_us, 2000, "its own words stand there now");
    }
    assert_eq!(positions(&bench.lines()), multiples(3));
    assert_eq!(bench.cursors.slot(0).unwrap().load().up_to, 3 * STEP);
}
