//! Handlers in a real daemon: replaced with their objects and alone, under load, refused, undone.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use payload::manifest::{CarryState, Limit, Metric, MetricKind};
use payload::unsigned::Unsigned;
use serde_json::Value;
use tests::calls::{failing_lseek, thread_id};
use tests::{payloads, programs};

use super::lines;
use super::node::Node;
use super::objects::numbered;
use super::waiting::{beside, is_root, until};

/// What `versioned.bpf.c` reports.
pub(super) const REPORTED: i32 = 83;
const UPDATES: u64 = 200;
/// Of a handler alone, whose state has 25,000 bytes.
const SWAPS: u64 = 500;
const THREADS: u32 = 2;
const PUT: &str = "PUT /api/v1/instances/v";
/// No call has this number.
pub(super) const NEVER: u64 = u64::MAX;

/// Held by each test: a daemon hears the calls of all of this program.
static TURN: Mutex<()> = Mutex::new(());

pub(super) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handler of an object of this version (0: of any), which fails on calls of this number.
pub(super) fn wasm(version: u64, fails: u64) -> Vec<u8> {
    let text = include_str!("../../system/versioned.wat")
        .replace("VERSION", &version.to_string())
        .replace("FAILS", &fails.to_string());
    wat::parse_str(text).unwrap()
}

/// The metric of these handlers.
pub(super) fn reports_total() -> Metric {
    Metric {
        name: "reports_total".to_owned(),
        kind: MetricKind::Counter,
        help: None,
        labels: Vec::new(),
        buckets: Vec::new(),
        series_max: Limit(1),
    }
}

pub(super) fn payload_of(version: u64, object: u64, wasm: &[u8]) -> Vec<u8> {
    let object = numbered("versioned", object);
    payloads::handled(
        "test/v",
        &format!("{version}.0.0"),
        &object,
        wasm,
        |asked| {
            asked.state = CarryState::Require;
            asked.schema = 1;
            // The node of a test is not optimised.
            asked.call_ms_max = 200;
            asked.emits_per_s_max = Limit(100_000);
            asked.emit_bytes_per_s_max = Limit(1 << 28);
            asked.metrics = vec![reports_total()];
        },
    )
    .unwrap()
}

pub(super) fn put(node: &Node, file: &[u8]) -> Value {
    let answer = node.ask_unix(PUT, file);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["proof"].clone()
}

/// Calls until `done`; gives the thread and how many.
fn fire_until(done: &AtomicBool) -> (u64, u64) {
    let mut fired = 0;
    while !done.load(Ordering::Relaxed) {
        failing_lseek(i64::try_from(fired).unwrap(), REPORTED);
        fired += 1;
        // The rate that an unoptimised node keeps up with beside other tests.
        std::thread::sleep(Duration::from_micros(100));
    }
    (thread_id(), fired)
}

/// A number that the handler put out, and nothing else did.
fn number_of(line: &Value, field: &str) -> u64 {
    assert_eq!(line["stream"], "report", "{line}");
    u64::from_str_radix(line["event"][field].as_str().unwrap(), 16).unwrap()
}

/// Waits until the file has every call of these threads, each once and in order.
fn check_file(file: &Path, fired: &[(u64, u64)]) {
    let wanted: u64 = fired.iter().map(|(_, count)| count).sum();
    let seen = until("every call is in the file", || {
        let mut seen = lines::reports(file, number_of);
        seen.retain(|thread, _| fired.iter().any(|(other, _)| other == thread));
        let count: usize = seen.values().map(Vec::len).sum();
        (u64::try_from(count).unwrap() >= wanted).then_some(seen)
    });
    for (thread, count) in fired {
        let found = seen.get(thread).map_or(&[][..], Vec::as_slice);
        let wrong = found.iter().zip(0..).find(|(is, was)| **is != *was);
        assert_eq!(wrong, None, "thread {thread}");
        assert_eq!(
            u64::try_from(found.len()).unwrap(),
            *count,
            "thread {thread}"
        );
    }
}

/// What the handlers have counted.
fn metric(node: &Node) -> u64 {
    let text = node.ask_unix("GET /metrics", b"").body;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("reports_total{instance=\"v\"} "));
    line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// What `packer` makes of a core module for the component lane.
fn component(wasm: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let mut file = File::create(folder.path().join(name)).unwrap();
        file.write_all(bytes).unwrap();
    };
    write(
        "payload.toml",
        b"name = \"test/v\"\nversion = \"1.0.0\"\n[handler]\nlane = \"component\"\n",
    );
    write("handler.wasm", wasm);
    write(
        "nothing.bpf.c",
        b"__attribute__((section(\"socket\"))) int pass(void *ctx) { return 0; }",
    );
    let built = folder.path().join("built.wasm");
    let packer = Command::new(programs::built("packer"))
        .arg("build")
        .arg(folder.path())
        .arg("--output")
        .arg(&built)
        .output()
        .unwrap();
    assert!(packer.status.success(), "{packer:?}");
    let payload = Unsigned::from_payload(&std::fs::read(built).unwrap()).unwrap();
    payload.into_contents().handler.unwrap()
}

#[test]
fn each_event_is_handled_by_the_handler_of_its_own_generation_over_200_updates() {
    if is_root("updates of object and handler under load") {
        update_under_load("core", UPDATES, |wasm| wasm);
    }
}

#[test]
fn components_are_replaced_with_their_objects_as_modules_are() {
    if is_root("updates of object and component under load") {
        update_under_load("component", 20, |wasm| component(&wasm));
    }
}

/// Replaces object and handler so often while they are called, and looks at what came of each call.
fn update_under_load(lane: &str, updates: u64, made: impl Fn(Vec<u8>) -> Vec<u8>) {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
    let update = |version| {
        let handler = made(wasm(version, NEVER));
        put(&node, &payload_of(version, version, &handler))
    };
    update(1);
    let (fired, ()) = beside(
        THREADS,
        |_, done| fire_until(done),
        || {
            for version in 2..updates + 2 {
                let proof = update(version);
                for count in ["lost", "duplicated", "falls_through"] {
                    assert_eq!(proof[count], 0, "{count}: {proof}");
                }
                assert_eq!(proof["handler"]["state"], "carried", "{proof}");
                assert_eq!(proof["handler"]["alone"], false, "{proof}");
            }
        },
    );
    check_file(&folder.path().join("v.jsonl"), &fired);
    let handler = node.instance("v")["handler"].clone();
    assert_eq!(handler["faults"], 0, "{handler}");
    assert_eq!(handler["lane"], lane, "{handler}");
    let all: u64 = fired.iter().map(|(_, count)| count).sum();
    let counted = until("the metric has them all", || {
        let counted = metric(&node);
        (counted >= all).then_some(counted)
    });
    assert_eq!(counted, all);
}

#[test]
fn a_handler_is_replaced_alone_without_a_touch_to_programs_and_maps() {
    if !is_root("updates of handlers under load") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
    put(&node, &payload_of(1, 1, &wasm(0, NEVER)));
    let (fired, ()) = beside(
        THREADS,
        |_, done| fire_until(done),
        || {
            for version in 2..=SWAPS + 1 {
                // Another handler each time: it fails on a number that never comes.
                let file = payload_of(version, 1, &wasm(0, NEVER - version));
                let proof = put(&node, &file);
                assert_eq!(proof["handler"]["alone"], true, "{proof}");
                assert_eq!(proof["handler"]["state"], "carried", "{proof}");
                assert_eq!(proof["steps"]["verify_us"], 0, "{proof}");
                assert_eq!(proof["to"]["generation"], version);
            }
            let back = node.ask_unix("POST /api/v1/instances/v/rollback", b"");
            assert_eq!(back.status, 200, "{back:?}");
            let proof = back.json()["proof"].clone();
            assert_eq!(proof["to"]["generation"], SWAPS, "{proof}");
            assert_eq!(proof["rolled_back"]["way"], "flip", "{proof}");
        },
    );
    check_file(&folder.path().join("v.jsonl"), &fired);
}

#[test]
fn a_handler_that_fails_at_once_is_gone_back_from_and_loses_nothing() {
    if !is_root("a handler that fails") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
    put(&node, &payload_of(1, 1, &wasm(0, NEVER)));
    let thread = thread_id();
    let fire = |from: u64, to: u64| {
        (from..to).for_each(|number| failing_lseek(i64::try_from(number).unwrap(), REPORTED));
    };
    let back_to_1 = |reason: &str| {
        let instance = until("the first generation is in charge", || {
            let instance = node.instance("v");
            (instance["generation"] == 1).then_some(instance)
        });
        let told = instance["rolled_back"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
    };
    fire(0, 100);
    // Alone: the reader itself goes back.
    put(&node, &payload_of(2, 1, &wasm(0, 150)));
    fire(100, 200);
    back_to_1("on-events trapped");
    fire(200, 300);
    check_file(&folder.path().join("v.jsonl"), &[(thread, 300)]);
    assert!(
        node.journal().contains("failed on probation"),
        "{}",
        node.journal()
    );
}

#[test]
fn what_a_handler_may_not_have_is_refused_by_name_before_anything_changes() {
    if !is_root("handlers that are refused") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    put(&node, &payload_of(1, 1, &wasm(0, NEVER)));
    let refused = |text: &str, names: &[&str]| {
        let wasm = wat::parse_str(text).unwrap();
        let object = numbered("versioned", 1);
        let file = payloads::handled("test/v", "2.0.0", &object, &wasm, |_| {}).unwrap();
        let answer = node.ask_unix(PUT, &file);
        assert_eq!(answer.status, 422, "{answer:?}");
        for name in names {
            assert!(answer.body.contains(name), "{name}: {}", answer.body);
        }
        assert_eq!(node.instance("v")["generation"], 1);
    };
    let with = |import: &str, init: &str| {
        format!(
            "(module {import}
               (memory (export \"memory\") 1)
               (data (i32.const 64) \"counts\")
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 8))
               (func (export \"on-events\") (param i32 i32 i32) (result i32) (local.get 2))
               (func (export \"init\") (param i32 i32 i32 i32 i32 i32) (result i32)
                 {init} (i32.const 32)))"
        )
    };
    let clock = "(import \"wasi:clocks/monotonic-clock@0.2.0\" \"now\" (func (result i64)))";
    refused(&with(clock, ""), &["wasi:clocks/monotonic-clock@0.2.0#now"]);
    let newer = "(import \"marrow:handler/host@1.7.0\" \"now-mono\" (func (result i64)))";
    refused(
        &with(newer, ""),
        &["1.7.0", "now-mono", "this node has 1.0"],
    );
    let open =
        "(import \"marrow:handler/host@1.0.0\" \"map-open\" (func $open (param i32 i32 i32)))";
    let asks = "(call $open (i32.const 64) (i32.const 6) (i32.const 128))";
    refused(&with(open, asks), &["counts", "handler.maps"]);
    refused(&with("", "(unreachable)"), &["init trapped", "unreachable"]);
    refused(
        &with("", "(loop (br 0))"),
        &["init took longer than 100 ms"],
    );
    let fills = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 8))";
    refused(&with("", fills), &["bulk memory"]);
}
