//! A reader of several real rings after another daemon was killed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use payload::event::Decoder;
use tempfile::TempDir;

use super::super::source::{Batch, Source};
use super::*;
use crate::instance::source::Buffer;
use crate::kernel::cursors::{Cursor, Cursors};
use crate::kernel::ring::filled::Filled;
use crate::sink::Sink;
use crate::sink::file::{FileSink, Rotation};

fn source(ring: &str, filled: &Filled, cursor: Option<Cursor>) -> Source {
    let buffer = Buffer::Ring(filled.open());
    Source::new("x", 1, ring, buffer, Decoder::raw()).with_cursor(cursor.unwrap())
}

fn rings() -> Option<(Filled, Filled)> {
    match (Filled::new(4096), Filled::new(4096)) {
        (Ok(one), Ok(two)) => Some((one, two)),
        (Err(error), _) | (_, Err(error)) => {
            println!("not run: a real ring needs the right to load programs: {error}");
            None
        }
    }
}

#[test]
fn what_was_being_handed_out_comes_before_anything_else() {
    let Some((one, two)) = rings() else { return };
    let cursors = Cursors::new().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("events.jsonl");
    let rotation = Rotation {
        file_bytes_max: 1 << 20,
        files_max: 1,
    };
    let open = || FileSink::open(&path, rotation).unwrap();

    // The first daemon writes one of the second ring's two lines before it is killed.
    let first = source("one", &one, cursors.fresh(0));
    let mut second = source("two", &two, cursors.fresh(1));
    two.submit(b"a");
    two.submit(b"b");
    let mut file = open();
    let killed = catch_unwind(AssertUnwindSafe(move || {
        second.pass(&mut Batch::default(), 1000, |batch| {
            let end = batch.lines.iter().position(|byte| *byte == b'\n');
            file.deliver(&batch.lines[..=end.unwrap()], 1);
            resume_unwind(Box::new("killed"));
        })
    }));
    assert!(killed.is_err(), "something was handed out");
    drop(first);

    one.submit(b"c");
    two.submit(b"d");
    let sources = vec![
        source("one", &one, cursors.slot(0)),
        source("two", &two, cursors.slot(1)),
    ];
    let feed = Feed::new("x", 1, sources, None);
    let counters = Arc::new(Counters::default());
    let sinks = Sinks::default().with("file", Box::new(open()));
    let tally = sinks.tally();
    let reader = Reader::start(
        "x",
        feed,
        sinks,
        Arc::clone(&counters),
        (|| 2000, Box::new(|_, _| ())),
    )
    .unwrap();
    let drained = reader.finish().unwrap();

    let text = fs::read_to_string(&path).unwrap();
    let told = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let ring = line["ring"].as_str().unwrap().to_owned();
        let raw = line["event"]["raw"].as_str().unwrap().to_owned();
        (ring, raw, line.get("replayed").is_some())
    };
    let lines: Vec<_> = text.lines().map(told).collect();
    let expected = [
        ("two", "61", false),
        ("two", "62", true),
        ("one", "63", false),
        ("two", "64", false),
    ];
    let expected =
        expected.map(|(ring, raw, replayed)| (ring.to_owned(), raw.to_owned(), replayed));
    assert_eq!(lines, expected);
    assert_eq!(drained.events, 4);
    assert_eq!(counters.counts().accepted, 4);
    let delivered: Vec<u64> = tally.counts().iter().map(|sink| sink.delivered).collect();
    assert_eq!(delivered, [4], "what was left out was delivered");
}
