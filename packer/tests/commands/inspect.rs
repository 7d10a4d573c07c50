//! `packer inspect`: the summary for people and the JSON.

use super::stage::{Stage, argument, golden, repository};

/// A variable of every type that a default is shown by.
const GLOBALS: &str = r#"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum mode { MODE_SLOW, MODE_FAST = 5 };
struct pair { int one, two; };

const volatile __u32 two = 2;
const volatile short below = -3;
const volatile unsigned long long wide = -1;
const volatile _Bool on = 1;
const volatile _Bool off = 0;
const volatile enum mode mode = MODE_FAST;
const volatile enum mode unnamed = 7;
const volatile double half = 0.5;
const volatile char comm[16] = "ba\"sh";
const volatile char empty[300] = "";
const volatile char split[4] = "a\0b";
const volatile unsigned char mac[6] = { 2, 0, 0x5e, 16, 0, 1 };
const volatile struct pair pair = { 1, 2 };
const volatile struct pair zeros = { 0, 0 };
const volatile char long_one[300] = "x";

SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	return two + below + wide + on + off + mode + unnamed + comm[0] + empty[0] + split[0] +
	       mac[0] + pair.one + zeros.one + long_one[0];
}

char LICENSE[] SEC("license") = "GPL";
"#;

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
fn defaults_are_shown_as_their_type_says_and_as_bytes_where_it_says_nothing() {
    let stage = Stage::new();
    stage.file(
        "probe/payload.toml",
        "name = \"acme/probe\"\nversion = \"1.0.0\"\n",
    );
    stage.file("probe/probe.bpf.c", GLOBALS);
    stage.run(&["build", "probe", "-o", "probe.wasm"]).done();
    let text = stage.run(&["inspect", "probe.wasm"]).done().text();
    let (_, globals) = text.split_once("globals\n").unwrap();
    for (name, shown) in [
        ("two", "2"),
        ("below", "-3"),
        ("wide", "18446744073709551615"),
        ("on", "true"),
        ("off", "false"),
        ("mode", "MODE_FAST"),
        ("unnamed", "7"),
        ("half", "0.5"),
        ("comm", "\"ba\\\"sh\""),
        ("empty", "\"\""),
        ("split", "61 00 62 00"),
        ("mac", "02 00 5e 10 00 01"),
        ("pair", "01 00 00 00 02 00 00 00"),
        ("zeros", "0"),
        ("long_one", "too long to show"),
    ] {
        let mut lines = globals.lines();
        let line = lines.find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{text}"));
        let (_, value) = line.split_once(" bytes  ").unwrap();
        assert_eq!(value.trim_start(), shown, "{line}");
    }
    let json = stage.run(&["inspect", "--json", "probe.wasm"]).done();
    let report: serde_json::Value = serde_json::from_slice(&json.output).unwrap();
    let globals = report["manifest"]["globals"].as_array().unwrap();
    let two = globals.iter().find(|global| global["name"] == "two");
    assert_eq!(two.unwrap()["default"], "02000000");
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

#[test]
fn a_handler_is_shown_with_what_it_is_and_what_it_asks_for() {
    let stage = Stage::new();
    let file = |path: &str| std::fs::read(repository(path)).unwrap();
    stage.file(
        "handled/payload.toml",
        "name = \"acme/handled\"\nversion = \"1.0.0\"\n[handler]\nstate = \"require\"\n\
         call_ms_max = 20\n[handler.maps]\nevents = \"write\"\n\
         [handler.metrics.seconds]\nkind = \"histogram\"\nlabels = [\"peer\"]\n\
         buckets = [0.001, 1]\nhelp = \"How long.\"\nseries_max = 2000\n\
         [handler.config]\nprefix = \"a\\tb\"\n",
    );
    stage.file(
        "handled/small.bpf.o",
        file("payload/tests/golden/small.bpf.o"),
    );
    let core = file("payload/tests/fuzz/corpus/handler.core.wasm");
    stage.file("handled/handler.wasm", &core);
    stage.run(&["build", "handled", "-o", "p.wasm"]).done();
    let text = stage.run(&["inspect", "p.wasm"]).done().text();
    for line in [
        "  lane     core",
        "  world    marrow:handler@1.0.0",
        "  sdk      c/1",
        "  state    goes on, or the update is refused",
        "  schema   2",
        "  accepts  1",
        "  call_ms_max           20",
        "  memory_bytes_max      16,777,216",
        "  emits_per_s_max       10,000",
        "  marrow:handler/host@1.0.0#emit",
        "  events  read and write",
        "  seconds  histogram  by peer, up to 2,000 series  to 0.001, 1  How long.",
        "  prefix  \"a\\tb\"",
        "  on-events",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line:?} is not in\n{text}"
        );
    }
    let report = stage.run(&["inspect", "p.wasm", "--json"]).done().json();
    let handler = &report["handler"];
    assert_eq!(handler["lane"], "core");
    // Without the section of producers.
    assert!(handler["size_bytes"].as_u64().unwrap() < core.len() as u64);
    assert!(
        handler["exports"]
            .as_array()
            .unwrap()
            .contains(&"snapshot".into())
    );
    assert_eq!(report["manifest"]["handler"]["state"], "require");
}
