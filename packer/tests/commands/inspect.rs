//! `packer inspect`: the summary for people and the JSON.

use super::stage::{Stage, argument, golden};

#[test]
fn the_summary_shows_what_the_object_has_needs_and_could_do() {
    let stage = Stage::new();
    let text = stage
        .run(&["inspect", argument(&golden("exec.bpf.o"))])
        .done()
        .text();
    for line in [
        "kind    object",
        "name    local/exec 0.0.0",
        "size    4,768 bytes",
        "  handle_exec  tracepoint  sched/sched_process_exec",
        "  rb       ringbuf  4,096 bytes",
        "event in rb: struct event, 24 bytes",
        "  comm  char[16]",
        "  seen          .bss     __u64           8 bytes  0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line:?} is not in\n{text}"
        );
    }
    assert!(text.contains("ringbuf_reserve"), "{text}");
    let trailing = text.lines().find(|line| line.ends_with(' '));
    assert_eq!(trailing, None);
}

#[test]
fn the_json_is_one_object_on_one_line_with_the_manifest_and_the_judgements() {
    let stage = Stage::new();
    let wrapped = golden("wrapped.json");
    let text = stage
        .run(&["inspect", "--json", argument(&wrapped)])
        .done()
        .text();
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["kind"], "legacy");
    assert_eq!(report["generation"], 0);
    assert_eq!(report["instance"], "hotupdate");
    assert_eq!(
        report["size_bytes"],
        std::fs::metadata(wrapped).unwrap().len()
    );
    assert_eq!(report["manifest"]["objects"][0]["size_bytes"], 4768);
    assert_eq!(report["judgements"][0]["needs"]["map_kinds"][0], "array");
    let event = &report["events"][0];
    assert_eq!(
        (&event["map"], &event["size_bytes"]),
        (&"rb".into(), &24.into())
    );
    let comm = serde_json::json!({"name": "comm", "type": "char[16]", "offset_bits": 64});
    assert_eq!(event["fields"][2], comm);
    let input = std::fs::read(golden("generation-2.json")).unwrap();
    let text = stage
        .run_with_input(&["inspect", "--json", "-"], &input)
        .done()
        .text();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["generation"], &report["instance"]),
        (&2.into(), &"exec_bpf".into())
    );
}

#[test]
fn the_digest_of_a_payload_is_that_of_its_file_as_build_printed_it() {
    let stage = Stage::new();
    let built = stage
        .run(&["build", argument(&golden("exec.bpf.o"))])
        .done()
        .text();
    let digest = built.trim_end().rsplit(' ').next().unwrap();
    let text = stage.run(&["inspect", "exec-0.0.0.wasm"]).done().text();
    assert!(text.contains(digest), "{text}");
}

#[test]
fn text_of_the_input_cannot_reach_the_terminal_raw() {
    let stage = Stage::new();
    let document = std::fs::read_to_string(golden("generation-0.json")).unwrap();
    stage.file(
        "bad.json",
        document.replace("\"name\":\"exec\"", "\"name\":\"\\u001b[31mred\\n\""),
    );
    let text = stage.run(&["inspect", "bad.json"]).done().text();
    assert!(
        !text.contains('\u{1b}') && text.contains("\\u{1b}[31mred\\n"),
        "{text}"
    );
    stage.file(
        "worse.json",
        document.replace("\"handle_exit\"", "\"\\u001b[31m\""),
    );
    let messages = stage.run(&["inspect", "worse.json"]).failed(3);
    assert!(!messages.contains('\u{1b}'), "{messages}");
}

#[test]
fn what_is_neither_of_the_three_kinds_is_refused() {
    let stage = Stage::new();
    for bytes in [
        b"".as_slice(),
        b"#!/bin/sh\n",
        b"\0asm",
        b"\x7fELF",
        b"{",
        b"[]",
    ] {
        let messages = stage.run_with_input(&["inspect", "-"], bytes).failed(3);
        assert!(
            messages.starts_with("packer: standard input: "),
            "{messages}"
        );
    }
    stage.run(&["inspect", "gone"]).failed(1);
}
