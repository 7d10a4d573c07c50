//! What `node record` keeps of a payload that runs is what `packer test` runs its handler on.

use std::process::Command;

use tests::programs;

use super::node::{Named, command};
use super::waiting::{is_root, until};

/// Records that are kept.
const RECORDS: usize = 20;

#[test]
fn what_is_recorded_of_a_payload_is_what_its_handler_is_tested_with() {
    if !is_root("records of a payload") {
        return;
    }
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../bpf/execsnoop");
    let folder = tempfile::tempdir().unwrap();
    let payload = folder.path().join("execsnoop.wasm");
    let packer = |arguments: &[&str]| {
        let mut packer = Command::new(programs::built("packer"));
        let done = packer.args(arguments).output().unwrap();
        let messages = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {messages}");
        String::from_utf8(done.stdout).unwrap()
    };
    packer(&["build", source, "--output", payload.to_str().unwrap()]);
    let events = folder.path().join("events.jsonl");
    let mut record = command(&folder.path().join("no.sock"));
    record
        .arg("record")
        .arg(&payload)
        .arg("--output")
        .arg(&events);
    record.args(["--events", &RECORDS.to_string()]);
    let mut recording = record.spawn().unwrap();
    let named = Named::new("mw-record");
    let status = until("so many are recorded", || {
        named.run();
        recording.try_wait().unwrap()
    });
    assert!(status.success(), "{status:?}");
    let kept = std::fs::read_to_string(&events).unwrap();
    assert_eq!(kept.lines().count(), RECORDS, "{kept}");
    let told = packer(&["test", source, "--events", events.to_str().unwrap()]);
    assert!(told.contains("mw-record"), "{told}");
}
