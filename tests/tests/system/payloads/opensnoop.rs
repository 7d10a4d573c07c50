//! `opensnoop`: every call that opens a file, and what came of it.

use std::fs::{File, OpenOptions};

use super::super::waiting::is_root;
use super::{Keeping, put, told};

const ENOENT: i64 = 2;
/// Of `x86_64` and arm64 alike.
const O_APPEND: u64 = 0o2000;
/// Times that each file is opened.
const OPENS: usize = 20;

#[test]
fn opensnoop_tells_each_open_and_each_failure_once() {
    if !is_root("opensnoop") {
        return;
    }
    let node = Keeping::start();
    put(&node, "opensnoop", "1.0.0", "");
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    let not_there = folder.path().join("not-there");
    File::create(&there).unwrap();
    for _ in 0..OPENS {
        OpenOptions::new().append(true).open(&there).unwrap();
        File::open(&not_there).unwrap_err();
    }
    File::open(&there).unwrap();

    let ours = folder.path().to_str().unwrap();
    let events = told(&node, 2 * OPENS + 2, |event| {
        event["filename"].as_str().unwrap().starts_with(ours)
    });
    assert_eq!(events.len(), 2 * OPENS + 2);
    let pid = u64::from(std::process::id());
    assert!(events.iter().all(|event| event["pid"] == pid));
    let (opened, failed): (Vec<_>, Vec<_>) = events
        .iter()
        .partition(|event| event["filename"] == there.to_str().unwrap());
    assert!(
        opened
            .iter()
            .all(|event| event["ret"].as_i64().unwrap() > 2)
    );
    let appending = opened
        .iter()
        .filter(|event| event["flags"].as_u64().unwrap() & O_APPEND != 0);
    assert_eq!(appending.count(), OPENS);
    assert_eq!(failed.len(), OPENS);
    assert!(failed.iter().all(|event| event["ret"] == -ENOENT));
}
