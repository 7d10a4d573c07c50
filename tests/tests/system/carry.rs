//! `carry = require`: an update that would lose such a map is refused before anything changes.

use std::collections::BTreeMap;

use payload::manifest::{Carry, Described};
use serde_json::Value;
use tests::payloads;

use super::kernel::Held;
use super::node::{Named, Node};
use super::objects::object;
use super::waiting::{is_root, until};

const PUT: &str = "PUT /api/v1/instances/count";

/// A payload of the object, whose `counts` must go on.
fn requiring(version: &str, name: &str) -> Vec<u8> {
    let required = BTreeMap::from([("counts".to_owned(), Carry::Require)]);
    let described = Described {
        carry: required,
        ..Described::default()
    };
    payloads::described("test/count", version, &object(name), described).unwrap()
}

/// How a proof says that a map came to the new generation.
pub(crate) fn hand_over<'proof>(proof: &'proof Value, map: &str) -> &'proof Value {
    let maps = proof["maps"].as_array().unwrap();
    let found = maps.iter().find(|found| found["map"] == map);
    &found.unwrap_or_else(|| panic!("{map}: {proof}"))["hand_over"]
}

/// Runs the command once and gives the number that the map had for it.
fn counted(node: &Node, command: &Named, runs: usize) -> u64 {
    command.run();
    let numbers = until("the command is in the log", || {
        let events = node.events(1).into_iter().map(|line| line["event"].clone());
        let ours = events.filter(|event| event["name"]["comm"] == command.name());
        let numbers: Vec<u64> = ours.map(|event| event["runs"].as_u64().unwrap()).collect();
        (numbers.len() == runs).then_some(numbers)
    });
    numbers[runs - 1]
}

#[test]
fn an_update_that_would_lose_a_required_map_is_refused() {
    if !is_root("maps that must go on") {
        return;
    }
    let node = Node::start();
    let put = |file: &[u8]| {
        let answer = node.ask_unix(PUT, file);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["proof"].clone()
    };
    let command = Named::new(&format!("mw-{}", std::process::id()));
    // A first start has nothing to carry.
    let started = put(&requiring("1.0.0", "counts"));
    assert_eq!(hand_over(&started, "counts"), "fresh");
    assert_eq!(counted(&node, &command, 1), 0);
    let agreeing = put(&requiring("1.1.0", "counts"));
    assert_eq!(hand_over(&agreeing, "counts"), "shared");
    assert_eq!(counted(&node, &command, 2), 1);

    let before = Held::by(node.pid());
    let narrow = requiring("2.0.0", "counts_narrow");
    let problem = node.ask_unix(PUT, &narrow).problem();
    assert_eq!(problem["status"], 422, "{problem}");
    assert_eq!(problem["field"], "maps.counts", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("runs was __u64, is __u32"), "{detail}");
    let layouts: Vec<Vec<&str>> = problem["log"]
        .as_str()
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let pid = "last_pid - 0 4 bytes __u32".split(' ').collect();
    let runs = "runs 0 8 bytes __u64 4 4 bytes __u32".split(' ').collect();
    assert!(
        layouts.contains(&pid) && layouts.contains(&runs),
        "{layouts:?}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), &narrow).unwrap();
    let from_file = format!("@{}", file.path().display());
    let refused = node.cli(&["update", &from_file]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("map counts") && said.contains("last_pid"),
        "{said}"
    );

    assert_eq!(Held::by(node.pid()), before);
    assert_eq!(node.instance("count")["generation"], 2);
    assert_eq!(counted(&node, &command, 3), 2);

    // A struct that only grew is no loss.
    let wide = put(&requiring("2.1.0", "counts_wide"));
    assert_eq!(hand_over(&wide, "counts"), "migrated");
    assert_eq!(counted(&node, &command, 4), 3);

    // The wish is the new manifest's: one that lacks the map lets it go, and the proof says so.
    let without = put(&object("one"));
    assert_eq!(hand_over(&without, "counts"), "gone");
}
