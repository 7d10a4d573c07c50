//! The payloads of `bpf/`, as their publisher builds them: each is loaded by a daemon, something exact
//! is caused, and what the payload tells must be that and nothing else.

use std::ops::Deref;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::programs;

use super::http::Answer;
use super::lines;
use super::node::Node;
use super::waiting::until;

mod filemon;
mod opensnoop;
mod runqlat;
mod tcplife;
mod xdpcount;

/// The payload of the folder `bpf/<name>`, with this version.
fn payload(name: &str, version: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("payload.wasm");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../bpf/");
    let built = Command::new(programs::built("packer"))
        .args(["build", "--payload-version", version, "--output"])
        .arg(&file)
        .arg(format!("{root}{name}"))
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    std::fs::read(&file).unwrap()
}

/// Starts or updates the instance that is named like the payload, with the query that sets variables
/// and targets.
fn ask(node: &Node, name: &str, version: &str, query: &str) -> Answer {
    let line = format!("PUT /api/v1/instances/{name}{query}");
    node.ask_unix(&line, &payload(name, version))
}

/// As [`ask`], and gives the proof.
fn put(node: &Node, name: &str, version: &str, query: &str) -> Value {
    let answer = ask(node, name, version, query);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["proof"].clone()
}

/// The entries of a map: keys and values.
fn entries(node: &Node, name: &str, map: &str) -> Vec<(Value, Value)> {
    let shown = node.cli(&["--json", "maps", name, map]);
    assert!(shown.status.success(), "{shown:?}");
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let entries = shown["entries"]
        .as_array()
        .unwrap_or_else(|| panic!("{shown}"));
    let pair = |entry: &Value| (entry["key"].clone(), entry["value"].clone());
    entries.iter().map(pair).collect()
}

fn number(of: &Value, field: &str) -> u64 {
    of[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field}: {of}"))
}

/// A daemon that keeps every event in files: these payloads tell of all that goes on on the machine, more
/// than a daemon keeps by itself.
struct Keeping {
    node: Node,
    files: TempDir,
}

impl Keeping {
    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let node = Node::start_with(&["--events-dir", files.path().to_str().unwrap()]);
        Self { node, files }
    }
}

impl Deref for Keeping {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

/// What the daemon's only instance told, as far as `wanted` lets it through, once `enough` of it is there.
/// What its handler sums up is no event.
fn told(node: &Keeping, enough: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    until("the events are there", || {
        let mut events = Vec::new();
        for file in std::fs::read_dir(node.files.path()).unwrap() {
            lines::each(&file.unwrap().path(), |line| {
                if line["stream"] != "summary" && wanted(&line["event"]) {
                    events.push(line["event"].clone());
                }
            });
        }
        (events.len() >= enough).then_some(events)
    })
}
